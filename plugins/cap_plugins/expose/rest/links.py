"""Leads callers back to the gateway: `Location` and `Link` of an upstream become the exposed address of the same thing.

An address is rewritten if exactly what it says can be said to an exposed GET: each part of its path and each parameter
of its query goes where an input of that GET takes it. Any other stays the upstream's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec

from cap_core.plan.values import Constant, InputRef
from cap_core.syntax.path_template import placeholders, shape

if TYPE_CHECKING:
    from cap_core.plan.call import Call
    from cap_core.plan.plan import ExposurePlan
    from cap_core.plan.request import Request
    from cap_core.plugins.messages import Headers, Reply

Back = Callable[["Reply"], "Reply"]
"""From a reply to one whose addresses lead to the gateway where they can."""

_ADDRESSES = frozenset((b"location", b"link"))
_NAME = itemgetter(0)
_LINKED = re.compile(r"<([^<>]*)>")
_HOLE = re.compile(r"\{\{[^{}/]*\}\}|\{[^{}/]*\}")
_PORTS = {"http": 80, "https": 443}


class _Known(msgspec.Struct, frozen=True):
    """An exposed GET: the upstream's addresses that it stands for, and how they are said to it."""

    origin: tuple[str, str, int | None]
    path: re.Pattern[str]
    holes: tuple[str | None, ...]
    """For each group of `path` the placeholder of `template` that it fills; None for a part that is always the same."""
    constants: tuple[str, ...]
    """What those parts are, in order."""
    query: Mapping[str, str]
    """The exposed name of each parameter that may be given, by its name upstream."""
    fixed: frozenset[tuple[str, str]]
    """Parameters that every request has."""
    required: frozenset[str]
    """The exposed names of parameters that must be given."""
    template: str


def compile_back(
    capability: str, exposures: Iterable[ExposurePlan], upstreams: Mapping[str, str], bare: frozenset[tuple[str, str]]
) -> Back | None:
    """The function for the replies of one capability; None if nothing can be rewritten.

    `exposures` are those of its listener, `upstreams` the addresses by `Consumed.key`, and `bare` the routes (method
    and shape) that have an address without the capability's name.
    """
    calls = [call for exposure in exposures if exposure.about.name == capability for call in exposure.calls]
    known = tuple(one for call in calls for one in _known(call, upstreams, bare))
    if not known:
        return None

    def back(reply: Reply) -> Reply:
        # Without a loop of Python, because this is for every reply.
        if _ADDRESSES.isdisjoint(map(_NAME, reply.headers)):
            return reply
        return msgspec.structs.replace(reply, headers=_rewritten(reply.headers, known))

    return back


def _rewritten(headers: Headers, known: tuple[_Known, ...]) -> Headers:
    out = []
    for name, value in headers:
        text = value.decode("latin-1")
        if name == b"location":
            text = _exposed(text, known)
        elif name == b"link":
            text = _LINKED.sub(lambda found: f"<{_exposed(found[1], known)}>", text)
        out.append((name, text.encode("latin-1")))
    return tuple(out)


def _exposed(address: str, known: tuple[_Known, ...]) -> str:
    try:
        parts = urlsplit(address)
        origin = _origin(parts)
    except ValueError:
        return address
    for one in known:
        if one.origin == origin and (found := _said_to(one, parts)) is not None:
            return found + (f"#{parts.fragment}" if parts.fragment else "")
    return address


def _said_to(one: _Known, parts: SplitResult) -> str | None:
    found = one.path.fullmatch(parts.path or "/")
    query = _query(one, parts.query)
    if found is None or query is None:
        return None
    values: dict[str, str] = {}
    constants = iter(one.constants)
    for hole, text in zip(one.holes, found.groups(), strict=True):
        if hole is None:
            if unquote(text) != next(constants):
                return None
        elif not text or unquote(text).partition(";")[0] in ("", ".", ".."):
            return None  # no caller may give it
        else:
            values[hole] = text
    names = iter(placeholders(one.template))
    path = _HOLE.sub(lambda hole: values[next(names)], one.template)
    return path + (f"?{query}" if query else "")


