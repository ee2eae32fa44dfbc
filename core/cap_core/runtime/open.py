"""Opens a plan: fetches secrets, opens pools, and makes a function of every call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.plan import CapabilityPlan, Plan
from cap_core.plugins.context import Run
from cap_core.plugins.messages import Check
from cap_core.plugins.registry import Registry
from cap_core.plugins.transport import TransportContext
from cap_core.runtime.connections import Connector
from cap_core.runtime.destinations import Destination, destinations
from cap_core.runtime.open_callers import open_check
from cap_core.runtime.open_calls import CallOpener
from cap_core.runtime.options import OpenOptions
from cap_core.runtime.pools import Pools
from cap_core.runtime.variable_values import fetch

_log = get_logger("cap.open")


class OpenedPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan that can be served. `runs` by the calls' keys; `checks` by the keys of exposures that check callers."""

    runs: Mapping[str, Run]
    checks: Mapping[str, Check]
    leases: tuple[TransportContext, ...]
    """The leases of pools, which `close` gives back."""
    destinations: tuple[Destination, ...]
    secrets: tuple[str, ...]
    """Every value fetched, for the log's redaction."""
    upstreams: Mapping[str, str]
    """The addresses of upstreams by `Consumed.key`, without those that are not configured."""


async def open_plan(plan: Plan, registry: Registry, options: OpenOptions, pools: Pools) -> OpenedPlan:
    """Open everything that a plan needs. Calls for which something is not configured are opened too, and answer 503.

    Raises `CapError` for an option that its scheme or format refuses; then nothing stays open.
    """
    leases: list[TransportContext] = []
    locked: dict[str, list[str]] = {}
    parts: list[OpenedPlan] = []
    try:
        for capability in plan.capabilities:
            parts.append(await _open_capability(capability, registry, options, pools, leases, locked))
    except BaseException:
        await close(leases, pools)
        raise
    for unset, exposures in locked.items():
        _log.warning(f"nobody can be let in without {unset}, which has no value", exposures=exposures)
    return OpenedPlan(
        runs={key: run for part in parts for key, run in part.runs.items()},
        checks={key: check for part in parts for key, check in part.checks.items()},
        leases=tuple(leases),
        destinations=tuple(dict.fromkeys(one for part in parts for one in part.destinations)),
        secrets=tuple(secret for part in parts for secret in part.secrets),
        upstreams={key: address for part in parts for key, address in part.upstreams.items()},
    )


async def close(leases: Iterable[TransportContext], pools: Pools) -> None:
    """Give back the pools of an opened plan."""
    for lease in leases:
        await pools.release(lease)


async def _open_capability(
    plan: CapabilityPlan,
    registry: Registry,
    options: OpenOptions,
    pools: Pools,
    leases: list[TransportContext],
    locked: dict[str, list[str]],
) -> OpenedPlan:
    secrets = await fetch(plan.variables, keep_going=options.keep_going)
    values = {binding: secret.reveal() for binding, secret in secrets.items()}
    connector = Connector(plan, values, registry, options, pools, leases)
    opener = CallOpener(plan, values, registry, options, connector, pools.workers)
    runs: dict[str, Run] = {}
    checks: dict[str, Check] = {}
    for exposure in plan.exposures:
        if exposure.authentication is not None:
            checks[exposure.key] = open_check(exposure, exposure.authentication, values, registry.auth_schemes, locked)
        for call in exposure.calls:
            runs[call.key] = await opener.open(call)
    return OpenedPlan(
        runs=runs,
        checks=checks,
        leases=(),
        destinations=tuple(destinations(plan, secrets, registry.auth_schemes, local=pools.local)),
        secrets=tuple(values.values()),
        upstreams=connector.addresses(),
    )
