"""Chooses the outputs that are read from an answer, and checks that their mappings are valid paths."""

from __future__ import annotations

from cap_core.compile.rejection import Rejected
from cap_core.compile.state import Compilation
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.exposed import DeclaredOutput, ExposedOperation
from cap_core.plan.upstream import Operation
from cap_core.runtime.output_mapping import check_outputs


def check_mappings(outputs: tuple[DeclaredOutput, ...]) -> None:
    """Raise `Rejected` for an output whose mapping is not a valid JSONPath."""
    for output, what in check_outputs(outputs):
        raise Rejected("bad-mapping", output.at, what)


def read_outputs(
    exposed: ExposedOperation, operation: Operation | None, compilation: Compilation, report: Reporter
) -> tuple[DeclaredOutput, ...]:
    """The outputs of an exposed operation to read from the answers of what it calls.

    None if the answer is passed through untouched. Raises `Rejected` for a mapping that is not valid.
    """
    outputs = mapped_outputs(exposed.outputs)
    check_mappings(outputs)
    mapper = compilation.registry.output_mappers.get(operation.format) if operation is not None else None
    if not outputs or operation is None or mapper is None or not mapper.untouched:
        return outputs
    what = f"outputRawFormat {operation.format!r} of {operation.address} hands on bytes, which no outputs are read from"
    report("outputs-of-bytes", outputs[0].at, what)
    return ()


def mapped_outputs(outputs: tuple[DeclaredOutput, ...]) -> tuple[DeclaredOutput, ...]:
    """The outputs to read; none if they mean the entire answer, which is then passed through untouched."""
    if len(outputs) != 1:
        return outputs
    one = outputs[0]
    plain = not one.properties and one.items is None and one.values is None and one.max_length is None
    whole = one.mapping in (None, "$", "$.") and plain
    return () if whole and one.name is None else outputs
