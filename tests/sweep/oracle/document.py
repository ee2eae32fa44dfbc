"""The parts of a document that matter to a request, as they stand there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from oracle import paths
from oracle.names import norm

NOTHING: Any = object()


@dataclass(frozen=True)
class Param:
    """An entry of `inputParameters`."""

    name: str
    place: str | None
    type: str | None
    required: bool | None
    value: Any
    enum: tuple[Any, ...] | None


@dataclass(frozen=True)
class Entry:
    """A `consumes` entry."""

    namespace: str
    base: str
    auth: dict[str, Any] | None
    imported: bool


@dataclass(frozen=True)
class Consumed:
    """A consumed operation."""

    entry: Entry
    name: str
    method: str
    path: str
    params: tuple[Param, ...]
    body: Any
    format: str
    description: str

    @property
    def bare(self) -> str:
        """The path without its literal query."""
        return self.path.partition("?")[0]


@dataclass(frozen=True)
class Exposed:
    """A REST operation, or a tool (no method, no path)."""

    namespace: str
    name: str
    method: str | None
    path: str | None
    call: Any
    with_: dict[str, Any] | None
    params: tuple[Param, ...]
    outputs: tuple[dict[str, Any], ...]
    description: str
    unbuilt: bool
    shared: frozenset[str] = frozenset()
    """The parameters that are declared for a whole exposure or resource, and not for this operation."""
    duplicate: bool = False

    @property
    def key(self) -> str:
        """How reports name it."""
        return f"{self.method} {self.path}" if self.method else f"tool {self.name}"


@dataclass(frozen=True)
class Document:
    """A document."""

    binds: dict[str, dict[str, str]]
    """What may be read from outside: by namespace, the names and their sources."""
    entries: tuple[Entry, ...]
    operations: tuple[Consumed, ...]
    exposed: tuple[Exposed, ...] = field(default=())


def named(value: Any) -> list[dict[str, Any]]:
    """A list of named things, or a map keyed by their names."""
    if isinstance(value, dict):
        return [{"name": key, **(item or {})} for key, item in value.items()]
    return [item for item in value or [] if isinstance(item, dict)]


def name_of(item: dict[str, Any]) -> str:
    """`name`, which some spell `id`."""
    return str(item.get("name", item.get("id", "")) or "")


def params(*levels: Any) -> tuple[Param, ...]:
    """Parameters of several levels, the nearest last; a name at a place counts once."""
    out: dict[tuple[str, str | None], Param] = {}
    for level in levels:
        for item in named(level):
            param = Param(
                name=name_of(item),
                place=item.get("in"),
                type=item.get("type"),
                required=item.get("required"),
                value=item.get("value", NOTHING),
                enum=tuple(item["enum"]) if isinstance(item.get("enum"), list) else None,
            )
            out[param.name, param.place] = param
    return tuple(out.values())


def read(tree: Any) -> Document:
    """A document from its data."""
    capability = tree["capability"]
    binds: dict[str, dict[str, str]] = {}
    for bind in [*named(tree.get("binds")), *named(capability.get("binds"))]:
        keys = bind.get("keys") or {}
        binds.setdefault(str(bind.get("namespace", bind.get("name", ""))), {}).update(
            {str(key): str(source) for key, source in keys.items()}
        )
    entries, operations = [], []
    for item in named(capability.get("consumes")):
        entry = Entry(
            namespace=str(item.get("namespace", item.get("name", ""))),
            base=str(item.get("baseUri") or ""),
            auth=item.get("authentication", item.get("auth")),
            imported=any(key in item for key in ("import", "from", "location", "ref")),
        )
        entries.append(entry)
        operations += list(_operations(item, entry))
    return Document(binds, tuple(entries), tuple(operations), tuple(_exposed(capability)))


def _operations(item: dict[str, Any], entry: Entry) -> Iterator[Consumed]:
    for resource in named(item.get("resources")):
        for operation in named(resource.get("operations")):
            yield Consumed(
                entry=entry,
                name=name_of(operation),
                method=str(operation.get("method", "GET")).upper(),
                path=paths.joined(str(resource.get("path") or ""), str(operation.get("path") or "")),
                params=params(
                    item.get("inputParameters"), resource.get("inputParameters"), operation.get("inputParameters")
                ),
                body=operation.get("body"),
                format=str(operation.get("outputRawFormat") or "json").lower(),
                description=str(operation.get("description") or ""),
            )


UNBUILT = ("steps", "mappings", "ref", "responses", "responseBinary", "value", "calls")


def _exposed(capability: dict[str, Any]) -> Iterator[Exposed]:
    routes: set[tuple[str, str]] = set()
    for exposure in named(capability.get("exposes")):
        tools: set[str] = set()
        namespace = str(exposure.get("namespace", exposure.get("name", "")))
        if exposure.get("type") == "rest":
            for resource in named(exposure.get("resources")):
                for operation in named(resource.get("operations")):
                    method = str(operation.get("method", "GET")).upper()
                    path = str(resource.get("path") or "")
                    levels = [part.get("inputParameters") for part in (exposure, resource, operation)]
                    route = method, paths.shape(path)
                    one = _one(namespace, operation, method, path, params(*levels), route in routes)
                    own = {p.name for p in params(levels[-1])}
                    yield replace(one, shared=frozenset(p.name for p in params(*levels[:-1])) - own)
                    routes.add(route)
        elif exposure.get("type") == "mcp":
            for tool in named(exposure.get("tools")):
                name = name_of(tool)
                yield _one(namespace, tool, None, None, params(tool.get("inputParameters")), name in tools)
                tools.add(name)


def _one(
    namespace: str, item: dict[str, Any], method: str | None, path: str | None, own: tuple[Param, ...], again: bool
) -> Exposed:
    return Exposed(
        namespace=namespace,
        name=name_of(item),
        method=method,
        path=path,
        call=item.get("call"),
        with_=item.get("with"),
        params=own,
        outputs=tuple(named(item.get("outputParameters"))),
        description=str(item.get("description") or ""),
        unbuilt=any(key in item for key in UNBUILT),
        duplicate=again,
    )


def supplied(entry: Entry) -> dict[str, set[str]]:
    """What the authentication of an entry puts into each request: names by place, headers in lower case."""
    auth = entry.auth
    if not auth:
        return {}
    kind = norm(str(auth.get("type", "")))
    if kind in ("bearer", "basic"):
        return {"header": {"authorization"}}
    if kind != "apikey":
        return {}
    if "headers" in auth:
        headers = auth["headers"]
        return {"header": {(h if isinstance(headers, dict) else name_of(h)).lower() for h in headers}}
    if "header" in auth:
        return {"header": {str(auth["header"]).lower()}}
    place = str(auth.get("placement", auth.get("in", "header"))).lower()
    name = str(auth.get("key") if "key" in auth and "value" in auth else auth.get("name"))
    return {place: {name.lower() if place == "header" else name}}
