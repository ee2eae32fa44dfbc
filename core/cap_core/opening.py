"""A plan opened: secrets fetched, pools open, every call a function that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec
import structlog

from cap_core import formats
from cap_core.bases import Base, in_path, missing, render
from cap_core.credentials import MASK, Text, bindings_of, check, required, sign
from cap_core.errors import CapError, OptionError, Refusal
from cap_core.executor import compile_run
from cap_core.expressions import leaves, mentions_binding
from cap_core.offers import Credentials, Flow, Limits, OpenAt
from cap_core.plan import (
    Authentication,
    Binding,
    Call,
    CapabilityPlan,
    Consumed,
    ExposurePlan,
    Plan,
    Timeouts,
    Tls,
    Upstream,
)
from cap_core.plugins import Offers
from cap_core.pools import Pools, upstream_of
from cap_core.requests import compile_request
from cap_core.secret import Secret
from cap_core.types import Answer, Caller, Check, Incoming, Run, Send
from cap_core.variable_values import fetch

_log = structlog.get_logger("cap.open")


class UpstreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How one namespace's upstream is reached, where the configuration says so."""

    timeouts: Timeouts = Timeouts()
    tls: Tls = Tls()
    proxy: str | None = None
    connections: int = 0


class OpenOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says about running calls. `upstreams` by namespace or `capability:namespace`."""

    allow_plaintext: frozenset[str] = frozenset()
    upstreams: Mapping[str, UpstreamOptions] = {}
    strict_outputs: bool = False
    limits: Limits = Limits()
    transport: str = ""
    """The key of the transport; "" for the default one."""
    state: Path | None = None
    """The file in which a transport that keeps state keeps it."""

    def upstream(self, consumed: Consumed) -> UpstreamOptions:
        """The options of a namespace; the more exact key first."""
        return self.upstreams.get(consumed.key) or self.upstreams.get(consumed.namespace) or UpstreamOptions()

    def plaintext(self, consumed: Consumed) -> bool:
        """Whether this namespace's credentials may go over plain http."""
        return bool({consumed.key, consumed.namespace} & self.allow_plaintext)


class Destination(msgspec.Struct, frozen=True):
    """Which variable goes to which host, for people. `set` is False where it has no value."""

    variable: str
    origin: str
    host: str
    set: bool


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What opening gives: a run for each call and a check for each guarded exposure, by key."""

    runs: Mapping[str, Run]
    guards: Mapping[str, Check]
    ways: tuple[OpenAt, ...]
    destinations: tuple[Destination, ...]
    secrets: tuple[str, ...]
    """Every value fetched, for the log's redaction."""


async def open_plan(plan: Plan, offers: Offers, options: OpenOptions, pools: Pools) -> Opened:
    """Open everything a plan needs. What is not configured does not fail the start: its calls answer 503.

    Raises `CapError` for a scheme that refuses its expanded options.
    """
    opening = _Opening(offers, options, pools)
    try:
        for capability in plan.capabilities:
            await opening.capability(capability)
    except BaseException:
        await close(opening.ways, pools)
        raise
    return Opened(
        runs=opening.runs,
        guards=opening.guards,
        ways=tuple(opening.ways),
        destinations=tuple(dict.fromkeys(opening.destinations)),
        secrets=tuple(opening.secrets),
    )


async def close(ways: Iterable[OpenAt], pools: Pools) -> None:
    """Give back the pools of an opened plan."""
    for at in ways:
        await pools.release(at)


