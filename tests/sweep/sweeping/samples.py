"""Values for inputs: distinctive, of the right type, and with characters that have to be escaped where text goes."""

from __future__ import annotations

from typing import Any

from oracle.expressions import Input, Spelt, Text
from oracle.inputs import Given, Wired

ANY: tuple[Any, ...] = ("plain & <b>'text'</b>", 7, True, [1, "a/b", None], {"k": "v w", "n": 1.5})


def sample(given: Given, wired: Wired, *, rest: bool) -> Any:
    """A value for an input; a REST one that stands as text is a `Spelt`."""
    as_text = rest and given.places[0] not in ("member", "body")
    if given.enum:
        return given.enum[0]
    if given.name.lower() == "content-type":
        return "application/json" if rest else "application/vnd.sweep+json"
    if given.type is None:
        if as_text or wired.encoding != "json" or _in_text(given.name, wired):
            return _text(given)
        return ANY[sum(map(ord, given.name)) % len(ANY)]
    match given.type:
        case "integer":
            return Spelt("007", 7) if as_text else 7
        case "number":
            return Spelt("1.50", 1.5) if as_text else 2.5
        case "boolean":
            return Spelt("true", True) if as_text else True
        case "array":
            return [f"{given.name} 1/é", "2&3"]
        case "object":
            return {"k": f"{given.name} &", "n": 1}
    return _text(given)


def _in_text(name: str, wired: Wired) -> bool:
    """Whether the input becomes part of a text."""

    def inside(value: Any) -> bool:
        if isinstance(value, Text):
            return Input(name) in value.parts
        if isinstance(value, dict):
            return any(inside(item) for item in value.values())
        return isinstance(value, list) and any(inside(item) for item in value)

    return any(
        inside(feed.value) or (feed.place not in ("body", "member") and feed.value == Input(name))
        for feed in wired.feeds
    )


def _text(given: Given) -> str:
    return f"{given.name}: a/b?c#d%41&e=+;é" if given.places[0] != "header" else f"{given.name}: a/b?c&e=+"


WRONG: dict[str, Any] = {
    "integer": "abc",
    "number": "abc",
    "boolean": "abc",
    "array": "abc",
    "object": "abc",
    "string": {"a": 1},
}
"""Of none of these types, as JSON."""


def wrong(given: Given, *, rest: bool) -> Any:
    """A value of another type, or None where anything would do."""
    as_text = rest and given.places[0] not in ("member", "body")
    if as_text:
        return "abc" if given.type in ("integer", "number", "boolean", "object") else None
    return WRONG.get(given.listed or "")
