"""Text with variables: `{{x}}` anywhere, and the path and base-URI forms `{x}` and `${X}`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import msgspec


class Var(msgspec.Struct, frozen=True):
    """A variable in a text, as its author wrote it. `braces` is the number of braces around it: 2 for `{{x}}`."""

    name: str
    braces: int = 2


Part = str | Var

_PATH = re.compile(r"\{\{(?P<double>[^{}]*)\}\}|\{(?P<single>[^{}]*)\}")
_BASE = re.compile(r"\{\{(?P<double>[^{}]*)\}\}|\$?\{(?P<single>[^{}]*)\}")


class TemplateError(ValueError):
    """Raised for a malformed template, with the reason as its text."""


def parse(text: str) -> tuple[Part, ...]:
    """A text with `{{x}}`. Sections, partials and triple braces are errors."""
    parts = _split(_doubles(text), text)
    for part in parts:
        if isinstance(part, str):
            if "{{" in part or "}}" in part:
                raise TemplateError(f"the braces of {_short(text)} are not balanced")
        elif part.name[:1] in ("#", "^", ">", "/", "!", "&", "{"):
            raise TemplateError(f"{{{{{part.name}}}}} is not a variable; sections and partials are not templates here")
    return parts


def parse_path(text: str) -> tuple[Part, ...]:
    """A path with `{x}` and `{{x}}`."""
    return _balanced(_PATH, text)


def parse_base(text: str) -> tuple[Part, ...]:
    """A base URI with `{x}`, `${X}` and `{{x}}`."""
    return _balanced(_BASE, text)


def _balanced(pattern: re.Pattern[str], text: str) -> tuple[Part, ...]:
    found = ((one.start(), one.end(), one["double"], one["single"]) for one in pattern.finditer(text))
    names = ((start, end, single if double is None else double) for start, end, double, single in found)
    parts = _split(names, text)
    if any(isinstance(part, str) and ("{" in part or "}" in part) for part in parts):
        raise TemplateError(f"the braces of {_short(text)} are not balanced")
    return parts


def _doubles(text: str) -> Iterator[tuple[int, int, str]]:
    """The start, the end and the content of each `{{x}}`, found in linear time also in texts of many `{{`."""
    end = 0
    while (start := text.find("{{", end)) >= 0 and (close := text.find("}}", start + 2)) >= 0:
        end = close + 2
        yield start, end, text[start + 2 : close]


def _split(found: Iterable[tuple[int, int, str]], text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    behind = 0
    for start, end, inner in found:
        if start > behind:
            parts.append(text[behind:start])
        name = inner.strip()
        if not name:
            raise TemplateError(f"{_short(text)} has a variable without a name")
        parts.append(Var(name, 2 if text.startswith("{{", start) else 1))
        behind = end
    if behind < len(text):
        parts.append(text[behind:])
    return tuple(parts)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