class _Opening:
    def __init__(self, offers: Offers, options: OpenOptions, pools: Pools) -> None:
        self.offers = offers
        self.options = options
        self.pools = pools
        self.runs: dict[str, Run] = {}
        self.guards: dict[str, Check] = {}
        self.ways: list[OpenAt] = []
        self.destinations: list[Destination] = []
        self.secrets: list[str] = []
        self.warned: set[str] = set()

    async def capability(self, plan: CapabilityPlan) -> None:
        secrets = await fetch(plan.variables)
        self.secrets += [secret.reveal() for secret in secrets.values()]
        values = {binding: secret.reveal() for binding, secret in secrets.items()}
        sends: dict[int, _Way | Refusal] = {}
        for exposure in plan.exposures:
            self._guard(exposure, values)
            for call in exposure.calls:
                consumed = call.operation.consumed
                if id(consumed) not in sends:
                    sends[id(consumed)] = await self._way(plan, consumed, values, secrets)
                self.runs[call.key] = self._wrapped(call, self._run(call, sends[id(consumed)], values, plan))
                self._tell_fields(plan, call, values, secrets)

    # --- towards upstreams ------------------------------------------------------------------------------------------

    async def _way(
        self, plan: CapabilityPlan, consumed: Consumed, values: Mapping[Binding, str], secrets: Mapping[Binding, Secret]
    ) -> _Way | Refusal:
        """The address, the credentials and the pool of a namespace, or why there are none."""
        if self.pools.local:
            return await self._local_way(plan, consumed, values)
        address = base_of(consumed, values, plan)
        named, needed = self._variables(consumed.authentication)
        base = consumed.base.parts if consumed.base is not None else ()
        told = [*(part for part in base if isinstance(part, Binding)), *named]
        for binding in told:
            if binding in values or binding in needed or binding not in named:
                self._tell(plan, binding, address, values, secrets)
        if isinstance(address, Refusal):
            return address
        unset = [binding for binding in needed if binding not in values]
        if unset:
            return not_set(unset, plan)
        credentials, wrap = self._credentials(consumed, values.get)
        how = self.options.upstream(consumed)
        upstream = upstream_of(address, how.timeouts, how.tls, how.proxy, how.connections)
        return _Way(address, credentials, await self._opened(plan, consumed, address, upstream, wrap))

    def _tell_fields(
        self, plan: CapabilityPlan, call: Call, values: Mapping[Binding, str], secrets: Mapping[Binding, Secret]
    ) -> None:
        """Variables in paths, queries, headers and bodies go to a host too."""
        address = base_of(call.operation.consumed, values, plan)
        for field in call.fields:
            for leaf in leaves(field.value):
                if isinstance(leaf, Binding):
                    self._tell(plan, leaf, address, values, secrets)

    def _tell(
        self,
        plan: CapabilityPlan,
        binding: Binding,
        address: Base | Refusal,
        values: Mapping[Binding, str],
        secrets: Mapping[Binding, Secret],
    ) -> None:
        host = address.host if isinstance(address, Base) else "an address not set yet"
        origin = secrets[binding].origin if binding in secrets else origin_of(binding, plan)
        self.destinations.append(Destination(binding.name, origin, host, binding in values))

    async def _local_way(self, plan: CapabilityPlan, consumed: Consumed, values: Mapping[Binding, str]) -> _Way:
        """Where nothing leaves the process, nothing has to be configured: masks stand in for credentials."""
        known = base_of(consumed, values, plan)
        address = known if isinstance(known, Base) else Base("https", "sandbox.invalid", 443, "")
        credentials, wrap = self._credentials(consumed, lambda binding: MASK, masked=True)
        upstream = upstream_of(address, Timeouts(), Tls(), None, 0)
        return _Way(address, credentials, await self._opened(plan, consumed, address, upstream, wrap))

    async def _opened(
        self, plan: CapabilityPlan, consumed: Consumed, address: Base, upstream: Upstream, wrap: Flow | None
    ) -> Send:
        operations = tuple(o for o in plan.operations if o.consumed == consumed)
        at = OpenAt(
            upstream=upstream,
            namespace=consumed.key,
            prefix=address.path,
            operations=operations,
            state=self.options.state,
        )
        send = await self.pools.acquire(at)
        self.ways.append(at)
        return wrap.wrap(send) if wrap else send

    def _variables(self, authentication: Authentication | None) -> tuple[list[Binding], list[Binding]]:
        """The variables an authentication names, and those of them that have to be set."""
        if authentication is None:
            return [], []
        return bindings_of(authentication), required(self.offers.auth_schemes[authentication.type], authentication)

    def _credentials(self, consumed: Consumed, text: Text, *, masked: bool = False) -> tuple[Credentials, Flow | None]:
        authentication = consumed.authentication
        if authentication is None:
            return Credentials(), None
        try:
            scheme = self.offers.auth_schemes[authentication.type]
            signed = sign(scheme, authentication, consumed, text, masked=masked)
        except OptionError as error:
            at = authentication.marks.get(error.option, authentication.at)
            raise CapError(error.what, at=at, hint=error.hint, code="bad-auth") from None
        return (Credentials(), signed) if isinstance(signed, Flow) else (signed, None)

    def _run(self, call: Call, way: _Way | Refusal, values: Mapping[Binding, str], plan: CapabilityPlan) -> Run:
        if isinstance(way, Refusal):
            return refusing(way)
        used = [leaf for field in call.fields for leaf in leaves(field.value) if isinstance(leaf, Binding)]
        unset = list(dict.fromkeys(binding for binding in used if binding not in values))
        if self.pools.local:
            values = {**values, **dict.fromkeys(unset, MASK)}
        elif unset:
            return refusing(not_set(unset, plan))
        bare = None if self.pools.local else unprotected(call, way.base, values, self.options)
        if bare is not None:
            if call.operation.consumed.key not in self.warned:
                self.warned.add(call.operation.consumed.key)
                _log.warning(f"{bare.detail}; every such call answers 503; {bare.hint}")
            return refusing(bare)
        run = compile_run(
            call,
            compile_request(call, way.base.path, way.credentials, values),
            self._sending(call, way.send),
            None if call.identity else self._decoder(call),
            self.options.limits,
            strict=self.options.strict_outputs,
            origin=way.base.text.removesuffix(way.base.path),
        )
        media_type = formats.media_type(call.operation) if call.identity else None
        return run if media_type is None else formats.named(run, media_type)

    def _decoder(self, call: Call) -> Callable[[bytes, str | None], object]:
        try:
            return formats.decoder(self.offers.output_mappers[call.operation.format], call)
        except OptionError as error:
            at = call.operation.marks.get(error.option, call.operation.at)
            raise CapError(error.what, at=at, hint=error.hint, code="bad-format-option") from None

    def _sending(self, call: Call, send: Send) -> Send:
        for interceptor in reversed(self.offers.interceptors):
            send = interceptor.wrap_send(call.operation, send)
        return send

    def _wrapped(self, call: Call, run: Run) -> Run:
        for interceptor in reversed(self.offers.interceptors):
            run = interceptor.wrap_call(call, run)
        return run

    # --- towards callers --------------------------------------------------------------------------------------------

    def _guard(self, exposure: ExposurePlan, values: Mapping[Binding, str]) -> None:
        authentication = exposure.authentication
        if authentication is None:
            return
        scheme = self.offers.auth_schemes[authentication.type]
        unset = [binding for binding in required(scheme, authentication) if not values.get(binding)]
        if unset:
            _log.warning("nobody can be let in", exposure=exposure.key, unset=", ".join(b.name for b in unset))
            self.guards[exposure.key] = _nobody(exposure)
            return
        try:
            self.guards[exposure.key] = check(
                scheme, authentication, exposure.about.name, exposure.namespace, values.get
            )
        except OptionError as error:
            at = authentication.marks.get(error.option, authentication.at)
            raise CapError(error.what, at=at, hint=error.hint, code="bad-auth") from None


