"""Lists the hosts that each variable is sent to, which `cap serve` prints before it is ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from cap_core.logging.secret import Secret
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.request import Request
from cap_core.plan.upstream import Consumed
from cap_core.plan.values import Binding, leaves
from cap_core.plugins.auth import AuthScheme
from cap_core.runtime.base_uri import Base, base_of
from cap_core.runtime.credentials import bindings_of, required
from cap_core.runtime.refusals import origin_of


class Destination(msgspec.Struct, frozen=True):
    """A variable and a host that it is sent to, for people. `set` is False if it has no value."""

    variable: str
    origin: str
    host: str
    set: bool


def destinations(
    plan: CapabilityPlan, secrets: Mapping[Binding, Secret], schemes: Mapping[str, AuthScheme[Any]], *, local: bool
) -> Iterator[Destination]:
    """Every variable that is sent, call by call; with `local`, where masks replace credentials, only in values."""
    values = {binding: secret.reveal() for binding, secret in secrets.items()}
    seen: set[int] = set()
    calls = (call for exposure in plan.exposures for call in exposure.calls)
    for request in (step.request for call in calls for step in call.flow.steps):
        consumed = request.operation.consumed
        sent = list(_in_values(request))
        if id(consumed) not in seen and not local:
            sent = [*_of_namespace(consumed, secrets, schemes), *sent]
        seen.add(id(consumed))
        address = base_of(consumed, values)
        host = address.host if isinstance(address, Base) else "an address not set yet"
        for binding in sent:
            origin = secrets[binding].origin if binding in secrets else origin_of(binding, plan)
            yield Destination(binding.name, origin, host, binding in secrets)


def _of_namespace(
    consumed: Consumed, secrets: Mapping[Binding, Secret], schemes: Mapping[str, AuthScheme[Any]]
) -> Iterator[Binding]:
    """The variables of a base URI and of an authentication; optional ones only if they have a value."""
    base = consumed.base.parts if consumed.base is not None else ()
    yield from (part for part in base if isinstance(part, Binding))
    if (authentication := consumed.authentication) is not None:
        needed = required(schemes[authentication.type], authentication)
        yield from (b for b in bindings_of(authentication) if b in secrets or b in needed)


def _in_values(request: Request) -> Iterator[Binding]:
    """The variables in paths, queries, headers and bodies."""
    for field in request.fields:
        yield from (leaf for leaf in leaves(field.value) if isinstance(leaf, Binding))
