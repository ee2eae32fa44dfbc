"""Describes a call for people by the texts of the consumed operations that it calls."""

from __future__ import annotations

from collections.abc import Iterable

from cap_core.plan.call import Described
from cap_core.plan.flow import Flow


def described(flow: Flow) -> Described:
    """The texts of the only operation that is called; for several operations, just the list of their addresses."""
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
