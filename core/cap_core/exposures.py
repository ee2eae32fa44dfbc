"""An `exposes` entry: what it exposes, each operation bound to the one it calls, or left out with the reason."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

import msgspec

from cap_core import formats, unsupported
from cap_core.authentication import UnusableAuthentication, caller_authentication
from cap_core.bind_call import bind
from cap_core.bind_inputs import BoundInputs, bind_inputs
from cap_core.calls import OperationIndex, find
from cap_core.compilation import Compilation
from cap_core.diagnostics import Diagnostic
from cap_core.documents import Map, Node, Scalar
from cap_core.errors import OptionError, SpecError
from cap_core.model import ExposesEntry
from cap_core.names import near
from cap_core.offers import ExposeAt, Exposure, OutputMapper
from cap_core.plan import (
    About,
    Authentication,
    Binding,
    Call,
    DeclaredOutput,
    Exposed,
    ExposurePlan,
    Operation,
    RejectedOperation,
)
from cap_core.reader import read
from cap_core.rejection import Rejected
from cap_core.reporter import Reporter
from cap_core.router import shape
from cap_core.scope import exposed_scope
from cap_core.shapes import check_outputs
from cap_core.target import Target
from cap_core.templates import TemplateError
from cap_core.unclaimed import claim
from cap_core.variables import Variable


class Exposures(msgspec.Struct, frozen=True):
    """The exposures of a document, and the variables that the operator's own checks of callers read."""

    plans: tuple[ExposurePlan, ...]
    variables: tuple[Variable, ...]


def exposures(nodes: Iterable[Node], about: About, index: OperationIndex, compilation: Compilation) -> Exposures:
    """Compile every entry that is served. Raises `SpecError` for one of a type that nobody offers."""
    plans: list[ExposurePlan] = []
    variables: dict[Binding, Variable] = {}
    for node in nodes:
        offer = _offer(node, compilation)
        entry = None
        if offer is not None:
            entry = read(node, offer.options, compilation.report, f"the {offer.key} exposure")
        if offer is None or entry is None:
            continue
        assert isinstance(entry, ExposesEntry)
        if not entry.namespace:
            what = f"the {offer.key} exposure has no namespace; it is called {offer.key!r}"
            compilation.report("no-namespace", entry.at, what)
            entry = msgspec.structs.replace(entry, namespace=offer.key)
        # Two entries of one namespace stay two: a guard of one must never be taken for the other's.
        same = sum(plan.namespace == entry.namespace for plan in plans)
        key = f"{about.name}/{entry.namespace}" + (f"#{same + 1}" if same else "")
        guard = _guard(entry, compilation)
        variables |= {variable.binding: variable for variable in guard.variables}
        plans.append(_exposure(_Entry(entry=entry, offer=offer, key=key, guard=guard), about, index, compilation))
    return Exposures(tuple(plans), tuple(variables.values()))


class _Guard(msgspec.Struct, frozen=True):
    """How callers are checked, or why nobody can be let in, which leaves out all that the entry exposes."""

    authentication: Authentication | None = None
    variables: tuple[Variable, ...] = ()
    rejection: Diagnostic | None = None


