"""What a REST exposure looks like in a document, and what the core is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.documents import Map, Node, Scalar, resolve
from cap_core.model import ExposedOutput, ExposedParameter, ExposesEntry
from cap_core.plan import DeclaredInput, Exposed
from cap_core.reading import Part
from cap_core.router import ANY, balanced

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cap_core.offers import ExposeAt


class Operation(Part, frozen=True, kw_only=True):
    """One operation on a resource. The last five keys are not built yet; each takes its operation out of service."""

    method: str
    name: str | None = None
    label: str | None = None
    description: str | None = None
    tags: Node | None = None
    call: str | None = None
    with_: Node | None = msgspec.field(default=None, name="with")
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
    """Every operation of an exposure. One that cannot be served calls nothing, and the core leaves it out."""
    for resource in entry.resources:
        path = resource.path if resource.path.startswith("/") else f"/{resource.path}"
        addressable = _addressable(resource, path, at)
        levels = (entry.inputParameters, resource.inputParameters)
        for operation in resource.operations:
            built = _built(operation, at)
            detail = _detail(operation, resource)
            yield _exposed(operation, path, levels, detail, served=addressable and built)
        if _given(resource.forward):
            yield _forwarded(resource, path, at)


def _exposed(
    operation: Operation,
    path: str,
    levels: tuple[tuple[ExposedParameter, ...], ...],
    detail: Detail,
    *,
    served: bool,
) -> Exposed:
    method = operation.method.upper()
    return Exposed(
        name=operation.name or f"{method} {path}",
        at=operation.at,
        call=(operation.call or None) if served else None,
        call_at=operation.mark("call"),
        with_=operation.with_ if isinstance(operation.with_, Map) else None,  # type: ignore[arg-type]  # Scalar is a str
        inputs=_inputs((*levels, operation.inputParameters)),
        outputs=tuple(output.declared() for output in operation.outputParameters),
        description=operation.description or "",
        method=method,
        path=path,
        detail=detail,
    )


def _detail(operation: Operation, resource: Resource) -> Detail:
    return Detail(
        label=operation.label or "",
        tags=(*_texts(resource.tags), *_texts(operation.tags)),
        resource_label=resource.label or resource.name or "",
        resource_description=resource.description or "",
    )


def _inputs(levels: Iterable[tuple[ExposedParameter, ...]]) -> tuple[DeclaredInput, ...]:
    """Adapter, resource, operation: the nearest declaration of a name wins."""
    return tuple({item.name: item.declared() for level in levels for item in level}.values())


def _addressable(resource: Resource, path: str, at: ExposeAt) -> bool:
    if balanced(path) and "#" not in path and "?" not in path:
        return True
    what = "braces that are not balanced" if not balanced(path) else "a fragment" if "#" in path else "a query"
    at.report("unbalanced-path", resource.mark("path"), f"the path {path!r} has {what}, so no request can reach it")
    return False


def _built(operation: Operation, at: ExposeAt) -> bool:
    later = [key for key in _LATER if _given(getattr(operation, key))]
    for key in later:
        what = f"{key!r} of {operation.name or operation.method!r} is not built yet"
        at.report("not-built", operation.mark(key), what)
    return not later


def _forwarded(resource: Resource, path: str, at: ExposeAt) -> Exposed:
    """The address of a `forward`, so that it answers that it is not served, and not that it is not there."""
    at.report("not-built", resource.mark("forward"), f"'forward' of {path!r} is not built yet")
    mark = resource.mark("forward")
    return Exposed(name=f"forward {path}", at=mark, call=None, call_at=mark, method=ANY, path=path, detail=Detail())


def _given(node: Node | None) -> bool:
    return node is not None and not (isinstance(node, Scalar) and resolve(node) is None)


def _texts(node: Node | None) -> tuple[str, ...]:
    return tuple(str(item) for item in node if isinstance(item, Scalar)) if isinstance(node, list) else ()
