"""What a call does, in the words of the operations it calls."""

from __future__ import annotations

from collections.abc import Iterable

from cap_core.plan.call import Described
from cap_core.plan.flow import Flow


def described(flow: Flow) -> Described:
    """The texts of the one operation that is called; of several, what they have in common: their addresses."""
    operations = [step.request.operation for step in flow.steps]
    names = _listed(operation.address for operation in operations)
    upstream = _listed(operation.consumed.namespace for operation in operations)
    if len(operations) != 1:
        return Described(address=names, upstream=upstream)
    one = operations[0]
    return Described(
        title=one.label,
        description=one.description,
        tags=one.tags,
        resource=one.resource,
        address=names,
        route=f"{one.method} {one.path} of {upstream}",
        upstream=upstream,
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))
