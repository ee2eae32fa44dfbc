"""A consumed path as steps: names, slots for identifiers, and verbs after a colon.

Published paths put identifiers into whole segments (`/things/{id}`) and into parts of them (`/things/{id}.json`,
`/Things('{id}')`, `/things/{name}:cancel`). All of these are a name, a slot and perhaps a verb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cap_core.syntax.names import norm
from cap_core.syntax.templates import Var

if TYPE_CHECKING:
    from cap_core.plan.upstream import Operation

# Replaces a placeholder while a segment is parsed; no path contains it.
_PLACEHOLDER: Final = "\0"
_FORMAT: Final = re.compile(rf"(?<=.)\.({_PLACEHOLDER}|json|xml|csv|ya?ml|html?|txt)$", re.IGNORECASE)
_VERB: Final = re.compile(r"(?<=.):([A-Za-z][\w-]*)$")


class PathStep(msgspec.Struct, frozen=True):
    """One step of a path.

    `key` is equal where two paths share the step; `text` is a slot's placeholder, else the name.
    """

    kind: Literal["name", "slot", "verb"]
    key: str
    text: str
    values: tuple[int, ...] = ()
    """The indexes of the path's placeholders that make up a slot's identifier."""


class Path(msgspec.Struct, frozen=True):
    """A path as a router's template, and its steps."""

    template: str
    steps: tuple[PathStep, ...]


def parse_path(operation: Operation) -> Path | None:
    """The path of an operation; None for an operation that is never called.

    An operation with a path parameter that has no place in its path is left out of every plan (`docs/semantics.md`,
    lost identifiers); it would make an item's address look like its collection's.
    """
    names = [part.name for part in operation.segments if isinstance(part, Var)]
    known = {norm(name) for name in names}
    lost = any(p.place == "path" and norm(p.name) not in known for p in operation.parameters)
    if lost or (operation.path.strip("/") and not operation.segments):
        return None
    text = "".join(part if isinstance(part, str) else _PLACEHOLDER for part in operation.segments)
    template = text.replace(_PLACEHOLDER, "{x}")
    if template and not template.startswith("/"):
        template = "/" + template
    return Path(template, tuple(_steps(text, names)))


def _steps(text: str, names: list[str]) -> Iterator[PathStep]:
    at = 0
    for segment in text.split("/"):
        end = at + segment.count(_PLACEHOLDER)
        if segment:
            yield from _of_segment(segment, names, tuple(range(at, end)))
        at = end


def _of_segment(segment: str, names: list[str], values: tuple[int, ...]) -> Iterator[PathStep]:
    bare, ending = _cut(_FORMAT, segment)
    if ending == _PLACEHOLDER:
        values = values[:-1]
    left, verb = _cut(_VERB, bare)
    if values:
        yield from _slot(left, names, values)
    else:
        yield PathStep("name", left, left)
    if verb:
        yield PathStep("verb", ":" + verb, verb)


def _cut(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    """The text before an ending, and the ending, which is "" where the text has none."""
    found = pattern.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _slot(text: str, names: list[str], values: tuple[int, ...]) -> Iterator[PathStep]:
    name, parenthesis, _ = text.partition("(")
    if parenthesis and _PLACEHOLDER not in name:
        if name:
            yield PathStep("name", name, name)
        text = _PLACEHOLDER
    yield PathStep("slot", text.replace(_PLACEHOLDER, "{}"), names[values[0]], values)
