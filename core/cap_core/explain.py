"""What a call would send, and why: built by the executor's own code, with secrets masked, sending nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import msgspec

from cap_core.bases import Base, in_path
from cap_core.context import Context
from cap_core.credentials import MASK, bindings_of, required, sign
from cap_core.diagnostics import Diagnostic, summed
from cap_core.errors import Mark, OptionError, Refusal
from cap_core.expressions import leaves
from cap_core.offers import Credentials, Flow
from cap_core.opening import OpenOptions, base_of, not_set, unprotected
from cap_core.operations import spelled
from cap_core.origins import Asked, Origin, Origins
from cap_core.plan import Binding, Call, CapabilityPlan, Constant, Operation, RejectedOperation, RequestField
from cap_core.plugins import Offers
from cap_core.requests import compile_request
from cap_core.types import Request
from cap_core.variable_values import fetch


class Shown(msgspec.Struct, frozen=True):
    """The upstream request, secrets masked. `headers` are all that is sent, framing included, in order."""

    method: str
    url: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str | None


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one exposed operation.

    `request` is None where a call would be refused, which `refused` then explains, and where the operation is left
    out, which `quarantined` explains. `notes` is what was inferred, matched and chosen while it was compiled.
    """

    capability: str
    exposed: str
    operation: str
    spec: str
    consumed: str | None
    quarantined: Diagnostic | None = None
    request: Shown | None = None
    refused: str | None = None
    unset: tuple[str, ...] = ()
    values: tuple[Origin, ...] = ()
    inputs: tuple[Asked, ...] = ()
    input_schema: Mapping[str, object] = {}
    callers: Origin | None = None
    """Who may call: what a caller must show; None for anybody."""
    output: Origin | None = None
    outputs: tuple[Mapping[str, object], ...] = ()
    notes: tuple[Diagnostic, ...] = ()


def left_out(plan: CapabilityPlan, one: RejectedOperation) -> Explanation:
    """Explain an operation that is not served."""
    called = next((o for o in plan.operations if o.address == one.exposed.call), None)
    places = _places(called) if called is not None else set()
    return Explanation(
        capability=plan.about.name,
        exposed=spelled(one),
        operation=one.exposed.call or "",
        spec=str(one.exposed.at),
        consumed=str(called.at) if called is not None else None,
        quarantined=one.why,
        notes=_notes(plan, places, one.notes, one.why),
    )


async def explain(
    plan: CapabilityPlan,
    call: Call,
    offers: Offers,
    options: OpenOptions,
    inputs: Mapping[str, object],
    refused: str | None = None,
) -> Explanation:
    """Explain a call with checked `inputs`, as `Inputs.reader` gives them, or why it is `refused` before it begins."""
    address = await _address(plan, call)
    have = await _have(plan, call)
    credentials = _masked(plan, offers, call, have)
    call = _without_literal(call)
    unset = _unset(plan, offers, call, have)
    values = {b: _mask(b in unset) for field in call.fields for b in _bindings(field)}
    request = None
    if isinstance(address, Refusal):
        refused = refused or f"{address.detail}; {address.hint}"
    elif refused is None:
        build = compile_request(call, address.path, credentials, values)
        try:
            request = _shown(build(inputs, Context("cli", call.key)), address, call, values)
            refused = _refused(plan, offers, call, have, unset, address, values, options)
        except Refusal as refusal:
            refused = "; ".join(text for text in (refusal.detail, refusal.hint) if text)
    origins = Origins(plan, call, offers, frozenset(_empty(plan, call, have)))
    return Explanation(
        capability=plan.about.name,
        exposed=spelled(call),
        operation=call.operation.address,
        spec=str(call.exposed.at),
        consumed=str(call.operation.at),
        request=request,
        refused=refused,
        unset=tuple(binding.name for binding in unset),
        values=origins.values(
            address if isinstance(address, Base) else None,
            credentials,
            inputs,
            values,
            tuple((n.encode("latin-1"), v.encode()) for n, v in request.headers) if request is not None else (),
        ),
        inputs=origins.inputs(),
        input_schema=call.inputs.schema(),
        callers=_callers(plan, call, origins),
        output=_format(call, offers),
        outputs=tuple(_output(output) for output in call.outputs),
        notes=_notes(plan, _places(call.operation), call.notes),
    )


