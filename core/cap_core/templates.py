"""Text with variables: `{{x}}` anywhere, and the path and base-URI forms `{x}` and `${X}`."""

from __future__ import annotations

import re

import msgspec


class Var(msgspec.Struct, frozen=True):
    """A variable in a text, as spelled. `braces` is the number of braces around it: 2 for `{{x}}`."""

    name: str
    braces: int = 2


Part = str | Var

_DOUBLE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_PATH = re.compile(r"\{\{(?P<double>[^{}]*)\}\}|\{(?P<single>[^{}]*)\}")
_BASE = re.compile(r"\{\{(?P<double>[^{}]*)\}\}|\$?\{(?P<single>[^{}]*)\}")


class TemplateError(ValueError):
    """A malformed template; the text says what is wrong with it."""


def parse(text: str) -> tuple[Part, ...]:
    """A text with `{{x}}`. Sections, partials and triple braces are errors."""
    parts = _split(_DOUBLE, text)
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
    parts = _split(pattern, text)
    if any(isinstance(part, str) and ("{" in part or "}" in part) for part in parts):
        raise TemplateError(f"the braces of {_short(text)} are not balanced")
    return parts


def _split(pattern: re.Pattern[str], text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    end = 0
    for found in pattern.finditer(text):
        if found.start() > end:
            parts.append(text[end : found.start()])
        name = next(group for group in found.groups() if group is not None).strip()
        if not name:
            raise TemplateError(f"{_short(text)} has a variable without a name")
        parts.append(Var(name, 2 if found.group().startswith("{{") else 1))
        end = found.end()
    if end < len(text):
        parts.append(text[end:])
    return tuple(parts)


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:57] + "...")