class _Way(msgspec.Struct, frozen=True):
    base: Base
    credentials: Credentials
    send: Send


def base_of(consumed: Consumed, values: Mapping[Binding, str], plan: CapabilityPlan) -> Base | Refusal:
    """A namespace's address, or the refusal that says what is missing."""
    name = consumed.namespace
    if consumed.base is None:
        return Refusal(503, "not-configured", f"{name} has no base URI", hint=f"give one with --base-uri {name}=URL")
    unset = missing(consumed.base, values)
    if unset:
        names = ", ".join(binding.name for binding in unset)
        what = f"{names} is not set" if len(unset) == 1 else f"{names} are not set"
        hint = f"give the base URI with --base-uri {name}=URL, or the variable with --set {unset[0].name}=VALUE"
        return Refusal(503, "not-configured", f"the base URI of {name} is not known: {what}", hint=hint)
    try:
        return render(consumed.base, values)
    except ValueError as error:
        # The text is not repeated: a variable in it may be somebody's secret.
        return Refusal(
            503, "not-configured", f"the base URI of {name} {error}", hint=f"give one with --base-uri {name}=URL"
        )


def not_set(unset: list[Binding], plan: CapabilityPlan) -> Refusal:
    """The refusal of a call that needs variables which have no value; it names them and where they would come from."""
    names = ", ".join(binding.name for binding in unset)
    what = f"{names} is not set" if len(unset) == 1 else f"{names} are not set"
    first = unset[0]
    qualified = f"{first.namespace}.{first.name}" if first.namespace and first.declared else first.name
    return Refusal(503, "not-configured", what, hint=f"{_remedy(first, plan)} --set {qualified}=VALUE")


def _remedy(binding: Binding, plan: CapabilityPlan) -> str:
    given = any(v.binding == binding and v.given is not None for v in plan.variables)
    return "what was given is empty: give it with" if given else f"set the {origin_of(binding, plan)}, or give it with"


def origin_of(binding: Binding, plan: CapabilityPlan) -> str:
    """Where a variable's value comes from, for people."""
    for variable in plan.variables:
        if variable.binding == binding:
            return variable.describe()
    return f"variable {binding.name}"


def refusing(refusal: Refusal) -> Run:
    """A run that refuses every call in the same words."""

    async def refused(values: Mapping[str, object], context: object) -> Answer:
        raise Refusal(refusal.status, refusal.code, refusal.detail, hint=refusal.hint)

    return refused


def unprotected(call: Call, base: Base, values: Mapping[Binding, str], options: OpenOptions) -> Refusal | None:
    """The refusal of a call whose credential would go over plain http to another machine; None where that is settled.

    Every variable in a request counts as one, and so does one of the base URI that lands behind its host.
    """
    consumed = call.operation.consumed
    secret = bool(consumed.authentication) or any(mentions_binding(field.value) for field in call.fields)
    secret = secret or bool(consumed.base and in_path(consumed.base, values))
    if base.safe or not secret or options.plaintext(consumed):
        return None
    what = f"a credential of {consumed.namespace} would go to {base.host} over plain http"
    return Refusal(503, "plaintext", what, hint=f"use https, or serve with --allow-plaintext {consumed.namespace}")


def _nobody(exposure: ExposurePlan) -> Check:
    async def nobody(request: Incoming) -> Caller:
        headers = ((b"www-authenticate", f'Bearer realm="{exposure.about.name}"'.encode()),)
        raise Refusal(401, "unauthorized", "the gateway has no credential to compare callers with", headers=headers)

    return nobody
