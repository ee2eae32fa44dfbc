"""One exposed operation compiled to its call: the operation it calls, its inputs and values, and its outputs."""

from __future__ import annotations

from typing import Any

import msgspec

from cap_core.compile import format_options
from cap_core.compile.bind_call import bind
from cap_core.compile.bind_inputs import BoundInputs, bind_inputs
from cap_core.compile.rejection import Rejected
from cap_core.compile.resolve_call import OperationIndex, find
from cap_core.compile.scope import exposed_scope
from cap_core.compile.state import Compilation
from cap_core.compile.target import Target
from cap_core.compile.unclaimed import claim
from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import OptionError
from cap_core.plan.call import Call
from cap_core.plan.exposed import DeclaredOutput, ExposedOperation
from cap_core.plan.upstream import Operation
from cap_core.plugins.output import OutputMapper
from cap_core.runtime import output_format
from cap_core.runtime.output_mapping import check_outputs
from cap_core.syntax.names import near
from cap_core.syntax.templates import TemplateError


def exposed_address(exposed: ExposedOperation) -> str:
    """An operation as callers address it: the name of a tool, a method and a path."""
    return exposed.name if exposed.method is None else f"{exposed.method} {exposed.path}"


def compile_call(
    exposed: ExposedOperation, exposure: str, namespace: str, index: OperationIndex, compilation: Compilation
) -> Call:
    """Bind an exposed operation of the exposure with that key and namespace to the operation it calls.

    Raises `Rejected` where it cannot be served as its author meant it.
    """
    report = compilation.reporter(exposed.name)
    target = find(exposed, index, report, compilation.elsewhere)
    assert target.operation is not None  # only consumed operations are in the index
    body_type, bound = _bound(exposed, target, namespace, compilation, report)
    if body_type != "json" and any(place == "body" for place, _ in target.supplied):
        what = f"the authentication adds a member to the body of {target.address}, which is {body_type}"
        raise Rejected("unsupported-body", target.at, what, "use another placement, or a json body")
    outputs = _mapped(exposed.outputs)
    for output, what in check_outputs(outputs):
        raise Rejected("bad-mapping", output.at, what)
    call = Call(
        key=f"{exposure}/{exposed_address(exposed)}",
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
    exposed: ExposedOperation, target: Target, namespace: str, compilation: Compilation, report: Reporter
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
        output_format.size(operation)
        output_format.media_type(operation)
        if call.identity:
            return call
        mapper = _mapper(operation, compilation)
        directory = compilation.source.path.resolve().parent
        options = format_options.options(mapper, operation, (directory,), compilation.options.allow_files)
        call = msgspec.structs.replace(call, output_options=options)
        output_format.decoder(mapper, call)
    except OptionError as error:
        # What no option is to blame for leaves the format without a decoder.
        code = "bad-format-option" if error.option else "unknown-format"
        at = operation.marks.get(error.option or "outputRawFormat", operation.at)
        raise Rejected(code, at, error.what, error.hint or None) from None
    return call


def _mapper(operation: Operation, compilation: Compilation) -> OutputMapper[Any]:
    offered = compilation.registry.output_mappers
    mapper = offered.get(operation.format)
    if mapper is None:
        what = f"no plugin decodes outputRawFormat {operation.format!r}; offered are {', '.join(sorted(offered))}"
        at = operation.marks.get("outputRawFormat", operation.at)
        raise Rejected("unknown-format", at, what, near(operation.format, offered) or None)
    for name in format_options.unknown_options(mapper, operation):
        what = f"{name!r} means nothing to the format {operation.format!r}"
        compilation.report("bad-format-option", operation.marks.get(name, operation.at), what, "remove it")
    return mapper
