"""What a REST exposure looks like in a document, and what the core is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.documents import Map, Node, Scalar, resolve
from cap_core.model import ExposedOutput, ExposedParameter, ExposesEntry, texts
from cap_core.plan import DeclaredInput, Exposed
from cap_core.reading import Part
from cap_core.router import ANY, balanced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cap_core.diagnostics import Diagnostic
    from cap_core.offers import ExposeAt


class Operation(Part, frozen=True, kw_only=True):
    """One operation on a resource. The last five keys are not built yet; each takes its operation out of service."""

    method: str
    name: str | None = None
    label: str | None = None
    description: str | None = None
    tags: Node | None = None
    call: str | None = None
    with_: Map | None = msgspec.field(default=None, name="with")
    inputParameters: tuple[ExposedParameter, ...] = ()
    outputParameters: tuple[ExposedOutput, ...] = ()
    ref: Node | None = None
    steps: Node | None = None
    mappings: Node | None = None
    responses: Node | None = None
    responseBinary: Node | None = None


class Resource(Part, frozen=True, kw_only=True):
    """A path and the operations on it. `forward` is not built yet."""

    path: str
    name: str | None = None
    label: str | None = None
    description: str | None = None
    tags: Node | None = None
    inputParameters: tuple[ExposedParameter, ...] = ()
    operations: tuple[Operation, ...] = ()
    forward: Node | None = None


class RestEntry(ExposesEntry, frozen=True, kw_only=True):
    """An `exposes` entry of type `rest`."""

    resources: tuple[Resource, ...] = ()
    inputParameters: tuple[ExposedParameter, ...] = ()


class Detail(msgspec.Struct, frozen=True):
    """What the OpenAPI document says of an operation and its resource beyond what the core knows."""

    label: str = ""
    tags: tuple[str, ...] = ()
    resource_label: str = ""
    resource_description: str = ""


_LATER = ("ref", "steps", "mappings", "responses", "responseBinary")


def declared(entry: RestEntry, at: ExposeAt) -> Iterator[Exposed]:
    """Every operation of an exposure; one that cannot be served says why (`Exposed.left_out`)."""
    for resource in entry.resources:
        path = resource.path if resource.path.startswith("/") else f"/{resource.path}"
        unreachable = _unreachable(resource, path, at)
        levels = (entry.inputParameters, resource.inputParameters)
        for operation in resource.operations:
            left_out = _not_built(operation, at) or unreachable
            yield _exposed(operation, path, levels, _detail(operation, resource), left_out)
        if _given(resource.forward):
            yield _forwarded(resource, path, at)


def _exposed(
    operation: Operation,
    path: str,
    levels: tuple[tuple[ExposedParameter, ...], ...],
    detail: Detail,
    left_out: Diagnostic | None,
) -> Exposed:
    method = operation.method.upper()
    return Exposed(
        name=operation.name or f"{method} {path}",
        at=operation.at,
        call=operation.call or None,
        call_at=operation.mark("call"),
        with_=operation.with_,  # type: ignore[arg-type]  # Scalar is a str
        inputs=_inputs((*levels, operation.inputParameters)),
        outputs=tuple(output.declared() for output in operation.outputParameters),
        description=operation.description or "",
        method=method,
        path=path,
        left_out=left_out,
        detail=detail,
    )


def _detail(operation: Operation, resource: Resource) -> Detail:
    return Detail(
        label=operation.label or "",
        tags=(*texts(resource.tags), *texts(operation.tags)),
        resource_label=resource.label or resource.name or "",
        resource_description=resource.description or "",
    )


def _inputs(levels: Iterable[tuple[ExposedParameter, ...]]) -> tuple[DeclaredInput, ...]:
    """Adapter, resource, operation: the nearest declaration of a name wins."""
    return tuple({item.name: item.declared() for level in levels for item in level}.values())


def _unreachable(resource: Resource, path: str, at: ExposeAt) -> Diagnostic | None:
    if balanced(path) and "#" not in path and "?" not in path:
        return None
    what = "braces that are not balanced" if not balanced(path) else "a fragment" if "#" in path else "a query"
    return at.report("unbalanced-path", resource.mark("path"), f"the path {path!r} has {what}; no request can reach it")


def _not_built(operation: Operation, at: ExposeAt) -> Diagnostic | None:
    name = operation.name or operation.method
    later = [key for key in _LATER if _given(getattr(operation, key))]
    said = [at.report("not-built", operation.mark(key), f"{key!r} of {name!r} is not built yet") for key in later]
    return said[0] if said else None


def _forwarded(resource: Resource, path: str, at: ExposeAt) -> Exposed:
    """The address of a `forward`, so that it answers that it is not served, and not that it is not there."""
    mark = resource.mark("forward")
    why = at.report("not-built", mark, f"'forward' of {path!r} is not built yet")
    return Exposed(
        name=f"forward {path}",
        at=mark,
        call=None,
        call_at=mark,
        method=ANY,
        path=path,
        left_out=why,
        detail=Detail(),
    )


def _given(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and resolve(node) is None)
