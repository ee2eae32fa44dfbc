"""Chooses the outputs that are read from an answer, and checks that their mappings are valid paths."""

from __future__ import annotations

from cap_core.compile.rejection import Rejected
from cap_core.plan.exposed import DeclaredOutput
from cap_core.runtime.output_mapping import check_outputs


def check_mappings(outputs: tuple[DeclaredOutput, ...]) -> None:
    """Raise `Rejected` for an output whose mapping is not a valid JSONPath."""
    for output, what in check_outputs(outputs):
        raise Rejected("bad-mapping", output.at, what)


def mapped_outputs(outputs: tuple[DeclaredOutput, ...]) -> tuple[DeclaredOutput, ...]:
    """The outputs to read; none if they mean the entire answer, which is then passed through untouched."""
    if len(outputs) != 1:
        return outputs
    one = outputs[0]
    plain = not one.properties and one.items is None and one.values is None and one.max_length is None
    whole = one.mapping in (None, "$", "$.") and plain
    return () if whole and one.name is None else outputs
