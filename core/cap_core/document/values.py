"""Reads single values of a document: texts, numbers, booleans and mappings; says why where one cannot be read."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from typing import Any

from cap_core.diagnostics.report import Diagnostic
from cap_core.diagnostics.reporter import Reporter
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, resolve

Reader = Callable[[Node, Reporter, str], Any]
"""Reads a node; the text names it in messages. Raises `Unreadable`."""
Size = typing.NewType("Size", int)
"""A whole number that must not be negative."""
Number = typing.NewType("Number", float)
"""A whole number or another one."""
Names = typing.NewType("Names", tuple[str, ...])
"""A text or a list of texts."""
Requirement = typing.NewType("Requirement", object)
"""True or false, or a list of texts."""
Allowed = typing.NewType("Allowed", object)
"""A list of values of any kind, or one text, number or truth value."""
NOTHING: Any = object()
"""What an unreadable value leaves behind where no part of it can be read."""


class Unreadable(Exception):
    """A value that cannot be read, already reported; `value` is the part of it that can be."""

    def __init__(self, found: tuple[Diagnostic, ...], value: object = NOTHING) -> None:
        super().__init__()
        self.found = found
        self.value = value


def wrong(report: Reporter, node: Node, message: str, hint: str | None = None) -> Unreadable:
    """Report a value of the wrong type; the exception to raise for it."""
    return Unreadable((report("wrong-type", node.mark, message, hint),))


def is_null(node: Node) -> bool:
    """Whether a value is null, or left out behind its key."""
    return isinstance(node, Scalar) and resolve(node) is None


def kind(node: Node) -> str:
    """What a value is, for messages."""
    if isinstance(node, Map):
        return "a mapping"
    if isinstance(node, Seq):
        return "a list"
    return "nothing" if is_null(node) else repr(str(node) if len(node) < 40 else node[:37] + "...")


_GLUED = re.compile(r"(?P<key>[A-Za-z]\w*):(?P<value>[^\s/:].*)")


def mapping_hint(node: Node) -> str | None:
    """What helps where a mapping is expected: a space that is missing, or dashes that are too many."""
    if isinstance(node, Scalar) and (found := _GLUED.fullmatch(node)) is not None:
        return f"put a space after the colon: '{found['key']}: {found['value']}'"
    if isinstance(node, Seq) and node and all(isinstance(item, Map) and len(item) == 1 for item in node):
        return "write its keys without the dashes"
    return None


def _mapping(node: Node, report: Reporter, what: str) -> Map:
    if isinstance(node, Map):
        return node
    raise wrong(report, node, f"{what} must be a mapping, not {kind(node)}", mapping_hint(node))


def _text(node: Node, report: Reporter, what: str) -> str:
    if isinstance(node, Scalar):
        return str(node)  # a number or a boolean is accepted as text, in its author's spelling
    braces = isinstance(node, Map) and len(node) == 1 and all(is_null(value) for value in node.values())
    hint = "put a text that begins with { in quotes" if braces else None
    raise wrong(report, node, f"{what} must be text, not {kind(node)}", hint)


def _typed(expected: type, noun: str) -> Reader:
    def value(node: Node, report: Reporter, what: str) -> Any:
        out = resolve(node) if isinstance(node, Scalar) else node
        if type(out) is expected:
            return out
        loose = _LENIENT[expected](node.strip().lower()) if isinstance(node, Scalar) else None
        if loose is not None:
            hint = f"write {noun}" if expected is bool and isinstance(node, Scalar) and node.plain else None
            shown = str(loose).lower()
            report("loose-value", node.mark, f"{what} must be {noun}; the text {str(node)!r} is read as {shown}", hint)
            return loose
        raise wrong(report, node, f"{what} must be {noun}, not {kind(node)}")

    return value


_whole_number = _typed(int, "a whole number")


def _size(node: Node, report: Reporter, what: str) -> int:
    number: int = _whole_number(node, report, what)
    if number < 0:
        raise wrong(report, node, f"{what} must be 0 or more, not {number}")
    return number


def _number(node: Node, report: Reporter, what: str) -> float:
    number = resolve(node) if isinstance(node, Scalar) else node
    if type(number) in (int, float):
        return number  # type: ignore[return-value]  # just checked
    text = node.strip() if isinstance(node, Scalar) else ""
    if _LOOSE_NUMBER.fullmatch(text):
        report("loose-value", node.mark, f"{what} must be a number; the text {text!r} is read as {text}")
        return float(text) if "." in text else int(text)
    raise wrong(report, node, f"{what} must be a number, not {kind(node)}")


def _names(node: Node, report: Reporter, what: str) -> tuple[str, ...]:
    return tuple(_text(item, report, what) for item in node) if isinstance(node, Seq) else (_text(node, report, what),)


def _requirement(node: Node, report: Reporter, what: str) -> object:
    return _names(node, report, what) if isinstance(node, Seq) else READERS[bool](node, report, what)


def _allowed(node: Node, report: Reporter, what: str) -> Node:
    if isinstance(node, Map):  # passed over, it would allow everything
        raise wrong(report, node, f"{what} must be a list, not a mapping", None)
    return node


_LOOSE_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_LENIENT: dict[type, Callable[[str], object]] = {
    bool: {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get,
    int: lambda text: int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None,
}
"""By type, the function that converts a text to it, or gives None for a text of another meaning."""

READERS: dict[Any, Reader] = {
    Map: _mapping,
    str: _text,
    bool: _typed(bool, "true or false"),
    int: _whole_number,
    Size: _size,
    Number: _number,
    Names: _names,
    Requirement: _requirement,
    Allowed: _allowed,
}
"""The reader of each type of a model's field that is no list and no model."""