class _Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is served: as it was read, whose plugin compiles it, and its key."""

    entry: ExposesEntry
    offer: Exposure[Any]
    key: str
    guard: _Guard


def _exposure(given: _Entry, about: About, index: OperationIndex, compilation: Compilation) -> ExposurePlan:
    entry, offer = given.entry, given.offer
    at = ExposeAt(capability=about.name, namespace=entry.namespace, at=entry.at, report=compilation.report)
    outcomes = _outcomes(given, offer.declared(entry, at), index, compilation)
    calls = tuple(outcome for outcome in outcomes if isinstance(outcome, Call))
    rejected = tuple(outcome for outcome in outcomes if isinstance(outcome, RejectedOperation))
    if not calls and not rejected:
        compilation.report("empty-exposure", entry.at, f"{entry.namespace!r} exposes nothing")
    return ExposurePlan(
        about=about,
        key=given.key,
        type=offer.key,
        namespace=entry.namespace,
        description=entry.description or _consumed_description(calls),
        port=_port(entry, offer, compilation),
        at=entry.at,
        calls=calls,
        rejected=rejected,
        authentication=given.guard.authentication,
        options=entry,
    )


def _outcomes(
    given: _Entry, declared: Iterable[Exposed], index: OperationIndex, compilation: Compilation
) -> list[Call | RejectedOperation]:
    """What becomes of each operation. What cannot be looked at at all comes first."""
    unique, outcomes = _unique(declared, compilation)
    for exposed in unique:
        if given.guard.rejection is not None:
            outcomes.append(RejectedOperation(exposed, given.guard.rejection))
            continue
        count = len(compilation.diagnostics)
        try:
            call = _call(exposed, given, index, compilation)
        except Rejected as error:
            outcomes.append(_rejected(exposed, error, compilation, compilation.diagnostics.since(count)))
        else:
            outcomes.append(msgspec.structs.replace(call, notes=compilation.diagnostics.since(count)))
    return outcomes


def _consumed_description(calls: Iterable[Call]) -> str:
    """What the document says of the APIs behind an exposure of which it says nothing."""
    descriptions = dict.fromkeys(call.operation.consumed.description for call in calls)
    return "\n".join(text for text in descriptions if text)


def _guard(entry: ExposesEntry, compilation: Compilation) -> _Guard:
    try:
        found = caller_authentication(entry, compilation)
    except UnusableAuthentication as error:
        what = f"{error.what}; what {entry.namespace!r} exposes is left out"
        diagnostic = compilation.report(error.code, error.at or entry.at, what, error.hint or None)
        compilation.causes.append(diagnostic)
        return _Guard(rejection=diagnostic)
    return _Guard(found.block, found.variables) if found is not None else _Guard()


def _offer(node: Node, compilation: Compilation) -> Exposure[Any] | None:
    if isinstance(node, Map) and "type" not in node:
        for key in node:
            if unsupported.lookup("exposes", key) is not None:
                unsupported.report_key("exposes", key, node.mark, "an entry of 'exposes'", compilation.report)
                return None
    type_ = node.get(Scalar("type", node.mark)) if isinstance(node, Map) else None
    if not isinstance(type_, Scalar):
        raise SpecError("an entry of 'exposes' needs a 'type'", at=node.mark, code="unknown-exposure")
    offered = compilation.offers.exposures
    offer = offered.get(str(type_))
    if offer is None and unsupported.lookup("exposure", type_) is not None:
        unsupported.report_key(
            "exposure", type_, type_.mark, f"the exposure of type {str(type_)!r}", compilation.report
        )
        return None
    if offer is None:
        what = f"no plugin offers exposure type {str(type_)!r}; offered are {', '.join(sorted(offered))}"
        raise SpecError(what, at=type_.mark, code="unknown-exposure", hint=near(type_, offered))
    return offer


def _port(entry: ExposesEntry, offer: Exposure[Any], compilation: Compilation) -> int:
    if entry.address and not _is_loopback(entry.address):
        what = f"the address {entry.address} is not on this machine alone; --host decides where to listen"
        compilation.report("foreign-address", entry.mark("address"), what)
    if entry.port is None:
        compilation.report("no-port", entry.at, f"{entry.namespace!r} names no port; {offer.default_port} is used")
        return offer.default_port
    if not 0 < entry.port < 65536:
        at = entry.mark("port")
        raise SpecError(f"{entry.port} is not a port", at=at, code="wrong-type", hint="use 1 to 65535")
    return entry.port


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def _unique(
    declared: Iterable[Exposed], compilation: Compilation
) -> tuple[list[Exposed], list[Call | RejectedOperation]]:
    """The operations to compile, and those that are left out before: the first of two at one address is served."""
    seen: dict[str, Exposed] = {}
    rejected: list[Call | RejectedOperation] = []
    for exposed in declared:
        if exposed.rejection is not None:
            rejected.append(RejectedOperation(exposed, exposed.rejection))
            continue
        address = exposed.name if exposed.method is None else f"{exposed.method} {shape(exposed.path or '')}"
        first = seen.setdefault(address, exposed)
        if first is not exposed:
            code = "duplicate-name" if exposed.method is None else "duplicate-route"
            what = f"{_address(exposed)!r} already stands in line {first.at.line}"
            rejected.append(_rejected(exposed, Rejected(code, exposed.at, what), compilation))
    return list(seen.values()), rejected


def _address(exposed: Exposed) -> str:
    """An operation as callers address it: the name of a tool, a method and a path."""
    return exposed.name if exposed.method is None else f"{exposed.method} {exposed.path}"


def _rejected(
    exposed: Exposed, error: Rejected, compilation: Compilation, notes: tuple[Diagnostic, ...] = ()
) -> RejectedOperation:
    why = error.rejection
    diagnostic = compilation.reporter(exposed.name)(why.code, why.at, why.message, why.hint)
    return RejectedOperation(exposed, diagnostic, notes)


def _call(exposed: Exposed, given: _Entry, index: OperationIndex, compilation: Compilation) -> Call:
    report = compilation.reporter(exposed.name)
    target = find(exposed, index, report, compilation.elsewhere)
    assert target.operation is not None  # only consumed operations are in the index
    body_type, bound = _bound(exposed, target, given.entry.namespace, compilation, report)
    if body_type != "json" and any(place == "body" for place, _ in target.supplied):
        what = f"the authentication adds a member to the body of {target.address}, which is {body_type}"
        raise Rejected("unsupported-body", target.at, what, "use another placement, or a json body")
    outputs = _mapped(exposed.outputs)
    for output, what in check_outputs(outputs):
        raise Rejected("bad-mapping", output.at, what)
    call = Call(
        key=f"{given.key}/{_address(exposed)}",
        exposed=exposed,
        operation=target.operation,
        inputs=bound.inputs,
        fields=bound.fields,
        outputs=outputs,
        body_type=body_type,
        body_at=target.body.at if target.body is not None else None,
    )
    return _with_format(call, compilation)


def _bound(
    exposed: Exposed, target: Target, namespace: str, compilation: Compilation, report: Reporter
) -> tuple[str, BoundInputs]:
    """How the body is encoded, and the inputs and values of the request: the three phases of binding."""
    try:
        bound = bind(target, exposed_scope(exposed, namespace, compilation.bindings), report)
        claimed = claim(bound, report)
        return bound.body_type, bind_inputs(bound, claimed, report)
    except TemplateError as error:
        raise Rejected("bad-template", exposed.at, str(error)) from None


def _mapped(outputs: tuple[DeclaredOutput, ...]) -> tuple[DeclaredOutput, ...]:
    """The outputs to apply; none where they mean the whole answer, untouched."""
    if len(outputs) != 1:
        return outputs
    one = outputs[0]
    plain = not one.properties and one.items is None and one.values is None and one.max_length is None
    whole = one.mapping in (None, "$", "$.") and plain
    return () if whole and one.name is None else outputs


def _with_format(call: Call, compilation: Compilation) -> Call:
    """A call with the options of the format its answers are decoded from; the decoder is compiled once to try it."""
    operation = call.operation
    try:
        formats.size(operation)
        formats.media_type(operation)
        if call.identity:
            return call
        mapper = _mapper(operation, compilation)
        directory = compilation.source.path.resolve().parent
        options = formats.options(mapper, operation, (directory,), compilation.options.allow_files)
        call = msgspec.structs.replace(call, output_options=options)
        formats.decoder(mapper, call)
    except OptionError as error:
        # What no option is to blame for leaves the format without a decoder.
        code = "bad-format-option" if error.option else "unknown-format"
        at = operation.marks.get(error.option or "outputRawFormat", operation.at)
        raise Rejected(code, at, error.what, error.hint or None) from None
    return call


def _mapper(operation: Operation, compilation: Compilation) -> OutputMapper[Any]:
    offered = compilation.offers.output_mappers
    mapper = offered.get(operation.format)
    if mapper is None:
        what = f"no plugin decodes outputRawFormat {operation.format!r}; offered are {', '.join(sorted(offered))}"
        at = operation.marks.get("outputRawFormat", operation.at)
        raise Rejected("unknown-format", at, what, near(operation.format, offered) or None)
    for name in formats.unknown_options(mapper, operation):
        what = f"{name!r} means nothing to the format {operation.format!r}"
        compilation.report("bad-format-option", operation.marks.get(name, operation.at), what, "remove it")
    return mapper
