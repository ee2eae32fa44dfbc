"""The `type: rest` entry of a document: its shape, and the operations it declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from cap_core.document import unsupported
from cap_core.document.model import ExposedOutput, ExposedParameter, ExposesEntry, texts
from cap_core.document.reader import ModelNode
from cap_core.document.steps import Steps, read_steps
from cap_core.document.unsupported import Unsupported
from cap_core.document.vocabulary import KNOWN_METHODS
from cap_core.plan.exposed import DeclaredInput, ExposedOperation
from cap_core.server.router import ANY
from cap_core.syntax.path_template import balanced, join_paths
from cap_core.syntax.yaml_tree import Map, Node

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cap_core.diagnostics.report import Diagnostic
    from cap_core.errors import Mark
    from cap_core.plugins.exposure import ExposeContext


_LIMIT = "REST does not keep to a limit for binary answers yet"
_RESPONSES = {
    "responses": Unsupported("not-built-responses", "declared responses are not kept to yet"),
    "responseBinary": Unsupported("not-built-response-binary", "a declared binary response is not kept to yet"),
}
unsupported.declare("rest", {"maxBinarySize": Unsupported("not-built-binary-limit", _LIMIT, False)})
unsupported.declare("resource", {"forward": Unsupported("not-built-forward", "requests are not forwarded yet")})
unsupported.declare("operation", {**unsupported.FLOW, **_RESPONSES})


class Operation(ModelNode, frozen=True, kw_only=True):
    """One operation on a resource. The last five keys are not built yet; each takes its operation out of service."""

    method: str = ""
    name: str | None = None
    path: str | None = None
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


class Resource(ModelNode, frozen=True, kw_only=True):
    """A path and the operations on it. `forward` is not built yet."""

    apart: ClassVar[frozenset[str]] = frozenset({"operations"})

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

    apart: ClassVar[frozenset[str]] = frozenset({"resources"})

    resources: tuple[Resource, ...] = ()
    inputParameters: tuple[ExposedParameter, ...] = ()
    maxBinarySize: str | None = None


class OperationDetail(msgspec.Struct, frozen=True):
    """The parts of an operation's OpenAPI description that the core does not compile."""

    label: str = ""
    tags: tuple[str, ...] = ()
    resource_label: str = ""
    resource_description: str = ""


Levels = tuple[tuple[ExposedParameter, ...], ...]


def declared(entry: RestEntry, at: ExposeContext) -> Iterator[ExposedOperation]:
    """Every operation of an exposure; one that cannot be served has its reason in `ExposedOperation.rejection`."""
    unsupported.report_unsupported([("rest", entry)], repr(entry.namespace), at.report)
    if entry.description:
        what = "the description of a REST exposure: in no published schema, and shown"
        at.report("beyond-schema", entry.mark("description"), what)
    for resource in entry.resources:
        path = _rooted(resource.path)
        _report_path(resource, at)
        levels = (entry.inputParameters, resource.inputParameters)
        if not resource.operations and resource.forward is None:
            at.report("empty-exposure", resource.at, f"the resource {path!r} exposes nothing")
        unreachable = _unreachable(path, resource.mark("path"), at) if resource.operations else None
        for operation in resource.operations:
            own, why = path, unreachable
            if operation.path:
                own = _rooted(join_paths(resource.path, operation.path))
                what = f"{operation.name!r} has the path {operation.path!r} of its own"
                at.report("operation-path", operation.mark("path"), what)
                why = _unreachable(own, operation.mark("path"), at)
            rejection = _not_built(operation, levels, at) or _without_method(operation, own, at) or why
            subject = repr(operation.name or operation.method)
            steps = read_steps(operation.steps if rejection is None else None, subject, at.report)
            exposed = _exposed(operation, own, levels, _detail(operation, resource), steps, rejection)
            yield msgspec.structs.replace(exposed, unread=(*resource.unread(), *operation.unread(), *steps.unread))
        if (forward := _forwarded(resource, path, at)) is not None:
            yield forward


def _exposed(
    operation: Operation,
    path: str,
    levels: Levels,
    detail: OperationDetail,
    steps: Steps,
    rejection: Diagnostic | None,
) -> ExposedOperation:
    """What the core compiles of it; `unread` is added to it."""
    method = operation.method.upper() or ANY
    return ExposedOperation(
        name=operation.name or f"{method} {path}",
        kind="operation",
        at=operation.at,
        call=operation.call or None,
        call_at=operation.mark("call"),
        with_=operation.with_,  # type: ignore[arg-type]  # Scalar is a str
        inputs=_inputs(levels, operation.inputParameters),
        outputs=tuple(output.declared() for output in operation.outputParameters),
        description=operation.description or "",
        method=method,
        path=path,
        rejection=rejection or steps.rejection,
        steps=steps.declared,
        detail=detail,
    )


def _detail(operation: Operation, resource: Resource) -> OperationDetail:
    return OperationDetail(
        label=operation.label or "",
        tags=(*texts(resource.tags), *texts(operation.tags)),
        resource_label=resource.label or resource.name or "",
        resource_description=resource.description or "",
    )


def _inputs(levels: Levels, own: Iterable[ExposedParameter]) -> tuple[DeclaredInput, ...]:
    """The inputs declared on the exposure, the resource and the operation; the innermost declaration counts."""
    inherited = {
        item.name: msgspec.structs.replace(item.declared(), inherited=True) for level in levels for item in level
    }
    return tuple((inherited | {item.name: item.declared() for item in own}).values())


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _report_path(resource: Resource, at: ExposeContext) -> None:
    if not resource.path.startswith("/") or "//" in resource.path:
        what = f"the slashes of {resource.path!r} are odd; it is served at {_rooted(resource.path)!r}"
        at.report("odd-slashes", resource.mark("path"), what)


def _without_method(operation: Operation, path: str, at: ExposeContext) -> Diagnostic | None:
    """The rejection of an operation without a method; one with an unusual method is served."""
    if not operation.method:
        return at.report("no-method", operation.at, f"an operation on {path!r} names no method; it is left out")
    if operation.method.upper() not in KNOWN_METHODS:
        what = f"{operation.method} is no method we know; it is served as it is"
        at.report("unknown-method", operation.mark("method"), what)
    return None


def _unreachable(path: str, mark: Mark, at: ExposeContext) -> Diagnostic | None:
    if balanced(path) and "#" not in path and "?" not in path:
        return None
    what = "braces that are not balanced" if not balanced(path) else "a fragment" if "#" in path else "a query"
    return at.report("unbalanced-path", mark, f"the path {path!r} has {what}; no request can reach it")


def _not_built(operation: Operation, levels: Levels, at: ExposeContext) -> Diagnostic | None:
    inputs = [item for level in (*levels, operation.inputParameters) for item in level]
    parts = unsupported.exposed_nodes("operation", operation, inputs, operation.outputParameters)
    return unsupported.report_unsupported(parts, repr(operation.name or operation.method), at.report)


def _forwarded(resource: Resource, path: str, at: ExposeContext) -> ExposedOperation | None:
    """The rejected operation of a `forward`, so that its address answers with the reason instead of 404."""
    why = unsupported.report_unsupported([("resource", resource)], f"the resource {path!r}", at.report)
    if why is None:
        return None
    return ExposedOperation(
        name=f"forward {path}",
        kind="operation",
        at=why.at,
        call=None,
        call_at=why.at,
        method=ANY,
        path=path,
        rejection=why,
        unread=tuple(resource.unread()),
        detail=OperationDetail(),
    )
