"""Explains one step of a call: the request that it would send, with secrets masked, and the origin of each value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import quote_plus

import msgspec

from cap_core.errors import OptionError, Refusal
from cap_core.explain.address_origins import address_origins
from cap_core.explain.call_variables import CallVariables, look_up, shown_address
from cap_core.explain.credential_origins import credential_origins, header_origins, transport_origin
from cap_core.explain.masking import masked_credentials, without_literal_credentials
from cap_core.explain.origin import Origin
from cap_core.explain.step_results import named_results
from cap_core.explain.value_origins import value_origins
from cap_core.logging.redaction import MASK
from cap_core.plan.call import Call
from cap_core.plan.flow import CallStep
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.request import Request
from cap_core.plan.upstream import Consumed
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
    """The upstream request with secrets masked. `headers` are all that are sent, framing included, in order."""

    method: str
    url: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str | None


class ExplainedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step: its request, or why it would not be sent, and the origins of its values.

    Results of earlier steps are shown by name, as in `(find.id)`.
    """

    name: str
    operation: str
    consumed: str
    request: Shown | None
    refused: str | None
    unset: tuple[str, ...]
    values: tuple[Origin, ...]


async def explain_step(
    plan: CapabilityPlan,
    call: Call,
    step: CallStep,
    registry: Registry,
    options: OpenOptions,
    inputs: Mapping[str, object],
    refused: str | None,
) -> tuple[ExplainedStep, CallVariables]:
    """Explain a step with checked `inputs`; `refused` is the reason if the inputs already refuse the call."""
    operation = step.request.operation
    address = await shown_address(plan, operation.consumed)
    variables = await look_up(plan, step.request, registry.auth_schemes)
    credentials = _credentials(operation.consumed, registry, variables)
    step = msgspec.structs.replace(step, request=without_literal_credentials(step.request))
    request = None
    if isinstance(address, Refusal):
        refused = refused or _text(address)
    elif refused is None:
        try:
            request = _shown(call, step, address, credentials, variables.masks, inputs)
            refused = _why_not_sent(plan, step.request, registry, options, address, variables)
        except Refusal as refusal:
            refused = _text(refusal)
    explained = ExplainedStep(
        name=step.name,
        operation=operation.address,
        consumed=str(operation.at),
        request=request,
        refused=refused,
        unset=tuple(binding.name for binding in variables.unset),
        values=(
            *address_origins(plan, operation, address if isinstance(address, Base) else None),
            *value_origins(plan, call, step, inputs, variables.masks),
            *credential_origins(plan, operation.consumed, registry, credentials, variables.absent),
            *header_origins(step.request, credentials, request.headers if request is not None else ()),
            transport_origin(registry),
        ),
    )
    return explained, variables


def _credentials(consumed: Consumed, registry: Registry, variables: CallVariables) -> Credentials:
    if consumed.authentication is None:
        return Credentials()
    scheme = registry.auth_schemes[consumed.authentication.type]
    return masked_credentials(scheme, consumed.authentication, consumed, variables)


def _text(problem: Refusal | OptionError) -> str:
    what = problem.detail if isinstance(problem, Refusal) else problem.what
    return "; ".join(text for text in (what, problem.hint) if text)


# --- the request ------------------------------------------------------------------------------------------------------


def _shown(
    call: Call,
    step: CallStep,
    base: Base,
    credentials: Credentials,
    masks: Mapping[Binding, str],
    inputs: Mapping[str, object],
) -> Shown:
    """The request for these inputs. Raises `Refusal` where it cannot be built."""
    types = {item.name: item.of for item in call.inputs.items}
    fields = tuple(msgspec.structs.replace(field, value=named_results(field.value)) for field in step.request.fields)
    shown_request = msgspec.structs.replace(step.request, fields=fields)
    build = compile_request(shown_request, types, base.path, credentials, masks, identity=step.decode is None)
    request = build(Frame(inputs), Context("cli", call.key))
    server = base.text.removesuffix(base.path)
    target = request.target.decode("latin-1")
    text = _body(request).decode("utf-8", "replace") or None
    if text and masks and step.request.body.type == "form":
        text = text.replace(quote_plus(MASK), MASK)
    return Shown(request.method, server + target, target, tuple(_headers(request, server)), text)


def _headers(request: HttpRequest, server: str) -> Iterator[tuple[str, str]]:
    """The headers of a request, and those that a transport adds to frame it."""
    yield "Host", server.partition("://")[2]
    yield from ((n.decode("latin-1"), v.decode("utf-8", "replace")) for n, v in request.headers)
    body = _body(request)
    if body or request.method in ("POST", "PUT", "PATCH"):
        yield "Content-Length", str(len(body))


def _body(request: HttpRequest) -> bytes:
    return request.body if isinstance(request.body, bytes) else b""


def _why_not_sent(
    plan: CapabilityPlan,
    request: Request,
    registry: Registry,
    options: OpenOptions,
    address: Base,
    variables: CallVariables,
) -> str | None:
    """Why a request that can be built would not be sent; None if it would."""
    if variables.unset:
        return _text(not_set(variables.unset, plan))
    wrong = _wrong_options(request.operation.consumed, registry, variables)
    if wrong is not None:
        return wrong
    refusal = unprotected(request, address, variables.masks, options)
    return _text(refusal) if refusal is not None else None


def _wrong_options(consumed: Consumed, registry: Registry, variables: CallVariables) -> str | None:
    """Why the scheme refuses the real values, which would stop the start of the gateway; None if it accepts them."""
    if consumed.authentication is None or not variables.credentials_known:
        return None
    try:
        scheme = registry.auth_schemes[consumed.authentication.type]
        sign(scheme, consumed.authentication, consumed, variables.known.get)
    except OptionError as error:
        return _text(error)
    return None
