"""Compiles consumed operations to the targets of calls, with their effective parameters and paths."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable

import msgspec

from cap_core.compile.bodies import body_template, report_body_keys
from cap_core.compile.outputs import mapped_outputs
from cap_core.compile.parameters import is_content_type, nearest, placed_parameter
from cap_core.compile.query_template import QueryTemplate, query_template
from cap_core.compile.rejection import Rejected, Rejection
from cap_core.compile.target import BodyTemplate, Parameter, Safety, Target
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.consumed_outputs import declared
from cap_core.document.model import ConsumedOperation, ConsumedParameter, ConsumedResource, ConsumesEntry, texts
from cap_core.document.vocabulary import KNOWN_METHODS, OUTPUT_KEYS, WRITES
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.upstream import Consumed, Operation, OperationParameter
from cap_core.syntax.http import is_token
from cap_core.syntax.names import Spellings, match
from cap_core.syntax.path_template import join_paths
from cap_core.syntax.templates import TemplateError, Var, parse_path

_SAFETY: dict[str, Safety] = {
    "GET": "safe",
    "HEAD": "safe",
    "OPTIONS": "safe",
    "TRACE": "safe",
    "PUT": "idempotent",
    "DELETE": "idempotent",
}
_REPLACING = frozenset({"PUT", "PATCH", "DELETE"})


class Adapter(msgspec.Struct, frozen=True, kw_only=True):
    """A `consumes` entry, compiled except for its operations."""

    entry: ConsumesEntry
    consumed: Consumed
    supplied: frozenset[tuple[str, str]] = frozenset()
    """The (place, lower-case name) pairs that its authentication fills."""
    rejection: Rejection | None = None
    """Why none of its operations can be called; None if they can."""


class _Path(msgspec.Struct, frozen=True, kw_only=True):
    """The path of an operation, its resource's included."""

    text: str
    segments: tuple[str | Var, ...]
    query: str
    at: Mark
    rejection: Rejection | None

    @property
    def placeholders(self) -> frozenset[str]:
        return frozenset(part.name for part in self.segments if isinstance(part, Var))


class _Body(msgspec.Struct, frozen=True):
    template: BodyTemplate | None
    rejection: Rejection | None = None


class _Parameters(msgspec.Struct, frozen=True, kw_only=True):
    """What an operation takes; `query` is the literal part of its path's query."""

    items: tuple[Parameter, ...]
    query: str
    environment: frozenset[str]
    rejection: Rejection | None


def targets(adapter: Adapter, report: Reporter) -> list[Target]:
    """Every operation of a `consumes` entry, in order."""
    resources = adapter.entry.resources
    for resource in resources:
        if not resource.operations:
            report("empty-resource", resource.at, f"the resource {resource.path!r} has no operations")
    return [
        _target(adapter, resource, operation, report) for resource in resources for operation in resource.operations
    ]


def _target(adapter: Adapter, resource: ConsumedResource, operation: ConsumedOperation, report: Reporter) -> Target:
    levels = (adapter.entry.inputParameters, resource.inputParameters, operation.inputParameters)
    path = _path(resource, operation, report)
    body = _body(operation, levels, report)
    method = _method(operation, report)
    parameters = _parameters(levels, path, method, body.template, report)
    checks = (
        adapter.rejection,
        path.rejection,
        parameters.rejection,
        _bad_method(method, operation),
        _unsendable(parameters.items, path, operation),
        body.rejection,
        _unread(resource, operation),
    )
    plan = _operation(adapter.consumed, resource, operation, path, method, parameters)
    return Target(
        address=plan.address,
        at=plan.at,
        parameters=parameters.items,
        segments=path.segments,
        body=body.template,
        environment=parameters.environment,
        outputs=_outputs(operation),
        supplied=adapter.supplied,
        safety=_SAFETY.get(method, "unsafe"),
        writes=method in WRITES,
        replaces=method in _REPLACING,
        removes=method == "DELETE",
        operation=plan,
        rejection=next((rejection for rejection in checks if rejection is not None), None),
    )


def _outputs(operation: ConsumedOperation) -> tuple[DeclaredOutput, ...]:
    """The outputs of its answer that later steps of a flow can read."""
    return mapped_outputs(tuple(declared(output) for output in operation.outputParameters))


def _operation(
    consumed: Consumed,
    resource: ConsumedResource,
    operation: ConsumedOperation,
    path: _Path,
    method: str,
    parameters: _Parameters,
) -> Operation:
    return Operation(
        name=operation.name,
        method=method,
        path=path.text,
        segments=path.segments,
        query=parameters.query,
        consumed=consumed,
        description=operation.description or resource.description or "",
        format=(operation.outputRawFormat or "json").lower(),
        at=operation.at,
        path_at=(resource.mark("path"), *((operation.mark("path"),) if operation.path else ())),
        parameters=tuple(OperationParameter(p.name, p.place, p.type) for p in parameters.items),
        output={key: text for key in OUTPUT_KEYS if (text := getattr(operation, key)) is not None},
        marks=operation.marks,
        label=operation.label or "",
        tags=(*texts(resource.tags), *texts(operation.tags)),
        resource=resource.label or resource.name or "",
    )


