"""What a call would send, and why: built by the executor's own code, with secrets masked, sending nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cap_core.bases import Base, in_path
from cap_core.bindings import fetch
from cap_core.context import Context
from cap_core.credentials import MASK, bindings_of, required, sign
from cap_core.diagnostics import Diagnostic
from cap_core.errors import OptionError, Refusal
from cap_core.expressions import leaves
from cap_core.offers import Credentials, Flow
from cap_core.opening import OpenOptions, base_of, not_set, origin_of, unprotected
from cap_core.operations import spelled
from cap_core.plan import Authentication, Binding, Call, CapabilityPlan, Constant, Feed, InputRef
from cap_core.plugins import Offers
from cap_core.rendering import ABSENT, as_text, text_getter
from cap_core.requests import compile_request
from cap_core.types import Request


class Shown(msgspec.Struct, frozen=True):
    """The upstream request, secrets masked. `headers` are all that is sent, framing included, in order."""

    method: str
    url: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str | None


class Origin(msgspec.Struct, frozen=True):
    """One value of the request: where it lands, what it is (None: not sent), and where it came from.

    `source` says in words; `at` is `file:line:column` where a document, and the name of a flag, variable or plugin
    where something else, produced it.
    """

    place: str
    value: str | None
    source: str
    at: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one call. `request` is None where the call would be refused, which `refused` then explains."""

    capability: str
    exposed: str
    operation: str
    spec: str
    consumed: str
    request: Shown | None
    refused: str | None
    unset: tuple[str, ...]
    values: tuple[Origin, ...]
    input_schema: Mapping[str, object]
    output: str
    outputs: tuple[Mapping[str, object], ...]
    notes: tuple[Diagnostic, ...]


async def explain(
    plan: CapabilityPlan, call: Call, offers: Offers, options: OpenOptions, inputs: Mapping[str, object]
) -> Explanation:
    """Explain a call with checked `inputs`, as `Inputs.reader` gives them. Raises `Refusal` for what cannot be sent."""
    consumed = call.operation.consumed
    address = await _address(plan, call)
    have = await _have(plan, call)
    credentials = _masked(offers, call, have)
    values = {binding: MASK for feed in call.feeds for binding in _bindings(feed)}
    refused = None
    request = None
    if isinstance(address, Refusal):
        refused = f"{address.detail}; {address.hint}"
    else:
        build = compile_request(call, address.path, credentials, values)
        request = _shown(build(inputs, Context("cli", call.key)), address)
    unset = _unset(plan, offers, call, have)
    if unset and refused is None:
        refusal = not_set(unset, plan)
        refused = f"{refusal.detail}; {refusal.hint}"
    if refused is None:
        refused = _wrong_options(offers, call, have)
    if refused is None and isinstance(address, Base):
        bare = unprotected(call, address, values, options)
        refused = f"{bare.detail}; {bare.hint}" if bare is not None else None
    return Explanation(
        capability=plan.about.name,
        exposed=spelled(call),
        operation=call.operation.address,
        spec=str(call.exposed.at),
        consumed=str(call.operation.at),
        request=request,
        refused=refused,
        unset=tuple(binding.name for binding in unset),
        values=(
            *_base_origin(call, address),
            *_feeds(plan, call, inputs, values),
            *_auth(consumed.authentication, credentials),
        ),
        input_schema=call.inputs.schema(),
        output="identity: the upstream's answer, untouched"
        if call.identity
        else f"mapped from {call.operation.format}",
        outputs=tuple(_output(output) for output in call.outputs),
        notes=tuple(d for d in plan.diagnostics if d.operation == call.exposed.name or d.at == call.exposed.at),
    )


def _bindings(feed: Feed) -> list[Binding]:
    return [leaf for leaf in leaves(feed.value) if isinstance(leaf, Binding)]


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
    named = [*(bindings_of(authentication) if authentication else []), *(b for f in call.feeds for b in _bindings(f))]
    secrets = await fetch(v for v in plan.variables if v.binding in named and v.near)
    return {binding: secret.reveal() for binding, secret in secrets.items()}