def _query(one: _Known, query: str) -> str | None:
    pairs, given = [], set()
    for pair in query.split("&") if query else ():
        name, equals, value = pair.partition("=")
        plain = unquote(name.replace("+", " "))
        if plain in one.query:
            given.add(one.query[plain])
            pairs.append(f"{one.query[plain]}{equals}{value}")
        elif (plain, unquote(value.replace("+", " "))) not in one.fixed:
            return None
    return "&".join(pairs) if one.required <= given else None


def _known(call: Call, upstreams: Mapping[str, str], bare: frozenset[tuple[str, str]]) -> Iterator[_Known]:
    """The addresses of a call, if it is a GET of one step whose path can be told from the upstream's and back."""
    exposed, steps = call.exposed, call.flow.steps
    if exposed.method != "GET" or len(steps) != 1 or steps[0].request.operation.method != "GET":
        return
    request = steps[0].request
    base = upstreams.get(request.operation.consumed.key)
    template = exposed.path or "/"
    if base is None:
        return
    parts = urlsplit(base)
    wires = {item.name: item.wire for item in call.inputs.items if item.place == "path"}
    holes, constants = _holes(request, wires)
    if sorted(filter(None, holes)) != sorted(placeholders(template)) or holes.count(None) != len(constants):
        return
    queries = {item.name: item.wire for item in call.inputs.items if item.place == "query"}
    fields = [field for field in request.fields if field.place == "query"]
    unqualified = ("GET", shape(template)) in bare
    yield _Known(
        origin=_origin(parts),
        path=_pattern(request, parts.path),
        holes=holes,
        constants=constants,
        query={
            f.name: queries[f.value.name] for f in fields if isinstance(f.value, InputRef) and f.value.name in queries
        },
        fixed=frozenset(_fixed(request)),
        required=frozenset(item.wire for item in call.inputs.items if item.required and item.place != "path"),
        template=template if unqualified else f"/{call.capability}{template}",
    )


def _holes(request: Request, wires: Mapping[str, str]) -> tuple[tuple[str | None, ...], tuple[str, ...]]:
    """For each placeholder of the consumed path the exposed one that fills it, or None and its constant text."""
    fields = {field.name: field.value for field in request.fields if field.place == "path"}
    holes: list[str | None] = []
    constants: list[str] = []
    for part in request.operation.segments:
        if isinstance(part, str):
            continue
        value = fields.get(part.name)
        if isinstance(value, InputRef) and value.name in wires:
            holes.append(wires[value.name])
        else:
            holes.append(None)
            if isinstance(value, Constant):
                constants.append(str(value.value))
    return tuple(holes), tuple(constants)


def _pattern(request: Request, prefix: str) -> re.Pattern[str]:
    texts = [re.escape(part) if isinstance(part, str) else "([^/]*)" for part in request.operation.segments]
    path = "".join(texts)
    return re.compile(re.escape(prefix) + (path if path.startswith("/") else f"/{path}"))


def _fixed(request: Request) -> Iterator[tuple[str, str]]:
    for pair in request.operation.query.split("&"):
        name, _, value = pair.partition("=")
        yield unquote(name), unquote(value)
    for field in request.fields:
        if field.place == "query" and isinstance(field.value, Constant):
            yield field.name, str(field.value.value)


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme.lower(), (parts.hostname or "").lower(), parts.port or _PORTS.get(parts.scheme.lower())


def owners_of_routes(exposures: Iterable[ExposurePlan]) -> Mapping[tuple[str, str], set[str]]:
    """The capabilities that have each route (method and shape); that of one alone has an address without its name."""
    owners: dict[tuple[str, str], set[str]] = {}
    for exposure in exposures:
        for exposed in (*(c.exposed for c in exposure.calls), *(q.exposed for q in exposure.rejected)):
            owners.setdefault((exposed.method or "", shape(exposed.path or "")), set()).add(exposure.about.name)
    return owners
