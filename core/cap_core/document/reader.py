"""Reads a tree with marks into frozen structs, and reports every key that is wrong, missing or without effect.

A model is a subclass of `ModelNode`. Its fields may be `str`, `bool`, `int`, `Map`, a list (`tuple[X, ...]`) or a
struct of another model, `Node` for what is read later, and any of these `| None`. `msgspec.field(name="in")` gives a
field the document's spelling.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.restrictions import misspelt
from cap_core.errors import Mark
from cap_core.syntax.names import closest
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, resolve


class ModelNode(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all models: a mapping of the document, read.

    `marks` has the place of each key that is present: that of its value, or of the key if the value is a list or a
    mapping.
    """

    at: Mark
    marks: Mapping[str, Mark] = {}
    misspelt: tuple[Diagnostic, ...] = ()
    """Its keys that restrict and cannot be read, each as it was reported (`docs/semantics.md`, what restricts)."""

    forgiving: ClassVar[str] = ""
    """The code that reports an unreadable mapping which is then ignored; "" if it refuses the document."""
    apart: ClassVar[frozenset[str]] = frozenset()
    """The fields whose parts can be left out by themselves: what is misspelt in them leaves out nothing beside them."""
    unrestricted: ClassVar[frozenset[str]] = frozenset()
    """The keys that restrict nothing here, or that are not built yet; one that is not read is a warning alone."""
    remedies: ClassVar[Mapping[str, str]] = {}
    """What would help where a key of this name is not read, if a general hint does not."""

    def mark(self, key: str) -> Mark:
        """The place of `key`, or that of the mapping if the key is absent."""
        return self.marks.get(key, self.at)

    def unread(self, *, whole: bool = False) -> Iterator[Diagnostic]:
        """What restricts it or its parts and cannot be read; parts that are `apart` count for the `whole` alone."""
        yield from self.misspelt
        for field in msgspec.structs.fields(type(self)):
            if whole or field.name not in self.apart:
                held = getattr(self, field.name)
                for part in held if isinstance(held, tuple) else (held,):
                    if isinstance(part, ModelNode):
                        yield from part.unread(whole=whole)

    def given(self) -> Iterator[str]:
        """The keys that are not empty: null is, and so is an empty list or mapping unless the key holds a value."""
        for key, attribute in _attributes(type(self)):
            if key in self.marks and not _empty(key, getattr(self, attribute)):
                yield key


_VALUES = frozenset({"value", "const"})
"""Keys that hold a value, for which an empty list or mapping counts."""


def _empty(key: str, value: object) -> bool:
    if isinstance(value, Map | Seq):
        return not value and key not in _VALUES
    return value is None or (isinstance(value, Scalar) and resolve(value) is None)


NOT_KEYS = frozenset({"at", "marks", "misspelt"})
"""The fields of every model that no key of the document fills."""


@cache
def _attributes(model: type[ModelNode]) -> tuple[tuple[str, str], ...]:
    fields = msgspec.structs.fields(model)
    return tuple((field.encode_name, field.name) for field in fields if field.name not in NOT_KEYS)


P = TypeVar("P", bound=ModelNode)
Size = typing.NewType("Size", int)
"""A whole number that must not be negative."""
Number = typing.NewType("Number", float)
"""A whole number or another one."""
Names = typing.NewType("Names", tuple[str, ...])
"""A text or a list of texts."""
Requirement = typing.NewType("Requirement", object)
"""True or false, or a list of texts."""


class _Wrong(Exception):
    """A value of another type, already reported."""


def read(node: Node, model: type[P], report: Reporter, what: str) -> P | None:
    """Read a mapping into `model`; `what` names it in messages ("an operation").

    Returns None if a required key is missing or a value has a wrong type, which is reported.
    """
    if not isinstance(node, Map):
        report("wrong-type", node.mark, f"{what} must be a mapping, not {_kind(node)}")
        return None
    table = _table(model)
    values: dict[str, Any] = {}
    failed = False
    unread: list[Diagnostic] = []
    for key, value in node.items():
        entry = table.get(key)
        if entry is None:
            unread += _unknown_key(key, model, report, what)
            continue
        attribute, read_value, _ = entry
        try:
            values[attribute] = read_value(value, report, repr(str(key)))
        except _Wrong:
            failed = True
    for name, (attribute, _, needed) in table.items():
        if needed and attribute not in values and name not in node:
            report("missing-key", node.mark, f"{what} has no {name!r}")
            failed = True
    if failed:
        return None
    marks = {str(key): value.mark if isinstance(value, Scalar) else key.mark for key, value in node.items()}
    return model(at=node.mark, marks=marks, misspelt=tuple(unread), **values)


def _unknown_key(key: Scalar, model: type[ModelNode], report: Reporter, what: str) -> Iterator[Diagnostic]:
    """Report a key that is not read; those that would restrict what has them are given back."""
    meant = misspelt(key)
    table = _table(model)
    if meant is None or meant in model.unrestricted:
        problem = f"{what} has the key {str(key)!r}, which is not acted upon"
        report("unknown-key", key.mark, problem + _did_you_mean(key, table), model.remedies.get(str(key)))
        return
    if meant in table:
        problem = f"{what} has the key {str(key)!r}, which looks like {meant!r} and is not read"
        hint = f"write {meant!r}"
    else:
        problem = f"{what} has the key {str(key)!r}, but {meant!r} restricts nothing here"
        hint = "move it to where it is read, or remove it"
    yield report("misspelt-restriction", key.mark, f"{problem}; what it stands on is left out", hint)


