"""Writes a value as pairs of a query or a form, as `style` and `explode` say (OpenAPI 3.1, style values)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from cap_core.plan.request import Style
from cap_core.runtime.values import as_text

Escape = Callable[[str], str]
Pairs = Callable[[object], list[str]]
"""Gives the `name=value` texts of a value."""

_DELIMITERS: Final = {"form": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}
_members = msgspec.json.Decoder(dict[str, object]).decode


def compile_pairs(name: str, style: Style | None, escape: Escape) -> Pairs:
    """The function that writes a value under a name. `escape` is what the place does with a text.

    Without a style a list is repeated, and an object, or a list of objects, is one JSON text.
    """
    start = escape(name) + "="
    if style is None:
        return lambda value: [start + escape(text) for text in plain_texts(value)]
    if style.name == "deepObject":
        return lambda value: _deep(name, value, escape)
    delimiter = _DELIMITERS[style.name]
    explode = style.name == "form" if style.explode is None else style.explode

    def pairs(value: object) -> list[str]:
        members = _object(value)
        if members is not None and explode:
            return [pair for key, item in members.items() for pair in _repeated(key, item, escape)]
        items = _joined(members) if members is not None else value
        if not isinstance(items, list):
            return [start + escape(as_text(items))]
        texts = [escape(as_text(item)).replace(",", "%2C") for item in items if item is not None]
        if explode:
            return [start + text for text in texts]
        return [start + delimiter.join(texts)] if texts else []

    return pairs


def plain_texts(value: object) -> list[str]:
    """The texts of a value: one for each item of a list, one JSON text for an object or a list of objects."""
    if not isinstance(value, list):
        return [as_text(value)]
    if any(_is_object(item) for item in value):
        return [msgspec.json.encode(value).decode()]
    return [as_text(item) for item in value if item is not None]


def _is_object(value: object) -> bool:
    return isinstance(value, dict) or (isinstance(value, msgspec.Raw) and bytes(value).lstrip()[:1] == b"{")


def _object(value: object) -> dict[str, object] | None:
    """The members of an object, which may be JSON text."""
    if isinstance(value, dict):
        return value
    if isinstance(value, str | msgspec.Raw) and as_text(value).lstrip()[:1] == "{":
        try:
            return _members(as_text(value))
        except msgspec.DecodeError:
            return None
    return None


def _joined(members: dict[str, object]) -> list[object]:
    return [part for key, item in members.items() for part in (key, item)]


def _repeated(name: str, value: object, escape: Escape) -> list[str]:
    return [f"{escape(name)}={escape(text)}" for text in plain_texts(value)] if value is not None else []


def _deep(name: str, value: object, escape: Escape) -> list[str]:
    members = _object(value)
    if members is None:
        return _repeated(name, value, escape)
    return [pair for key, item in members.items() for pair in _deep(f"{name}[{key}]", item, escape)]
