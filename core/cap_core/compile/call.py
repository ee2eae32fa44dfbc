"""One exposed operation compiled to its call: what it calls, its inputs and values, and its outputs."""

from __future__ import annotations

from cap_core.compile.bind_call import bind
from cap_core.compile.bind_inputs import bind_inputs
from cap_core.compile.decoding import compile_decoding
from cap_core.compile.describe import described
from cap_core.compile.rejection import Rejected
from cap_core.compile.resolve_call import OperationIndex, find
from cap_core.compile.scope import exposed_scope
from cap_core.compile.state import Compilation
from cap_core.compile.target import Target
from cap_core.compile.unclaimed import claim
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.call import Call
from cap_core.plan.exposed import DeclaredOutput, ExposedOperation
from cap_core.plan.flow import CallStep, Flow, Mapped, PassThrough
from cap_core.plan.inputs import Inputs
from cap_core.plan.request import BodyEncoding, Request
from cap_core.runtime.output_mapping import check_outputs
from cap_core.syntax.templates import TemplateError


def exposed_address(exposed: ExposedOperation) -> str:
    """An operation as callers address it: the name of a tool, a method and a path."""
    return f"{exposed.method} {exposed.path}" if exposed.kind == "operation" else exposed.name


def compile_call(
    exposed: ExposedOperation, exposure: str, namespace: str, index: OperationIndex, compilation: Compilation
) -> Call:
    """Compile an exposed operation of the exposure with that key and namespace.

    Raises `Rejected` where it cannot be served as its author meant it.
    """
    report = compilation.reporter(exposed.name)
    inputs, flow = _one_step(exposed, namespace, index, compilation, report)
    return Call(
        key=f"{exposure}/{exposed_address(exposed)}",
        capability=compilation.source.name,
        exposed=exposed,
        inputs=inputs,
        flow=flow,
        describes=described(flow),
    )


def _one_step(
    exposed: ExposedOperation, namespace: str, index: OperationIndex, compilation: Compilation, report: Reporter
) -> tuple[Inputs, Flow]:
    """Bind it to the operation it calls."""
    target = find(exposed, index, report, compilation.elsewhere)
    inputs, request = _bound(exposed, target, namespace, compilation, report)
    check_supplied_body(target, request.body)
    outputs = mapped_outputs(exposed.outputs)
    check_mappings(outputs)
    step = CallStep(
        name=request.operation.name,
        request=request,
        decode=compile_decoding(request.operation, outputs, compilation, reads=bool(outputs)),
        with_=exposed.with_,
    )
    return inputs, Flow((step,), Mapped(outputs) if outputs else PassThrough())


def _bound(
    exposed: ExposedOperation, target: Target, namespace: str, compilation: Compilation, report: Reporter
) -> tuple[Inputs, Request]:
    """The inputs, and the request with their values: the three phases of binding."""
    assert target.operation is not None  # only consumed operations are in the index
    try:
        bound = bind(target, exposed_scope(exposed, namespace, compilation.bindings), report)
        claimed = claim(bound, report)
        whole = bind_inputs(bound, claimed, report)
    except TemplateError as error:
        raise Rejected("bad-template", exposed.at, str(error)) from None
    body = BodyEncoding(bound.body_type, target.body.at if target.body is not None else None)
    return whole.inputs, Request(target.operation, whole.fields, body)


def check_supplied_body(target: Target, body: BodyEncoding) -> None:
    """Refuse a body that the authentication cannot add its member to. Raises `Rejected`."""
    if body.type != "json" and any(place == "body" for place, _ in target.supplied):
        what = f"the authentication adds a member to the body of {target.address}, which is {body.type}"
        raise Rejected("unsupported-body", target.at, what, "use another placement, or a json body")


def check_mappings(outputs: tuple[DeclaredOutput, ...]) -> None:
    """Refuse outputs whose mapping is not a path we can follow. Raises `Rejected`."""
    for output, what in check_outputs(outputs):
        raise Rejected("bad-mapping", output.at, what)


def mapped_outputs(outputs: tuple[DeclaredOutput, ...]) -> tuple[DeclaredOutput, ...]:
    """The outputs to apply; none where they mean the whole answer, untouched."""
    if len(outputs) != 1:
        return outputs
    one = outputs[0]
    plain = not one.properties and one.items is None and one.values is None and one.max_length is None
    whole = one.mapping in (None, "$", "$.") and plain
    return () if whole and one.name is None else outputs
