"""Opens the connection of each consumed namespace: its address, its credentials, and the pool that sends."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cap_core.errors import CapError, OptionError, Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.logging.redaction import MASK
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Consumed, Timeouts, Tls, Upstream
from cap_core.plan.values import Binding
from cap_core.plugins.auth import AuthFlow, Credentials
from cap_core.plugins.context import Send
from cap_core.plugins.guard import Source
from cap_core.plugins.registry import Registry
from cap_core.plugins.transport import TransportContext
from cap_core.runtime.base_uri import Base, base_of
from cap_core.runtime.credentials import ValueOf, required, sign
from cap_core.runtime.interception import Wrapper
from cap_core.runtime.options import OpenOptions
from cap_core.runtime.pools import Pools, upstream_of
from cap_core.runtime.refusals import not_set

_log = get_logger("cap.open")


class Connection(msgspec.Struct, frozen=True):
    """A namespace that can be called: its address, its credentials, and the function that sends requests."""

    base: Base
    credentials: Credentials
    send: Send
    sender: Source
    """The plugin that sends."""
    local: bool
    """Whether nothing that is sent leaves the process."""
    flow: tuple[Wrapper, ...] = ()
    """What an authentication with exchanges of its own puts around sending."""


class Connector:
    """Opens the connections of one capability, one for each consumed namespace.

    Every lease of a pool is added to `leases`, so that it can be given back if opening fails later.
    """

    def __init__(
        self,
        plan: CapabilityPlan,
        values: Mapping[Binding, str],
        registry: Registry,
        options: OpenOptions,
        pools: Pools,
        leases: list[TransportContext],
    ) -> None:
        self._plan = plan
        self._values = values
        self._registry = registry
        self._schemes = registry.auth_schemes
        self._sender = registry.source(f"transport {pools.key}")
        self._options = options
        self._pools = pools
        self._leases = leases
        self._opened: dict[int, Connection | Refusal] = {}
        self._connected: list[tuple[Consumed, Connection]] = []

    async def connect(self, consumed: Consumed) -> Connection | Refusal:
        """The connection of a namespace, or the refusal of its calls. Raises `CapError` for invalid options."""
        # A document may have one namespace twice, so its key is not unique.
        known = self._opened.get(id(consumed))
        if known is None:
            connect = self._connect_locally if self._pools.local else self._connect
            known = self._opened[id(consumed)] = await connect(consumed)
            if isinstance(known, Connection):
                self._connected.append((consumed, known))
        return known

    def addresses(self) -> Mapping[str, str]:
        """The address of each connection, without a slash at its end, by `Consumed.key`; of two of a name neither."""
        found: dict[str, set[str]] = {}
        for consumed, connection in self._connected:
            found.setdefault(consumed.key, set()).add(connection.base.text.rstrip("/"))
        return {key: next(iter(addresses)) for key, addresses in found.items() if len(addresses) == 1}

    async def _connect(self, consumed: Consumed) -> Connection | Refusal:
        address = base_of(consumed, self._values)
        if isinstance(address, Refusal):
            return address
        unset = [binding for binding in self._required(consumed) if binding not in self._values]
        if unset:
            self._warn_of_options(consumed)
            return not_set(unset, self._plan)
        credentials, exchange = self._sign(consumed, self._values.get)
        how = self._options.upstream(consumed)
        upstream = upstream_of(address, how.timeouts, how.tls, how.proxy, how.connections)
        send = await self._acquire(consumed, address, upstream)
        return Connection(address, credentials, send, self._sender, local=False, flow=self._flow(consumed, exchange))

    async def _connect_locally(self, consumed: Consumed) -> Connection:
        """The connection if nothing leaves the process: nothing has to be configured, credentials are masks."""
        known = base_of(consumed, self._values)
        address = known if isinstance(known, Base) else Base("https", "sandbox.invalid", 443, "")
        credentials, exchange = self._sign(consumed, lambda binding: MASK, masked=True)
        send = await self._acquire(consumed, address, upstream_of(address, Timeouts(), Tls(), None, 0))
        return Connection(address, credentials, send, self._sender, local=True, flow=self._flow(consumed, exchange))

    def _warn_of_options(self, consumed: Consumed) -> None:
        """Log what the options of an authentication lack besides the variables that are required, so that whoever sets
        those need not start once more to learn of it."""
        needed = self._required(consumed)
        try:
            self._sign(consumed, lambda binding: self._values.get(binding, MASK if binding in needed else None))
        except CapError as error:
            _log.warning(str(error))

    def _required(self, consumed: Consumed) -> list[Binding]:
        authentication = consumed.authentication
        return required(self._schemes[authentication.type], authentication) if authentication is not None else []

    def _sign(
        self, consumed: Consumed, value_of: ValueOf, *, masked: bool = False
    ) -> tuple[Credentials, AuthFlow | None]:
        """The credentials of every request; and the flow around sending, if the scheme needs one."""
        authentication = consumed.authentication
        if authentication is None:
            return Credentials(), None
        try:
            signed = sign(self._schemes[authentication.type], authentication, consumed, value_of, masked=masked)
        except OptionError as error:
            at = authentication.marks.get(error.option, authentication.at)
            raise CapError(error.what, at=at, hint=error.hint, code="bad-auth") from None
        return (Credentials(), signed) if isinstance(signed, AuthFlow) else (signed, None)

    def _flow(self, consumed: Consumed, exchange: AuthFlow | None) -> tuple[Wrapper, ...]:
        if exchange is None or consumed.authentication is None:
            return ()
        offer = f"auth scheme {consumed.authentication.type}"
        return ((self._registry.source(offer), f"the flow of the {offer}", exchange.wrap),)

    async def _acquire(self, consumed: Consumed, address: Base, upstream: Upstream) -> Send:
        lease = TransportContext(
            upstream=upstream,
            namespace=consumed.key,
            prefix=address.path,
            operations=tuple(o for o in self._plan.operations if o.consumed == consumed),
            state=self._options.state,
        )
        send = await self._pools.acquire(lease)
        self._leases.append(lease)
        return send