def _path(resource: ConsumedResource, operation: ConsumedOperation, report: Reporter) -> _Path:
    full = join_paths(resource.path, operation.path)
    if operation.path:
        what = f"{operation.name!r} has the path {operation.path!r} of its own"
        report("operation-path", operation.mark("path"), what)
    text, _, query = full.partition("?")
    at = operation.mark("path") if operation.path else resource.mark("path")
    segments: tuple[str | Var, ...] = ()
    rejection: Rejection | None = None
    try:
        if "#" in full:
            raise TemplateError(f"the path {full!r} has a fragment, which is never sent")
        segments = parse_path(text)
    except TemplateError as error:
        rejection = Rejection("unbalanced-path", at, str(error))
    if text and (not text.startswith("/") or "//" in text):
        report("odd-slashes", at, f"the slashes of {text!r} are odd; it follows the base URI after one slash")
    times = Counter(part.name for part in segments if isinstance(part, Var))
    for name in (name for name, n in times.items() if n > 1):
        report("repeated-placeholder", at, f"{{{name}}} stands more than once in {text!r}")
    return _Path(text=text, segments=segments, query=query, at=at, rejection=rejection)


def _body(operation: ConsumedOperation, levels: Iterable[Iterable[ConsumedParameter]], report: Reporter) -> _Body:
    unread = report_body_keys(operation, report)
    try:
        body = _Body(body_template(operation), unread)
    except Rejected as error:
        body = _Body(None, error.rejection)
    if body.template is not None and any((p.in_ or "").lower() == "body" for level in levels for p in level):
        what = f"{operation.name!r} has a body and 'in: body' parameters"
        report("body-and-parameters", operation.mark("body"), what)
    return body


def _method(operation: ConsumedOperation, report: Reporter) -> str:
    method = operation.method.upper()
    if not method and "method" not in operation.unreadable:
        report("no-method", operation.at, f"{operation.name!r} names no method; GET is used")
    elif method not in KNOWN_METHODS and is_token(method):
        report("unknown-method", operation.mark("method"), f"{method} is no method we know; it is sent as it is")
    return method or "GET"


def _parameters(
    levels: Iterable[Iterable[ConsumedParameter]],
    path: _Path,
    method: str,
    body: BodyTemplate | None,
    report: Reporter,
) -> _Parameters:
    """The declared parameters that the path's query does not contain, then those that it contains."""
    all_declared = nearest(levels, report)
    declared = [p for p in all_declared if not p.from_environment]
    rejection: Rejection | None = None
    try:
        query = query_template(path.query, declared, path.at)
    except TemplateError as error:
        query, rejection = QueryTemplate(), Rejection("unbalanced-path", path.at, str(error))
    effective = [
        msgspec.structs.replace(p, in_="query") if p.name in query.whole else p
        for p in declared
        if p.name not in query.names
    ]
    placeholders = path.placeholders
    of_all = {p.at for p in next(iter(levels), ())}
    placed = (placed_parameter(p, method, placeholders, report, shared=p.at in of_all) for p in effective)
    items = (*placed, *query.parameters)
    if body is not None and body.type == "multipart":
        items = tuple(p for p in items if not _drops_content_type(p, report))
    return _Parameters(
        items=items,
        query=query.literal,
        environment=frozenset(p.name for p in all_declared if p.from_environment),
        rejection=rejection,
    )


def _drops_content_type(parameter: Parameter, report: Reporter) -> bool:
    """Whether a parameter is ignored, because it is the content type of a multipart body, which needs the boundary."""
    if not is_content_type(parameter):
        return False
    what = f"the gateway sets the header {parameter.name!r} of a multipart body itself"
    report("reserved-header", parameter.at, what)
    return True


def _unread(resource: ConsumedResource, operation: ConsumedOperation) -> Rejection | None:
    """What would restrict an operation, or its whole resource, and cannot be read."""
    found = next(itertools.chain(resource.unread(), operation.unread()), None)
    return Rejection(found.code, found.at, found.message, found.hint) if found is not None else None


def _bad_method(method: str, operation: ConsumedOperation) -> Rejection | None:
    if is_token(method):
        return None
    what = f"{method!r} of {operation.name!r} cannot be an HTTP method"
    return Rejection("unknown-method", operation.mark("method"), what)


def _unsendable(parameters: Iterable[Parameter], path: _Path, operation: ConsumedOperation) -> Rejection | None:
    """The rejection for a path parameter that the path has no place for, or for an invalid header name."""
    # {{tools.id}} in a path means the input id.
    known = Spellings({placeholder.rpartition(".")[2] for placeholder in path.placeholders} | path.placeholders)
    for parameter in parameters:
        if parameter.place == "path" and match(parameter.name, known) is None:
            what = f"the path parameter {parameter.name!r} of {operation.name!r} has no place in {path.text!r}"
            return Rejection("lost-identifier", operation.at, what, f"write {{{parameter.name}}} into the path")
        if parameter.place == "header" and not is_token(parameter.name):
            return Rejection("bad-header-name", parameter.at, f"{parameter.name!r} cannot be the name of a header")
    return None