UNSET = "(not set)"
"""What stands for a variable that has no value."""

_CREDENTIALS = frozenset({"authorization", "proxy-authorization", "cookie"})
"""Headers whose values are credentials, whoever wrote them (RFC 9110, 11.6.2 and 11.7.2; RFC 6265, 4.2)."""


def _mask(unset: bool) -> str:
    return UNSET if unset else MASK


def _without_literal(call: Call) -> Call:
    """A call in which a credential that its author wrote as a header's value is masked too."""
    fields = tuple(
        msgspec.structs.replace(field, value=Constant(MASK), node=None)
        if field.place == "header" and field.name.lower() in _CREDENTIALS and isinstance(field.value, Constant)
        else field
        for field in call.fields
    )
    return msgspec.structs.replace(call, fields=fields)


def _refused(
    plan: CapabilityPlan,
    offers: Offers,
    call: Call,
    have: Mapping[Binding, str],
    unset: list[Binding],
    address: Base,
    values: Mapping[Binding, str],
    options: OpenOptions,
) -> str | None:
    """Why a request that can be built would not be sent; None where it would."""
    if unset:
        refusal = not_set(unset, plan)
        return f"{refusal.detail}; {refusal.hint}"
    wrong = _wrong_options(offers, call, have)
    if wrong is not None:
        return wrong
    bare = unprotected(call, address, values, options)
    return f"{bare.detail}; {bare.hint}" if bare is not None else None


def _callers(plan: CapabilityPlan, call: Call, origins: Origins) -> Origin | None:
    exposure = next(e for e in plan.exposures if any(one.key == call.key for one in e.calls))
    asked = exposure.authentication
    if asked is None:
        return None
    at = str(asked.at) if asked.origin == "document" else asked.origin
    return Origin("callers", asked.type, origins.authentication(asked), at, origins.options(asked))


def _format(call: Call, offers: Offers) -> Origin:
    operation = call.operation
    at = str(operation.marks.get("outputRawFormat", operation.at))
    if call.identity:
        return Origin("output", "identity", "the upstream's answer, untouched", at)
    plugin = offers.owner(f"output format {operation.format}")
    owner = f" (plugin {plugin.name} of {plugin.distribution})" if plugin is not None else ""
    said = "outputRawFormat" if "outputRawFormat" in operation.marks else "no outputRawFormat is named"
    return Origin("output", "mapped", f"decoded from {operation.format}{owner}: {said}", at)


_FILE_WIDE = {"alias-key", "alias-body", "newer-version"}
"""What speaks of a way of writing rather than of one place."""


def _places(operation: Operation) -> set[Mark]:
    """Every place of a consumed operation and its namespace that a diagnostic may stand at."""
    consumed = operation.consumed
    authentication = consumed.authentication
    found = {operation.at, *operation.path_at, *operation.marks.values(), consumed.at}
    return found | ({authentication.at, *authentication.marks.values()} if authentication is not None else set())


def _notes(
    plan: CapabilityPlan, places: set[Mark], own: tuple[Diagnostic, ...], why: Diagnostic | None = None
) -> tuple[Diagnostic, ...]:
    about = [d for d in plan.diagnostics if d.code in _FILE_WIDE or (not d.operation and d.at in places)]
    return summed(note for note in dict.fromkeys((*own, *about)) if note != why)


def _bindings(field: RequestField) -> list[Binding]:
    return [leaf for leaf in leaves(field.value) if isinstance(leaf, Binding)]


async def _address(plan: CapabilityPlan, call: Call) -> Base | Refusal:
    """The base URI needs its real values: without them there is no request to show."""
    base = call.operation.consumed.base
    needed = {part for part in base.parts if isinstance(part, Binding)} if base is not None else set()
    secrets = await fetch(v for v in plan.variables if v.binding in needed and v.near)
    values = {b: s.reveal() for b, s in secrets.items()}
    # Behind the host a variable may be a credential, as in https://api.example/bot{{TOKEN}}.
    hidden = in_path(base, values) if base is not None else []
    return base_of(call.operation.consumed, {**values, **{b: MASK for b in hidden if b in values}}, plan)


