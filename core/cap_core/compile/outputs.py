"""The exposed outputs that are read from an answer, and whether their mappings can be followed."""

from __future__ import annotations

from cap_core.compile.rejection import Rejected
from cap_core.plan.exposed import DeclaredOutput
from cap_core.runtime.output_mapping import check_outputs


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