_Reader = Callable[[Node, Reporter, str], Any]


@cache
def _table(model: type[ModelNode]) -> dict[str, tuple[str, _Reader, bool]]:
    """For each key of the document: its field, the reader of its value, and whether it is required."""
    hints = typing.get_type_hints(model)
    return {
        field.encode_name: (field.name, _or_default(_reader(hints[field.name]), field.default), field.required)
        for field in msgspec.structs.fields(model)
        if field.name not in NOT_KEYS
    }


def _or_default(inner: _Reader, default: object) -> _Reader:
    """The reader of an optional text: null gives the default."""
    if not isinstance(default, str):
        return inner
    return lambda node, report, what: default if _is_null(node) else inner(node, report, what)


def _reader(hint: Any) -> _Reader:
    """The reader of values of this type."""
    options = [t for t in typing.get_args(hint) if t is not types.NoneType]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        if set(options) >= {Map, Seq, Scalar}:
            return lambda node, report, what: node
        inner = _reader(options[0])
        if isinstance(options[0], type) and issubclass(options[0], ModelNode) and options[0].forgiving:
            return inner
        return lambda node, report, what: None if _is_null(node) else inner(node, report, what)
    if typing.get_origin(hint) is tuple:
        return _list_reader(options[0])
    if isinstance(hint, type) and issubclass(hint, ModelNode):
        return _model_reader(hint)
    return _SCALARS[hint]


def _model_reader(model: type[ModelNode]) -> _Reader:
    if model.forgiving:
        return lambda node, report, what: read(node, model, _Forgiving(model.forgiving, report), what)

    def model_node(node: Node, report: Reporter, what: str) -> ModelNode:
        out = read(node, model, report, what)
        if out is None:
            raise _Wrong
        return out

    return model_node


class _Forgiving(msgspec.Struct, frozen=True):
    """Reports by another code what would refuse the document otherwise."""

    code: str
    report: Reporter

    def __call__(self, code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic:
        return self.report(self.code if code in ("wrong-type", "missing-key") else code, at, message, hint)


def _list_reader(item: Any) -> _Reader:
    one = _reader(item)

    def items(node: Node, report: Reporter, what: str) -> tuple[Any, ...]:
        if _is_null(node):
            return ()
        if not isinstance(node, Seq):
            report("wrong-type", node.mark, f"{what} must be a list, not {_kind(node)}")
            raise _Wrong
        out, failed = [], False
        for entry in node:
            try:
                out.append(one(entry, report, f"an entry of {what}"))
            except _Wrong:
                failed = True
        if failed:
            raise _Wrong
        return tuple(out)

    return items


def _mapping(node: Node, report: Reporter, what: str) -> Map:
    if isinstance(node, Map):
        return node
    report("wrong-type", node.mark, f"{what} must be a mapping, not {_kind(node)}")
    raise _Wrong


def _text(node: Node, report: Reporter, what: str) -> str:
    if isinstance(node, Scalar):
        return str(node)  # a number or a boolean is accepted as text, in its author's spelling
    report("wrong-type", node.mark, f"{what} must be text, not {_kind(node)}")
    raise _Wrong


def _typed(expected: type, noun: str) -> _Reader:
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
        report("wrong-type", node.mark, f"{what} must be {noun}, not {_kind(node)}")
        raise _Wrong

    return value


_whole_number = _typed(int, "a whole number")


def _size(node: Node, report: Reporter, what: str) -> int:
    number: int = _whole_number(node, report, what)
    if number < 0:
        report("wrong-type", node.mark, f"{what} must be 0 or more, not {number}")
        raise _Wrong
    return number


def _number(node: Node, report: Reporter, what: str) -> float:
    number = resolve(node) if isinstance(node, Scalar) else node
    if type(number) in (int, float):
        return number  # type: ignore[return-value]  # just checked
    if isinstance(node, Scalar) and _LOOSE_NUMBER.fullmatch(node.strip()):
        loose = float(node) if not node.strip().lstrip("-").isdigit() else int(node)
        report("loose-value", node.mark, f"{what} must be a number; the text {str(node)!r} is read as {loose}")
        return loose
    report("wrong-type", node.mark, f"{what} must be a number, not {_kind(node)}")
    raise _Wrong


def _names(node: Node, report: Reporter, what: str) -> tuple[str, ...]:
    return tuple(_text(item, report, what) for item in node) if isinstance(node, Seq) else (_text(node, report, what),)


def _requirement(node: Node, report: Reporter, what: str) -> object:
    return _names(node, report, what) if isinstance(node, Seq) else _SCALARS[bool](node, report, what)


_LOOSE_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?", re.ASCII)
_LENIENT: dict[type, Callable[[str], object]] = {
    bool: {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get,
    int: lambda text: int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None,
}
"""By type, the function that converts a text to it, or gives None for a text of another meaning."""

_SCALARS: dict[Any, _Reader] = {
    Map: _mapping,
    str: _text,
    bool: _typed(bool, "true or false"),
    int: _whole_number,
    Size: _size,
    Number: _number,
    Names: _names,
    Requirement: _requirement,
}


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and resolve(node) is None


def _kind(node: Node) -> str:
    if isinstance(node, Map):
        return "a mapping"
    if isinstance(node, Seq):
        return "a list"
    return "nothing" if _is_null(node) else repr(str(node) if len(node) < 40 else node[:37] + "...")


def _did_you_mean(key: str, table: Mapping[str, object]) -> str:
    found = closest(key, table)
    return f" (did you mean {found!r}?)" if found is not None else ""