async def _have(plan: CapabilityPlan, call: Call) -> dict[Binding, str]:
    """The values of the variables that a call names, where they have one."""
    authentication = call.operation.consumed.authentication
    named = [*(bindings_of(authentication) if authentication else []), *(b for f in call.fields for b in _bindings(f))]
    secrets = await fetch(v for v in plan.variables if v.binding in named and v.near)
    return {binding: secret.reveal() for binding, secret in secrets.items()}


def _empty(plan: CapabilityPlan, call: Call, have: Mapping[Binding, str]) -> set[Binding]:
    """The variables of a call's authentication that have no value, as far as one can tell without the network."""
    authentication = call.operation.consumed.authentication
    near = {variable.binding for variable in plan.variables if variable.near}
    return {b for b in bindings_of(authentication) if b in near and b not in have} if authentication else set()


def _unset(plan: CapabilityPlan, offers: Offers, call: Call, have: Mapping[Binding, str]) -> list[Binding]:
    authentication = call.operation.consumed.authentication
    needed = required(offers.auth_schemes[authentication.type], authentication) if authentication else []
    used = [binding for field in call.fields for binding in _bindings(field)]
    far = {v.binding for v in plan.variables if not v.near}  # looking would take the network
    return [binding for binding in dict.fromkeys((*needed, *used)) if binding not in have and binding not in far]


def _wrong_options(offers: Offers, call: Call, have: Mapping[Binding, str]) -> str | None:
    """Why the scheme would not sign with the real values, so that serving would not start; None where it would."""
    consumed = call.operation.consumed
    if consumed.authentication is None:
        return None
    try:
        sign(offers.auth_schemes[consumed.authentication.type], consumed.authentication, consumed, have.get)
    except OptionError as error:
        return "; ".join(text for text in (error.what, error.hint) if text)
    return None


def _masked(plan: CapabilityPlan, offers: Offers, call: Call, have: Mapping[Binding, str]) -> Credentials:
    """What the scheme sends for masked values."""
    consumed = call.operation.consumed
    if consumed.authentication is None:
        return Credentials()
    scheme = offers.auth_schemes[consumed.authentication.type]
    needed = set(required(scheme, consumed.authentication))

    def masked(binding: Binding) -> str | None:
        if binding in have or binding not in needed:
            return MASK if binding in have else None
        return _mask(binding in near)

    near = {variable.binding for variable in plan.variables if variable.near}
    signed = sign(scheme, consumed.authentication, consumed, masked, masked=True)
    credentials = signed.shown if isinstance(signed, Flow) else signed
    return Credentials(
        headers=tuple(
            (name, _hidden(value.decode("latin-1")).encode("latin-1")) for name, value in credentials.headers
        ),
        query=tuple((name, _hidden(value)) for name, value in credentials.query),
        cookies=tuple((name, _hidden(value)) for name, value in credentials.cookies),
        members=tuple((name, _hidden(value)) for name, value in credentials.members),
    )


def _hidden(value: str) -> str:
    """A credential as it is shown: with its masks, or, where its author wrote it out or it encodes them away, masked
    itself; a scheme before a space (`Basic`) stays."""
    if MASK in value or UNSET in value:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} {MASK}" if space else MASK


def _shown(request: Request, base: Base, call: Call, masks: Mapping[Binding, str]) -> Shown:
    host = base.text.removesuffix(base.path).partition("://")[2]
    body = request.body if isinstance(request.body, bytes) else b""
    headers = [("Host", host), *((n.decode("latin-1"), v.decode("utf-8", "replace")) for n, v in request.headers)]
    if body or request.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(body))))
    target = request.target.decode("latin-1")
    text = body.decode("utf-8", "replace") if body else None
    if text and masks and call.body_type == "form":
        text = text.replace(quote_plus(MASK), MASK)
    return Shown(request.method, base.text.removesuffix(base.path) + target, target, tuple(headers), text)


def _output(output: Any) -> Mapping[str, object]:
    return {
        "name": output.name,
        "type": output.type,
        "mapping": output.mapping,
        "at": str(output.at),
        "items": _output(output.items) if output.items else None,
        "properties": [_output(p) for p in output.properties],
        "values": _output(output.values) if output.values else None,
        "max_length": output.max_length,
    }