def _unset(plan: CapabilityPlan, offers: Offers, call: Call, have: Mapping[Binding, str]) -> list[Binding]:
    authentication = call.operation.consumed.authentication
    needed = required(offers.auth_schemes[authentication.type], authentication) if authentication else []
    used = [binding for feed in call.feeds for binding in _bindings(feed)]
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


def _masked(offers: Offers, call: Call, have: Mapping[Binding, str]) -> Credentials:
    """What the scheme sends for masked values. A header that encodes the mask away shows one word."""
    consumed = call.operation.consumed
    if consumed.authentication is None:
        return Credentials()
    scheme = offers.auth_schemes[consumed.authentication.type]
    shown = {*have, *required(scheme, consumed.authentication)}
    signed = sign(scheme, consumed.authentication, consumed, lambda b: MASK if b in shown else None, masked=True)
    credentials = signed.shown if isinstance(signed, Flow) else signed
    mask = MASK.encode()
    headers = tuple((n, v if mask in v else v.partition(b" ")[0] + b" " + mask) for n, v in credentials.headers)
    secret = bindings_of(consumed.authentication)
    return msgspec.structs.replace(credentials, headers=headers) if secret else credentials


def _shown(request: Request, base: Base) -> Shown:
    host = base.text.removesuffix(base.path).partition("://")[2]
    body = request.body if isinstance(request.body, bytes) else b""
    headers = [("Host", host), *((n.decode("latin-1"), v.decode("utf-8", "replace")) for n, v in request.headers)]
    if body or request.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(body))))
    target = request.target.decode("latin-1")
    text = body.decode("utf-8", "replace") if body else None
    return Shown(request.method, base.text.removesuffix(base.path) + target, target, tuple(headers), text)


def _base_origin(call: Call, address: Base | Refusal) -> tuple[Origin, ...]:
    consumed = call.operation.consumed
    value = address.text if isinstance(address, Base) else None
    return (Origin("base URI", value, f"baseUri of {consumed.namespace}", consumed.base_origin),)


def _feeds(
    plan: CapabilityPlan, call: Call, inputs: Mapping[str, object], masks: Mapping[Binding, str]
) -> tuple[Origin, ...]:
    return tuple(_feed(plan, call, feed, inputs, masks) for feed in call.feeds)


_PLACES = {"member": "body member", "body": "body"}


def _feed(
    plan: CapabilityPlan, call: Call, feed: Feed, inputs: Mapping[str, object], masks: Mapping[Binding, str]
) -> Origin:
    value = text_getter(feed.value, masks)(inputs)
    place = f"{_PLACES.get(feed.place, feed.place)} {feed.name}".strip()
    shown = None if value is ABSENT else as_text(value) if isinstance(value, str | msgspec.Raw) else _json(value)
    given = [leaf for leaf in leaves(feed.value) if isinstance(leaf, InputRef)]
    if isinstance(feed.value, Constant):
        return Origin(place, shown, "literal in the document", str(feed.at))
    if given:
        names = ", ".join(reference.name for reference in given)
        absent = "" if shown is not None else ", absent: not sent"
        item = next((i for i in call.inputs.items if i.name == given[0].name), None)
        return Origin(place, shown, f"input {names}{absent}", str(item.at if item else feed.at))
    sources = ", ".join(origin_of(binding, plan) for binding in _bindings(feed))
    return Origin(place, shown, sources, str(feed.at))


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _auth(authentication: Authentication | None, credentials: Credentials) -> tuple[Origin, ...]:
    if authentication is None:
        return ()
    source = f"authentication {authentication.type}"
    at = str(authentication.at)
    return (
        *(Origin(f"header {n.decode()}", v.decode("utf-8", "replace"), source, at) for n, v in credentials.headers),
        *(Origin(f"query {n}", v, source, at) for n, v in credentials.query),
        *(Origin(f"cookie {n}", v, source, at) for n, v in credentials.cookies),
        *(Origin(f"body member {n}", v, source, at) for n, v in credentials.members),
    )


def _output(output: Any) -> Mapping[str, object]:
    return {
        "name": output.name,
        "type": output.type,
        "mapping": output.mapping,
        "at": str(output.at),
        "items": _output(output.items) if output.items else None,
        "properties": [_output(p) for p in output.properties],
    }
