"""What a written value means, and what it comes to once the inputs and the bindings are known."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

ABSENT: Any = type("Absent", (), {"__repr__": lambda self: "absent"})()
FACES = ("rest.", "tools.")
_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


@dataclass(frozen=True)
class Input:
    """The caller's input of this name."""

    name: str


@dataclass(frozen=True)
class Bound:
    """A binding, by its bare name."""

    name: str


@dataclass(frozen=True)
class Literal:
    """Itself."""

    value: Any


@dataclass(frozen=True)
class Text:
    """A template: text and variables; of a single variable it is that variable's own value."""

    parts: tuple[Any, ...]


@dataclass(frozen=True)
class Spelt:
    """A value that came as text: sent as spelt where text is sent, as its value in JSON."""

    text: str
    value: Any


Expression = Input | Bound | Literal | Text | dict[str, Any] | list[Any]


def template(written: Any, variable: Callable[[str], Expression]) -> Any:
    """An expression from data with {{variables}} in it, at any depth."""
    if isinstance(written, dict):
        return {key: template(value, variable) for key, value in written.items()}
    if isinstance(written, list):
        return [template(value, variable) for value in written]
    if not isinstance(written, str) or not _VARIABLE.search(written):
        return Literal(written)
    parts: list[Any] = []
    end = 0
    for found in _VARIABLE.finditer(written):
        if found.start() > end:
            parts.append(written[end : found.start()])
        parts.append(variable(found[1]))
        end = found.end()
    if end < len(written):
        parts.append(written[end:])
    return parts[0] if len(parts) == 1 else Text(tuple(parts))


def variables(written: Any) -> set[str]:
    """The inputs a body names: {{tools.x}}, {{rest.x}}."""
    names: set[str] = set()

    def note(name: str) -> Expression:
        names.add(name)
        return Literal("")

    template(written, note)
    return {name.partition(".")[2] for name in names if name.startswith(FACES)}


def inputs(expression: Any) -> list[str]:
    """The inputs an expression reads."""
    match expression:
        case Input(name):
            return [name]
        case Text(parts):
            return [name for part in parts for name in inputs(part)]
        case dict():
            return [name for part in expression.values() for name in inputs(part)]
        case list():
            return [name for part in expression for name in inputs(part)]
    return []


def bound(expression: Any) -> list[str]:
    """The bindings an expression reads."""
    match expression:
        case Bound(name):
            return [name]
        case Text(parts):
            return [name for part in parts for name in bound(part)]
        case dict():
            return [name for part in expression.values() for name in bound(part)]
        case list():
            return [name for part in expression for name in bound(part)]
    return []


def text(value: Any) -> str:
    """A value where text is sent."""
    if isinstance(value, Spelt):
        return value.text
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def data(value: Any) -> Any:
    """A value where JSON is sent."""
    if isinstance(value, Spelt):
        return value.value
    return value


def evaluate(expression: Any, values: Mapping[str, Any], bindings: Mapping[str, str]) -> Any:
    """What an expression comes to; absent inputs take the member they stand in with them."""
    match expression:
        case Literal(value):
            return value
        case Input(name):
            return values.get(name, ABSENT)
        case Bound(name):
            return bindings[name]
        case Text(parts):
            whole = [part if isinstance(part, str) else evaluate(part, values, bindings) for part in parts]
            return ABSENT if ABSENT in whole else "".join(text(part) for part in whole)
        case dict():
            tree = {key: evaluate(part, values, bindings) for key, part in expression.items()}
            left = {key: value for key, value in tree.items() if value is not ABSENT}
            return left if left or not expression else ABSENT
        case list():
            items = [item for part in expression if (item := evaluate(part, values, bindings)) is not ABSENT]
            return items if items or not expression else ABSENT
    raise TypeError(expression)
