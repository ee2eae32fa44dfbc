"""Compiles one exposed operation to its call: what it calls, its inputs, the values it sends, and its outputs."""

from __future__ import annotations

from cap_core.compile.bind_call import bind
from cap_core.compile.bind_inputs import bind_inputs
from cap_core.compile.decoding import compile_decoding
from cap_core.compile.describe import described
from cap_core.compile.mock import compile_mock, is_mock
from cap_core.compile.outputs import read_outputs
from cap_core.compile.rejection import Rejected
from cap_core.compile.request import bound_request
from cap_core.compile.resolve_call import OperationIndex, find
from cap_core.compile.scope import exposed_scope
from cap_core.compile.state import Compilation
from cap_core.compile.steps import compile_steps
from cap_core.compile.unclaimed import claim
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.call import Call
from cap_core.plan.exposed import ExposedOperation
from cap_core.plan.flow import CallStep, Flow, Mapped, PassThrough
from cap_core.plan.inputs import Inputs
from cap_core.syntax.templates import TemplateError


def exposed_address(exposed: ExposedOperation) -> str:
    """How callers address an exposed operation: the name of a tool, or a method and a path."""
    return f"{exposed.method} {exposed.path}" if exposed.kind == "operation" else exposed.name


def compile_call(
    exposed: ExposedOperation, exposure: str, namespace: str, index: OperationIndex, compilation: Compilation
) -> Call:
    """Compile an exposed operation of the exposure with that key and namespace.

    Raises `Rejected` where it cannot be served as its author meant it.
    """
    report = compilation.reporter(exposed.name)
    if exposed.steps:
        inputs, flow = compile_steps(exposed, namespace, index, compilation, report)
    elif is_mock(exposed):
        inputs, flow = compile_mock(exposed, namespace, compilation, report)
    else:
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
    """The inputs and the flow of an operation with one `call`, bound in three phases."""
    target = find(exposed, index, report, compilation.unread_namespaces)
    try:
        bound = bind(target, exposed_scope(exposed, namespace, compilation.bindings), report)
        claimed = claim(bound, report)
        whole = bind_inputs(bound, claimed, report)
    except TemplateError as error:
        raise Rejected("bad-template", exposed.at, str(error)) from None
    body_type = claimed.encoding.type if claimed.encoding is not None else bound.body_type
    request = bound_request(target, whole.fields, body_type)
    outputs = read_outputs(exposed, request.operation, compilation, report)
    step = CallStep(
        name=request.operation.name,
        request=request,
        with_=exposed.with_,
        decode=compile_decoding(request.operation, outputs, compilation, reads=bool(outputs)),
        outputs=outputs,
    )
    return whole.inputs, Flow((step,), Mapped(outputs) if outputs else PassThrough())
