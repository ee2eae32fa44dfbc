"""What a call would send, and why: built by the executor's own code, with secrets masked, sending nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote_plus

import msgspec

from cap_core.diagnostics.report import Diagnostic, summed
from cap_core.errors import Mark, OptionError, Refusal
from cap_core.explain.address_origins import address_origins
from cap_core.explain.call_variables import CallVariables, look_up, shown_address
from cap_core.explain.credential_origins import (
    credential_origins,
    describe_authentication,
    header_origins,
    option_steps,
    transport_origin,
)
from cap_core.explain.find_operation import display_name
from cap_core.explain.input_origins import InputTrace, input_traces
from cap_core.explain.masking import masked_credentials, without_literal_credentials
from cap_core.explain.origin import Origin
from cap_core.explain.value_origins import value_origins
from cap_core.logging.redaction import MASK
from cap_core.plan.call import Call, RejectedOperation
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Operation
from cap_core.plan.values import Binding
from cap_core.plugins.auth import Credentials
from cap_core.plugins.context import Context
from cap_core.plugins.messages import HttpRequest
from cap_core.plugins.registry import Registry
from cap_core.runtime.base_uri import Base
from cap_core.runtime.credentials import sign
from cap_core.runtime.options import OpenOptions
from cap_core.runtime.refusals import not_set, unprotected
from cap_core.runtime.request import compile_request
from cap_core.runtime.values import Frame


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
    inputs: tuple[InputTrace, ...] = ()
    input_schema: Mapping[str, object] = {}
    callers: Origin | None = None
    """Who may call: what a caller must show; None for anybody."""
    output: Origin | None = None
    outputs: tuple[Mapping[str, object], ...] = ()
    notes: tuple[Diagnostic, ...] = ()


def explain_rejected(plan: CapabilityPlan, rejected: RejectedOperation) -> Explanation:
    """Explain an operation that is not served."""
    called = next((o for o in plan.operations if o.address == rejected.exposed.call), None)
    places = _places(called) if called is not None else set()
    return Explanation(
        capability=plan.about.name,
        exposed=display_name(rejected),
        operation=rejected.exposed.call or "",
        spec=str(rejected.exposed.at),
        consumed=str(called.at) if called is not None else None,
        quarantined=rejected.why,
        notes=_notes(plan, places, rejected.notes, rejected.why),
    )


async def explain(
    plan: CapabilityPlan,
    call: Call,
    registry: Registry,
    options: OpenOptions,
    inputs: Mapping[str, object],
    refused: str | None = None,
) -> Explanation:
    """Explain a call with checked `inputs`, as `Inputs.reader` gives them, or why it is `refused` before it begins."""
    address = await shown_address(plan, call)
    variables = await look_up(plan, call, registry.auth_schemes)
    credentials = _credentials(call, registry, variables)
    call = without_literal_credentials(call)
    request = None
    if isinstance(address, Refusal):
        refused = refused or _text(address)
    elif refused is None:
        try:
            request = _shown(call, address, credentials, variables.masks, inputs)
            refused = _why_not_sent(plan, call, registry, options, address, variables)
        except Refusal as refusal:
            refused = _text(refusal)
    return Explanation(
        capability=plan.about.name,
        exposed=display_name(call),
        operation=call.operation.address,
        spec=str(call.exposed.at),
        consumed=str(call.operation.at),
        request=request,
        refused=refused,
        unset=tuple(binding.name for binding in variables.unset),
        values=(
            *address_origins(plan, call.operation, address if isinstance(address, Base) else None),
            *value_origins(plan, call, inputs, variables.masks),
            *credential_origins(plan, call, registry, credentials, variables.absent),
            *header_origins(call, credentials, request.headers if request is not None else ()),
            transport_origin(registry),
        ),
        inputs=input_traces(call),
        input_schema=call.inputs.schema(),
        callers=_callers(plan, call, registry, variables),
        output=_format(call, registry),
        outputs=tuple(map(_output, call.outputs)),
        notes=_notes(plan, _places(call.operation), call.notes),
    )


def _credentials(call: Call, registry: Registry, variables: CallVariables) -> Credentials:
    consumed = call.operation.consumed
    if consumed.authentication is None:
        return Credentials()
    scheme = registry.auth_schemes[consumed.authentication.type]
    return masked_credentials(scheme, consumed.authentication, consumed, variables)


def _text(problem: Refusal | OptionError) -> str:
    what = problem.detail if isinstance(problem, Refusal) else problem.what
    return "; ".join(text for text in (what, problem.hint) if text)


# --- the request ------------------------------------------------------------------------------------------------------


def _shown(
    call: Call, base: Base, credentials: Credentials, masks: Mapping[Binding, str], inputs: Mapping[str, object]
) -> Shown:
    """The request for these inputs. Raises `Refusal` where it cannot be built."""
    request = compile_request(call, base.path, credentials, masks)(Frame(inputs), Context("cli", call.key))
    server = base.text.removesuffix(base.path)
    target = request.target.decode("latin-1")
    text = _body(request).decode("utf-8", "replace") or None
    if text and masks and call.body_type == "form":
        text = text.replace(quote_plus(MASK), MASK)
    return Shown(request.method, server + target, target, tuple(_headers(request, server)), text)


def _headers(request: HttpRequest, server: str) -> Iterator[tuple[str, str]]:
    """Those of a request, and those that a transport adds to frame it."""
    yield "Host", server.partition("://")[2]
    yield from ((n.decode("latin-1"), v.decode("utf-8", "replace")) for n, v in request.headers)
    body = _body(request)
    if body or request.method in ("POST", "PUT", "PATCH"):
        yield "Content-Length", str(len(body))


def _body(request: HttpRequest) -> bytes:
    return request.body if isinstance(request.body, bytes) else b""


def _why_not_sent(
    plan: CapabilityPlan, call: Call, registry: Registry, options: OpenOptions, address: Base, variables: CallVariables
) -> str | None:
    """Why a request that can be built would not be sent; None where it would."""
    if variables.unset:
        return _text(not_set(variables.unset, plan))
    wrong = _wrong_options(call, registry, variables)
    if wrong is not None:
        return wrong
    refusal = unprotected(call, address, variables.masks, options)
    return _text(refusal) if refusal is not None else None


def _wrong_options(call: Call, registry: Registry, variables: CallVariables) -> str | None:
    """Why the scheme would not sign with the real values, so that serving would not start; None where it would."""
    consumed = call.operation.consumed
    if consumed.authentication is None or not variables.credentials_known:
        return None
    try:
        scheme = registry.auth_schemes[consumed.authentication.type]
        sign(scheme, consumed.authentication, consumed, variables.known.get)
    except OptionError as error:
        return _text(error)
    return None


# --- where everything came from ---------------------------------------------------------------------------------------


def _callers(plan: CapabilityPlan, call: Call, registry: Registry, variables: CallVariables) -> Origin | None:
    exposure = next(e for e in plan.exposures if any(one.key == call.key for one in e.calls))
    authentication = exposure.authentication
    if authentication is None:
        return None
    at = str(authentication.at) if authentication.origin == "document" else authentication.origin
    steps = option_steps(plan, authentication, variables.absent)
    return Origin("callers", authentication.type, describe_authentication(authentication, registry), at, steps)


def _format(call: Call, registry: Registry) -> Origin:
    operation = call.operation
    at = str(operation.marks.get("outputRawFormat", operation.at))
    if call.identity:
        return Origin("output", "identity", "the upstream's answer, untouched", at)
    plugin = registry.owner(f"output format {operation.format}")
    owner = f" (plugin {plugin.name} of {plugin.distribution})" if plugin is not None else ""
    why = "outputRawFormat" if "outputRawFormat" in operation.marks else "no outputRawFormat is named"
    return Origin("output", "mapped", f"decoded from {operation.format}{owner}: {why}", at)


def _output(output: DeclaredOutput) -> Mapping[str, object]:
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


# --- notes ------------------------------------------------------------------------------------------------------------

_FILE_WIDE = {"alias-key", "alias-body", "newer-version"}
"""Codes about a way of writing rather than about one place."""


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
