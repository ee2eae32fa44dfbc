"""The consumed side of a document: every operation with its effective parameters, path and body."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from cap_core import multipart
from cap_core.documents import Map, Node, Scalar, Seq, resolve
from cap_core.errors import Mark
from cap_core.model import ConsumedOperation, ConsumedParameter, ConsumedResource, ConsumesEntry, choices, texts
from cap_core.names import Spellings, match, near, norm
from cap_core.patterns import checked_pattern
from cap_core.plan import Consumed, FeedPlace, Operation, OperationParameter
from cap_core.reading import Say
from cap_core.templates import TemplateError, Var, parse_path

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""The methods whose callers may send a body (`docs/semantics.md`, bodies)."""
KNOWN_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
"""The methods of the published schemas, and those that any resource has."""

PLACES: dict[str, FeedPlace] = {
    "path": "path",
    "query": "query",
    "header": "header",
    "cookie": "cookie",
    "body": "body",
}
"""Where a consumed parameter goes, by what `in` says."""
BODY_TYPES = {
    "json": "json",
    "formurlencoded": "form",
    "form": "form",
    "text": "text",
    "xml": "xml",
    "sparql": "sparql",
    "multipart": "multipart",
    "multipartform": "multipart",
    "multipartformdata": "multipart",
    "yaml": "yaml",
}
"""What a body of each type is, by the letters and digits of how the type is written."""
PUBLISHED_BODIES = ("json", "text", "xml", "sparql", "formUrlEncoded", "multipartForm")
"""The spellings of the published schemas."""
OUTPUT_KEYS = ("outputSchema", "outputMediaType", "maxBinarySize")
"""What a document may say beside `outputRawFormat`."""
BODY_KEYS = ("type", "data")
"""The keys of a `body:` block."""
# Headers that frame the message or choose its coding: the gateway's own, never a caller's.
_FRAMING = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
# RFC 9110, 5.6.2
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOP = frozenset({"expect", "upgrade", "te", "trailer", "keep-alive"})
# A template of one variable and nothing else: the body is that value, of whatever type.
_WHOLE = re.compile(r"\s*\{\{[^{}]+\}\}\s*")
_STRING_OR_VARIABLE = re.compile(r'"(?:[^"\\]|\\.)*"|\{\{[^{}"]+\}\}')
TYPES = ("string", "integer", "number", "boolean", "array", "object")
"""The types of parameters and outputs."""


