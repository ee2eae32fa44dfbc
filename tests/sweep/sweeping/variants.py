"""What callers send to one operation: everything, the least, and what has to be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from oracle import verdict
from oracle.document import Consumed, Exposed
from oracle.expressions import Input
from oracle.inputs import Given, Wired
from oracle.names import aliases
from oracle.upstream import Handed

from sweeping import asking
from sweeping.asking import Ask
from sweeping.samples import sample, wrong

UNKNOWN = "zz-nobody-knows"
HANDED = Handed(b'{"price": 1.50, "n": 1}', "application/json")
PASSING = {
    "Accept": "application/x-sweep",
    "Accept-Encoding": "gzip",
    "Accept-Language": "nl",
    "If-None-Match": '"sweep"',
    "Idempotency-Key": "sweep-1",
}
"""Headers of a caller that go upstream where the answer goes back untouched."""
STAYING = {"Authorization": "Bearer of-the-caller", "Cookie": "of=the-caller", "X-Other": "of the caller"}
"""Headers of a caller that stay behind, unless the document declares them."""


@dataclass(frozen=True)
class Variant:
    """Something a caller sends, and what has to come of it: a request upstream, or nothing."""

    name: str
    ask: Ask
    values: Mapping[str, Any] | None
    """The inputs of the request that has to arrive; None where none may."""
    passing: Mapping[str, str] = field(default_factory=dict)
    """Headers that arrive as the caller sent them, by their lower-case names."""
    method: str = ""
    """The method that arrives, where it is not the operation's own."""


def of_rest(capability: str, exposed: Exposed, op: Consumed, wired: Wired) -> Iterator[Variant]:
    """The variants of a REST operation."""

    def ask(values: Mapping[str, Any], how: Wired = wired, **more: Any) -> Ask:
        return asking.rest(capability, exposed, how, values, **more)

    values = _samples(wired, rest=True)
    required = {given.name: values[given.name] for given in wired.inputs if given.required}
    if "Content-Type" in ask(required).headers:  # a body comes with its type, and the type may be an input
        required |= {g.name: values[g.name] for g in wired.inputs if g.name.lower() == "content-type"}
    yield Variant("all", ask(values), values)
    yield _with_headers(ask(required), exposed, wired, required)
    yield Variant("unknown query", ask(required, extra=UNKNOWN + "=1"), required)
    if exposed.method == "GET" and op.method == "GET" and not verdict.mapped(exposed):
        head = replace(ask(required), method="HEAD")
        yield Variant("head", head, required, method="HEAD")
    for name, places in (("elsewhere", _elsewhere), ("form", _form)):
        moved = replace(wired, inputs=[places(given) for given in wired.inputs])
        if moved.inputs != wired.inputs:
            there = _samples(moved, rest=True)
            yield Variant(name, ask(there, moved), there)
    yield from _climbing(exposed, wired, values, lambda given: ask(given))
    if not any(given.places[0] == "body" for given in wired.inputs):
        yield Variant("unknown member", ask(required, stray={UNKNOWN: 1}), None)
    for name, value in _wrongs(wired, rest=True):
        yield Variant("mistyped", ask({**values, name: value}), None)
    for given in wired.inputs:
        if given.required and given.places[0] != "path":
            yield Variant("missing", ask({k: v for k, v in values.items() if k != given.name}), None)
        if given.places[0] == "query" and given.type in ("string", "integer", "boolean", "number"):
            twice = asking.pair(given.wire, values[given.name])
            yield Variant("twice", ask(values, extra=twice), None)


def of_tool(capability: str, tool: Mapping[str, Any], wired: Wired, *, modern: bool) -> Iterator[Variant]:
    """The variants of a tool."""
    values = _samples(wired, rest=False)
    required = {given.name: values[given.name] for given in wired.inputs if given.required}
    shown = aliases(values)

    def ask(values: Mapping[str, Any], spelling: Mapping[str, str] = shown) -> Ask:
        params = {"name": tool["name"], "arguments": asking.arguments(values, spelling)}
        return asking.rpc(capability, "tools/call", params, modern=modern)

    itself = {name: name for name in [*values, UNKNOWN]}
    yield Variant("all", ask(values), values)
    yield Variant("required", ask(required, itself), required)
    yield Variant("null", ask({name: required.get(name) for name in values}), required)
    yield from _climbing(None, wired, values, lambda given: ask(given))
    yield Variant("unknown argument", ask({**values, UNKNOWN: 1}, itself), None)
    for name, value in _wrongs(wired, rest=False):
        yield Variant("mistyped", ask({**values, name: value}), None)
    for name in required:
        yield Variant("missing", ask({k: v for k, v in values.items() if k != name}), None)
    for feed in wired.feeds:
        if feed.place == "header" and isinstance(feed.value, Input) and feed.type in (None, "string"):
            yield Variant("line break", ask({**values, feed.value.name: "a\r\nX-Injected: b"}), None)


def least(capability: str, exposed: Exposed, wired: Wired, tool: Any, *, modern: bool) -> Variant:
    """A call with what it needs and nothing else."""
    if exposed.method is None:
        return next(v for v in of_tool(capability, tool, wired, modern=modern) if v.name == "required")
    values = _samples(wired, rest=True)
    required = {given.name: values[given.name] for given in wired.inputs if given.required}
    return Variant("required", asking.rest(capability, exposed, wired, required), required)


def _samples(wired: Wired, *, rest: bool) -> dict[str, Any]:
    def one(given: Given) -> Any:
        handed = rest and given.places == ("body",) and wired.body == "handed"
        return HANDED if handed else sample(given, wired, rest=rest)

    return {given.name: one(given) for given in wired.inputs}


def _with_headers(ask: Ask, exposed: Exposed, wired: Wired, values: Mapping[str, Any]) -> Variant:
    """The least request, with headers that pass and headers that do not."""
    declared = {given.wire.lower() for given in wired.inputs if "header" in given.places}
    cookies = any(given.places[0] == "cookie" for given in wired.inputs)
    sent = {name: value for name, value in (PASSING | STAYING).items() if name.lower() not in declared}
    if cookies:
        del sent["Cookie"]
    passing = {} if verdict.mapped(exposed) else {n.lower(): v for n, v in sent.items() if n in PASSING}
    return Variant("required", replace(ask, headers={**sent, **ask.headers}), values, passing)


def _elsewhere(given: Given) -> Given:
    """The input at the last of its places."""
    return replace(given, places=given.places[::-1])


def _form(given: Given) -> Given:
    """A member of a JSON body as a field of a form."""
    return replace(given, places=("form",)) if given.places[0] == "member" else given


def _climbing(exposed: Exposed | None, wired: Wired, values: Mapping[str, Any], ask: Any) -> Iterator[Variant]:
    """An identifier that would lead the request elsewhere."""
    for feed in wired.feeds:
        if feed.place == "path" and isinstance(feed.value, Input):
            given = next(given for given in wired.inputs if given.name == feed.value.name)
            if given.type in (None, "string") and not given.enum:
                yield Variant("climbing", ask({**values, given.name: ".."}), {**values, given.name: ".."})


def _wrongs(wired: Wired, *, rest: bool) -> list[tuple[str, Any]]:
    """One wrong value for each type that an input has."""
    by_type = {}
    for given in wired.inputs:
        value = wrong(given, rest=rest)
        anything = rest and wired.body == "handed" and given.places == ("body",)
        if value is not None and not anything:
            by_type[given.type] = given.name, value
    return list(by_type.values())
