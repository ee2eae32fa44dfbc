"""A consumed path as steps: names, slots for identifiers, and verbs after a colon.

Published paths put identifiers into whole segments (`/things/{id}`) and into parts of them (`/things/{id}.json`,
`/Things('{id}')`, `/things/{name}:cancel`). All of these are a name, a slot and perhaps a verb.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from cap_core.names import norm
from cap_core.templates import Var

if TYPE_CHECKING:
    from cap_core.plan import Operation

# What stands for a placeholder while a segment is taken apart; no path holds it.
_HOLE: Final = "\0"
_FORMAT: Final = re.compile(rf"(?<=.)\.({_HOLE}|json|xml|csv|ya?ml|html?|txt)$", re.IGNORECASE)
_VERB: Final = re.compile(r"(?<=.):([A-Za-z][\w-]*)$")


class Step(msgspec.Struct, frozen=True):
    """One step. `key` is equal where two paths take the same step; `text` is a slot's placeholder, else the name."""

    kind: Literal["name", "slot", "verb"]
    key: str
    text: str
    values: tuple[int, ...] = ()
    """Which of the path's placeholders make up the identifier of a slot."""


class Path(msgspec.Struct, frozen=True):
    """A path in the router's spelling, and its steps."""

    template: str
    steps: tuple[Step, ...]


def read(operation: Operation) -> Path | None:
    """The path of an operation; None where it is not one that is ever called.

    An operation with a path parameter that has no place in its path is left out of every plan (`docs/semantics.md`,
    lost identifiers); it would make an item's address look like its collection's.
    """
    names = [part.name for part in operation.segments if isinstance(part, Var)]
    known = {norm(name) for name in names}
    lost = any(p.place == "path" and norm(p.name) not in known for p in operation.parameters)
    if lost or (operation.path.strip("/") and not operation.segments):
        return None
    text = "".join(part if isinstance(part, str) else _HOLE for part in operation.segments)
    template = text.replace(_HOLE, "{x}")
    if template and not template.startswith("/"):
        template = "/" + template
    return Path(template, tuple(_steps(text, names)))


def _steps(text: str, names: list[str]) -> Iterator[Step]:
    at = 0
    for segment in text.split("/"):
        end = at + segment.count(_HOLE)
        if segment:
            yield from _of_segment(segment, names, tuple(range(at, end)))
        at = end


def _of_segment(segment: str, names: list[str], values: tuple[int, ...]) -> Iterator[Step]:
    bare, ending = _cut(_FORMAT, segment)
    if ending == _HOLE:
        values = values[:-1]
    left, verb = _cut(_VERB, bare)
    if values:
        yield from _slot(left, names, values)
    else:
        yield Step("name", left, left)
    if verb:
        yield Step("verb", ":" + verb, verb)


def _cut(pattern: re.Pattern[str], text: str) -> tuple[str, str]:
    """What stands before an ending, and the ending; the whole and nothing where there is none."""
    found = pattern.search(text)
    return (text[: found.start()], found[1]) if found else (text, "")


def _slot(text: str, names: list[str], values: tuple[int, ...]) -> Iterator[Step]:
    name, parenthesis, _ = text.partition("(")
    if parenthesis and _HOLE not in name:
        if name:
            yield Step("name", name, name)
        text = _HOLE
    yield Step("slot", text.replace(_HOLE, "{}"), names[values[0]], values)