class Quarantine(Exception):
    """An exposed operation that cannot be served correctly: the code, the place, what, and what would help."""

    def __init__(self, code: str, at: Mark, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.code = code
        self.at = at
        self.what = what
        self.hint = hint


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A consumed parameter, with its place decided."""

    name: str
    place: FeedPlace
    type: str | None
    required: bool
    description: str
    value: Node | None
    pattern: str | None
    enum: tuple[object, ...] | None
    max_length: int | None
    at: Mark


class BodyTemplate(msgspec.Struct, frozen=True):
    """A `body:` block: how it is encoded, and what it is made of (None: nothing is said, so no body)."""

    type: str
    data: Node | None
    at: Mark


class Broken(msgspec.Struct, frozen=True):
    """Why an operation cannot be called: the code, the place, and what is wrong."""

    code: str
    at: Mark
    what: str
    hint: str | None = None


class Callee(msgspec.Struct, frozen=True, kw_only=True):
    """An operation as calls see it. `broken` says why it cannot be called at all."""

    operation: Operation
    parameters: tuple[Parameter, ...]
    body: BodyTemplate | None
    broken: Broken | None
    environment: frozenset[str] = frozenset()
    """The parameters that the process environment has, which no caller gives."""


def callees(entry: ConsumesEntry, consumed: Consumed, broken: Broken | None, say: Say) -> list[Callee]:
    """Every operation of a `consumes` entry, in order."""
    for resource in entry.resources:
        if not resource.operations:
            say("empty-resource", resource.at, f"the resource {resource.path!r} has no operations")
    return [
        _callee(entry, resource, operation, consumed, broken, say)
        for resource in entry.resources
        for operation in resource.operations
    ]


def _callee(
    entry: ConsumesEntry,
    resource: ConsumedResource,
    operation: ConsumedOperation,
    consumed: Consumed,
    broken: Broken | None,
    say: Say,
) -> Callee:
    full = joined(resource.path, operation.path)
    if operation.path:
        say("operation-path", operation.mark("path"), f"{operation.name!r} has the path {operation.path!r} of its own")
    path, _, query = full.partition("?")
    path_at = operation.mark("path") if operation.path else resource.mark("path")
    segments: tuple[str | Var, ...] = ()
    try:
        if "#" in full:
            raise TemplateError(f"the path {full!r} has a fragment, which is never sent")
        segments = parse_path(path)
    except TemplateError as error:
        broken = broken or Broken("unbalanced-path", path_at, str(error))
    _report_path(path, segments, path_at, say)
    levels = (entry.inputParameters, resource.inputParameters, operation.inputParameters)
    body, why = _body(operation)
    _report_alias(operation, say)
    _report_unread(operation, say)
    if body is not None and any((p.in_ or "").lower() == "body" for level in levels for p in level):
        say("body-and-parameters", operation.mark("body"), f"{operation.name!r} has a body and 'in: body' parameters")
    unencoded = Broken(*why) if why is not None else None
    method = _method(operation, say)
    placeholders = {part.name for part in segments if isinstance(part, Var)}
    nearest = _nearest(levels, say)
    declared = [p for p in nearest if not p.from_environment]
    try:
        asked = _query(query, declared, path_at)
    except TemplateError as error:
        broken = broken or Broken("unbalanced-path", path_at, str(error))
        asked = _Asked("", (), frozenset(), frozenset())
    declared = [
        msgspec.structs.replace(p, in_="query") if p.name in asked.placed else p
        for p in declared
        if p.name not in asked.names
    ]
    parameters = tuple(_parameter(p, method, placeholders, say) for p in declared)
    parameters += asked.parameters
    if body is not None and body.type == "multipart":
        parameters = tuple(p for p in parameters if not _says_type(p, say))
    if not _TOKEN.fullmatch(method):
        what = f"{method!r} of {operation.name!r} cannot be an HTTP method"
        broken = broken or Broken("unknown-method", operation.mark("method"), what)
    broken = broken or _unsendable(parameters, placeholders, operation, path)
    plan = Operation(
        name=operation.name,
        method=method,
        path=path,
        segments=segments,
        query=asked.literal,
        consumed=consumed,
        description=operation.description or resource.description or "",
        format=(operation.outputRawFormat or "json").lower(),
        at=operation.at,
        path_at=(resource.mark("path"), *((operation.mark("path"),) if operation.path else ())),
        parameters=tuple(OperationParameter(p.name, p.place, p.type) for p in parameters),
        output={key: text for key in OUTPUT_KEYS if (text := getattr(operation, key)) is not None},
        marks=operation.marks,
        label=operation.label or "",
        tags=(*texts(resource.tags), *texts(operation.tags)),
        resource=resource.label or resource.name or "",
    )
    return Callee(
        operation=plan,
        parameters=parameters,
        body=body,
        broken=broken or unencoded,
        environment=frozenset(p.name for p in nearest if p.from_environment),
    )


def _says_type(parameter: Parameter, say: Say) -> bool:
    """Whether a parameter is the content type, which for a body in parts has the boundary and is the gateway's own."""
    if parameter.place != "header" or parameter.name.lower() != "content-type":
        return False
    say("reserved-header", parameter.at, f"the gateway sets the header {parameter.name!r} of a multipart body itself")
    return True


def _method(operation: ConsumedOperation, say: Say) -> str:
    method = operation.method.upper()
    if not method:
        say("no-method", operation.at, f"{operation.name!r} names no method; GET is used")
    elif method not in KNOWN_METHODS and _TOKEN.fullmatch(method):
        say("unknown-method", operation.mark("method"), f"{method} is no method we know; it is sent as it is")
    return method or "GET"


def _report_path(path: str, segments: tuple[str | Var, ...], at: Mark, say: Say) -> None:
    if path and (not path.startswith("/") or "//" in path):
        say("odd-slashes", at, f"the slashes of {path!r} are odd; it follows the base URI after one slash")
    times = Counter(part.name for part in segments if isinstance(part, Var))
    for name in (name for name, n in times.items() if n > 1):
        say("repeated-placeholder", at, f"{{{name}}} stands more than once in {path!r}")


def _report_alias(operation: ConsumedOperation, say: Say) -> None:
    """A body type that no published schema has, but documents do."""
    node = operation.body
    kind = node.get(Scalar("type", node.mark)) if isinstance(node, Map) else None
    if not isinstance(kind, Scalar):
        return
    spelled = "".join(c for c in kind.lower() if c.isalnum())
    if spelled in BODY_TYPES and spelled not in map(norm, PUBLISHED_BODIES):
        say("alias-body", kind.mark, f"the body type {str(kind)!r} is in no published schema")


def _report_unread(operation: ConsumedOperation, say: Say) -> None:
    """Keys of a body that nothing acts upon."""
    for key in operation.body if isinstance(operation.body, Map) else ():
        if key not in BODY_KEYS:
            say(
                "unknown-key",
                key.mark,
                f"the body of {operation.name!r} has the key {str(key)!r}; it has type and data",
                near(key, BODY_KEYS) or None,
            )


def _unsendable(
    parameters: tuple[Parameter, ...], placeholders: set[str], operation: ConsumedOperation, path: str
) -> Broken | None:
    """A path parameter without a place, whose request would reach another resource; or a header that is no name."""
    # {{tools.id}} in a path means the input id.
    known = Spellings({placeholder.rpartition(".")[2] for placeholder in placeholders} | placeholders)
    for parameter in parameters:
        if parameter.place == "path" and match(parameter.name, known) is None:
            what = f"the path parameter {parameter.name!r} of {operation.name!r} has no place in {path!r}"
            return Broken("lost-identifier", operation.at, what, f"write {{{parameter.name}}} into the path")
        if parameter.place == "header" and not _TOKEN.fullmatch(parameter.name):
            return Broken("bad-header-name", parameter.at, f"{parameter.name!r} cannot be the name of a header")
    return None


def joined(resource: str, operation: str | None) -> str:
    """An operation's path replaces the resource's where it starts with it on a segment boundary, else follows it."""
    if not operation:
        return resource
    rest = operation[len(resource) :]
    if operation.startswith(resource) and (not rest or rest[0] in "/(:?" or resource.endswith("/")):
        return operation
    return resource.rstrip("/") + ("" if operation[:1] in "/:?(" else "/") + operation


def _nearest(levels: Iterable[tuple[ConsumedParameter, ...]], say: Say) -> list[ConsumedParameter]:
    """Each parameter once: the operation's before the resource's before the adapter's, in the order first named."""
    out: dict[tuple[str, str | None], ConsumedParameter] = {}
    for level in levels:
        seen: set[str] = set()
        for parameter in level:
            if not parameter.name:
                say("nameless-parameter", parameter.at, "a parameter has no name; it is never sent")
                continue
            if parameter.name in seen:
                say("duplicate-parameter", parameter.at, f"the parameter {parameter.name!r} stands twice in one list")
            seen.add(parameter.name)
            out[(parameter.name, parameter.in_)] = parameter
    return list(out.values())


class _Asked(msgspec.Struct, frozen=True):
    """The query of a path: what is literal, and what its variables make of it."""

    literal: str
    parameters: tuple[Parameter, ...]
    names: frozenset[str]
    """The declared parameters that its variables are, in whole or in part."""
    placed: frozenset[str]
    """The declared parameters that stand in it whole, under their own name."""


def _query(query: str, declared: list[ConsumedParameter], at: Mark) -> _Asked:
    """Split `a=b&q={q}`: a pair with variables is a query parameter with a template. Raises `TemplateError`."""
    literal: list[str] = []
    parameters: list[Parameter] = []
    names: set[str] = set()
    placed: set[str] = set()
    known = Spellings(p.name for p in declared)
    for pair in query.split("&") if query else ():
        name, _, text = pair.partition("=")
        if "{" not in pair:
            literal.append(pair)
            continue
        if "{" in name:
            raise TemplateError(f"the name of the query parameter {name!r} has a variable")
        variables = parse_path(text)
        if len(variables) == 1 and isinstance(variables[0], Var) and name == match(variables[0].name, known):
            placed.add(name)
            continue
        parts = [p if isinstance(p, str) else _input_of(p, known, names) for p in variables]
        parameters.append(_filled(name, Scalar("".join(parts), at, plain=False)))
    return _Asked("&".join(literal), tuple(parameters), frozenset(names - placed), frozenset(placed))


def _input_of(variable: Var, known: Spellings, names: set[str]) -> str:
    """A variable as templates write it: `{x}` is an input, `{{x}}` is one where a parameter has its name."""
    found = match(variable.name, known)
    if found is not None:
        names.add(found)
    plain = found or (variable.name if variable.braces == 1 else None)
    return f"{{{{{variable.name}}}}}" if plain is None else f"{{{{tools.{plain}}}}}"


def _filled(name: str, template: Scalar) -> Parameter:
    return Parameter(
        name=name,
        place="query",
        type=None,
        required=False,
        description="",
        value=template,
        pattern=None,
        enum=None,
        max_length=None,
        at=template.mark,
    )


def _parameter(parameter: ConsumedParameter, method: str, placeholders: set[str], say: Say) -> Parameter:
    place = PLACES.get((parameter.in_ or "").lower())
    if place is None:
        place = "path" if parameter.name in placeholders else "query" if method not in WRITES else "body"
        said = f"in: {parameter.in_}, which is no place," if parameter.in_ else "no 'in'"
        what = f"the parameter {parameter.name!r} has {said} and is sent as {place}"
        say("guessed-place", parameter.mark("in"), what, near(parameter.in_ or "", [*PLACES, "environment"]) or None)
    type_ = (parameter.type or "").lower()
    if type_ and type_ not in TYPES:
        what = f"the parameter {parameter.name!r} is of no type {type_!r} we know"
        say("unknown-type", parameter.mark("type"), what, near(type_, TYPES) or None)
    return Parameter(
        name=parameter.name,
        place=place,
        type=type_ if type_ in TYPES else None,
        required=place == "path" or bool(parameter.required),
        description=parameter.description or "",
        value=parameter.value,
        pattern=checked_pattern(parameter.pattern, parameter.mark("pattern"), say),
        enum=choices(parameter.enum, parameter.values),
        max_length=parameter.maxLength,
        at=parameter.at,
    )


def reserved(parameter: Parameter) -> bool:
    """Whether a declared parameter is a header that the gateway sets itself."""
    return parameter.place == "header" and parameter.name.lower() in _FRAMING | _HOP


def _body(operation: ConsumedOperation) -> tuple[BodyTemplate | None, tuple[str, Mark, str] | None]:
    """The `body:` block, or why it cannot be encoded."""
    node = operation.body
    if node is None or (isinstance(node, Scalar) and resolve(node) is None):
        return None, None
    if isinstance(node, Scalar):
        # A raw string that is JSON is a JSON template, so that values put into it stay JSON.
        tree = _json_template(node)
        return BodyTemplate("text" if tree is None else "json", node if tree is None else tree, node.mark), None
    if not isinstance(node, Map):
        return None, ("unsupported-body", node.mark, "a body must be text or a mapping with 'type' and 'data'")
    kind = str(node.get(Scalar("type", node.mark), "json"))
    data = node.get(Scalar("data", node.mark))
    encoded = BODY_TYPES.get("".join(c for c in kind.lower() if c.isalnum()))
    if encoded is None:
        known = ", ".join(dict.fromkeys(BODY_TYPES.values()))
        return None, ("unsupported-body", node.mark, f"a body of type {kind!r} is not encoded; {known} are")
    if encoded == "json" and isinstance(data, Scalar) and not data.plain and not _WHOLE.fullmatch(data):
        tree = _json_template(data)
        if tree is None:
            return None, ("unsupported-body", data.mark, "a body of type json needs data that is JSON")
        data = tree
    if data is None or (isinstance(data, Scalar) and resolve(data) is None):
        return BodyTemplate(encoded, None, node.mark), None
    if encoded == "multipart" and (wrong := multipart.fault(data)) is not None:
        return None, ("unsupported-body", *wrong)
    if encoded == "yaml" and isinstance(data, Scalar) and "{{" in data and not _WHOLE.fullmatch(data):
        what = "a body of type yaml cannot have variables inside a text; write it as a mapping or a list"
        return None, ("unsupported-body", data.mark, what)
    if encoded in ("text", "xml", "sparql") and not isinstance(data, Scalar | None):
        return None, ("unsupported-body", node.mark, f"a body of type {kind!r} needs text as its data")
    return BodyTemplate(encoded, data, node.mark), None


def _json_template(text: Scalar) -> Node | None:
    """The tree of a string that holds a JSON object or list, with its marks all at the string; else None."""
    try:
        # A variable where JSON has a value stands for one of whatever type, as a whole text of it does.
        data = msgspec.json.decode(_STRING_OR_VARIABLE.sub(_quoted, str(text)))
    except msgspec.DecodeError:
        return None
    return _marked(data, text.mark) if isinstance(data, dict | list) else None


def _quoted(found: re.Match[str]) -> str:
    text = found[0]
    return text if text.startswith('"') else f'"{text}"'


def _marked(data: object, at: Mark) -> Node:
    if isinstance(data, dict):
        out = Map({Scalar(key, at, plain=False): _marked(item, at) for key, item in data.items()})
        out.mark = at
        return out
    if isinstance(data, list):
        items = Seq(_marked(item, at) for item in data)
        items.mark = at
        return items
    if isinstance(data, str):
        return Scalar(data, at, plain=False)
    return Scalar(msgspec.json.encode(data).decode(), at)
