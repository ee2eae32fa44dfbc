"""Shows results of earlier steps by the name of the step and the path, because no step is run."""

from __future__ import annotations

from cap_core.plan.values import Constant, StepRef, Template, Tree, Value


def named_results(value: Value) -> Value:
    """A value in which each result of an earlier step is a text that names it, as in `(find.id)`."""
    if isinstance(value, StepRef):
        return Constant(result_name(value))
    if isinstance(value, Template):
        parts = (result_name(part) if isinstance(part, StepRef) else part for part in value.parts)
        return Template(tuple(parts))
    if isinstance(value, Tree):
        if value.keyed:
            return Tree(tuple((e[0], named_results(e[1])) for e in value.items if isinstance(e, tuple)), keyed=True)
        return Tree(tuple(named_results(e) for e in value.items if not isinstance(e, tuple)), keyed=False)
    return value


def result_name(reference: StepRef) -> str:
    """A reference to a step's result, for people."""
    return f"({reference.step}{reference.path.removeprefix('$')})"
