"""Compiles a mock: an exposed operation that calls nothing and answers with the `value`s of its outputs.

The rules are those of `docs/semantics.md`, fixed answers.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cap_core.compile.assignments import Assignments
from cap_core.compile.bind_inputs import bind_inputs
from cap_core.compile.bound import Bound, BoundField, request_field
from cap_core.compile.expressions import Names, value
from cap_core.compile.rejection import Rejected
from cap_core.compile.scope import Scope, exposed_scope
from cap_core.compile.state import Compilation
from cap_core.compile.target import Target
from cap_core.compile.unclaimed import Claimed
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.exposed import DeclaredOutput, ExposedOperation
from cap_core.plan.flow import Composed, Flow
from cap_core.plan.inputs import Inputs
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import Constant, InputRef, Tree, Value
from cap_core.runtime import output_mapping
from cap_core.syntax.templates import TemplateError
from cap_core.syntax.yaml_tree import Node, Scalar, resolve


def is_mock(exposed: ExposedOperation) -> bool:
    """Whether an exposed operation calls nothing and has values to answer with."""
    return not exposed.call and not exposed.steps and any(one.value is not None for one in _all(exposed.outputs))


def compile_mock(
    exposed: ExposedOperation, namespace: str, compilation: Compilation, report: Reporter
) -> tuple[Inputs, Flow]:
    """The inputs that its values read, and a flow without steps. Raises `Rejected` for a value of another type."""
    try:
        scope = exposed_scope(exposed, namespace, compilation.bindings)
        known = frozenset({*scope.declared, *scope.placeholders})
        outputs, composed = _composed(exposed.outputs, scope.names(known, known, report))
    except TemplateError as error:
        raise Rejected("bad-template", exposed.at, str(error)) from None
    _report_unused(exposed, report)
    inputs, written = _inputs(exposed, scope, composed, report)
    return inputs, Flow((), Composed(written, outputs))


def _all(outputs: tuple[DeclaredOutput, ...]) -> Iterator[DeclaredOutput]:
    """These outputs, and all within them."""
    for output in outputs:
        yield output
        yield from _all(output.properties)
        yield from _all(tuple(inner for inner in (output.items, output.values) if inner is not None))


def _report_unused(exposed: ExposedOperation, report: Reporter) -> None:
    if exposed.with_ is not None:
        report("not-acted-on", exposed.call_at, "'with' has no effect where nothing is called")
    for output in _all(exposed.outputs):
        if output.mapping is not None and output.value is None:
            what = f"the mapping {output.mapping!r} finds nothing where nothing is called; null is answered"
            report("not-acted-on", output.at, what)


# --- the value ----------------------------------------------------------------------------------------------------


def _composed(outputs: tuple[DeclaredOutput, ...], names: Names) -> tuple[tuple[DeclaredOutput, ...], Value]:
    """The outputs without their mappings, and the value that they convert to their types.

    Named outputs form an object; of unnamed ones the first that has a value is the whole answer.
    """
    named = tuple(output for output in outputs if output.name is not None)
    if named:
        return tuple(map(_by_name, named)), _object(named, names)
    first = next((output for output in outputs if any(one.value is not None for one in _all((output,)))), outputs[0])
    return (_by_name(first),), _value(first, names)


def _by_name(output: DeclaredOutput) -> DeclaredOutput:
    """An output that reads the member of its name; a mapping has no upstream's answer to read from."""
    return msgspec.structs.replace(
        output,
        mapping=None,
        properties=tuple(map(_by_name, output.properties)),
        items=_by_name(output.items) if output.items is not None else None,
        values=_by_name(output.values) if output.values is not None else None,
    )


def _object(outputs: tuple[DeclaredOutput, ...], names: Names) -> Value:
    return Tree(tuple((output.name or "", _value(output, names)) for output in outputs), keyed=True)


def _value(output: DeclaredOutput, names: Names) -> Value:
    if output.value is not None:
        return _literal(output, output.value, names)
    if output.items is not None:
        return Tree((_value(output.items, names),), keyed=False)
    return _object(output.properties, names) if output.properties else Constant(None)


def _literal(output: DeclaredOutput, node: Node, names: Names) -> Value:
    """The value that an author wrote. Text keeps its spelling; anything but a template must be of the output's type."""
    item = value(node, names)
    if not isinstance(item, Constant):
        return item
    if output.type == "string" and isinstance(node, Scalar) and resolve(node) is not None:
        return Constant(str(node))
    mapper = output_mapping.compile((msgspec.structs.replace(output, name=None, mapping=None),))
    if item.value is not None and mapper(item.value) is None:
        what = f"the value {str(node)!r} of the output {output.name or '(unnamed)'!r} is no {output.type}"
        raise Rejected("bad-output-value", output.at, what)
    return item


# --- the inputs ---------------------------------------------------------------------------------------------------


def _inputs(exposed: ExposedOperation, scope: Scope, composed: Value, report: Reporter) -> tuple[Inputs, Value]:
    """The inputs that the value reads or the operation declares, and the value that refers to them by name."""
    place: FieldPlace = "member" if scope.body_allowed else "query"
    fields = [BoundField(field=request_field(place, "", composed, exposed.at))]
    # A mock of a method that writes takes a body, as the operation that it replaces would.
    passed = "body" if scope.body_allowed and not _reads_body(scope) else ""
    if passed:
        fields.append(BoundField(field=request_field("body", passed, InputRef(passed), exposed.at)))
    bound = Bound(
        target=Target(address=exposed.name, at=exposed.at, safety="safe"),
        scope=scope,
        parameters=(),
        assignments=Assignments({}),
        fields=tuple(fields),
    )
    unreached = tuple(dict.fromkeys((*scope.declared, *scope.placeholders)))
    whole = bind_inputs(bound, Claimed(fields=tuple(fields), paired={}, unreached=unreached, passed=passed), report)
    return whole.inputs, whole.fields[0].value


def _reads_body(scope: Scope) -> bool:
    return any((declared.place or "").lower() == "body" for declared in scope.declared.values())
