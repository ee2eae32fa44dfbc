"""The origins of a request's method, base URI and path."""

from __future__ import annotations

from collections.abc import Iterator

from cap_core.explain.origin import Origin, Waypoint, variable_steps
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Operation
from cap_core.plan.values import Binding
from cap_core.runtime.base_uri import Base


def address_origins(plan: CapabilityPlan, operation: Operation, address: Base | None) -> Iterator[Origin]:
    """The origins of an operation's address; `address` is None where the base URI is not known."""
    yield Origin(
        "method",
        operation.method,
        f"method of {operation.address}",
        str(operation.marks.get("method", operation.at)),
    )
    consumed = operation.consumed
    yield Origin(
        "base URI",
        address.text if address is not None else None,
        f"baseUri of {consumed.namespace}",
        consumed.base_origin,
        variable_steps(plan, [part for part in _parts(operation) if isinstance(part, Binding)]),
    )
    first, *more = operation.path_at or (operation.at,)
    yield Origin(
        "path",
        operation.path + (f"?{operation.query}" if operation.query else ""),
        f"path of {operation.address}",
        str(first),
        tuple(Waypoint("the operation's own path", str(at)) for at in more),
    )


def _parts(operation: Operation) -> tuple[object, ...]:
    base = operation.consumed.base
    return base.parts if base is not None else ()
