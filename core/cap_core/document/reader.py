"""Reads a tree with marks into frozen structs, and reports every key that is wrong, missing or without effect.

A model is a subclass of `ModelNode`. Its fields may be `str`, `bool`, `int`, `Map`, a list (`tuple[X, ...]`) or a
struct of another model, `Node` for what is read later, and any of these `| None`. `msgspec.field(name="in")` gives a
field the document's spelling.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, ClassVar, TypeVar

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.unknown_keys import unknown_key
from cap_core.document.values import NOTHING, READERS, Reader, Unreadable, is_null, kind, mapping_hint, wrong
from cap_core.document.vocabulary import TYPES
from cap_core.errors import Mark
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, resolve


class ModelNode(msgspec.Struct, frozen=True, kw_only=True):
    """The base of all models: a mapping of the document, read.

    `marks` has the place of each key that is present: that of its value, or of the key if the value is a list or a
    mapping.
    """

    at: Mark
    marks: Mapping[str, Mark] = {}
    unreadable: Mapping[str, tuple[Diagnostic, ...]] = {}
    """What was reported of each key that cannot be read and without which this would mean something else: keys that
    restrict and are misspelt, and values of a wrong type (`docs/semantics.md`, what restricts)."""

    forgiving: ClassVar[str] = ""
    """The code that reports an unreadable mapping which is then ignored; "" if what has it is left out."""
    apart: ClassVar[frozenset[str]] = frozenset()
    """The fields whose parts can be left out by themselves: what is unreadable in them leaves out nothing else."""
    describing: ClassVar[frozenset[str]] = frozenset({"label", "description", "tags"})
    """The keys that only describe: one that cannot be read is reported, and leaves out nothing."""
    unrestricted: ClassVar[frozenset[str]] = frozenset()
    """The keys that restrict nothing here, or that are not built yet; one that is not read is a warning alone."""
    remedies: ClassVar[Mapping[str, str]] = {}
    """What would help where a key of this name is not read, if a general hint does not."""

    def mark(self, key: str) -> Mark:
        """The place of `key`, or that of the mapping if the key is absent."""
        return self.marks.get(key, self.at)

    def unread(self, *, whole: bool = False) -> Iterator[Diagnostic]:
        """What restricts it or its parts and cannot be read; parts that are `apart` count for the `whole` alone."""
        for found in self.unreadable.values():
            yield from found
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


NOT_KEYS = frozenset({"at", "marks", "unreadable"})
"""The fields of every model that no key of the document fills."""


@cache
def _attributes(model: type[ModelNode]) -> tuple[tuple[str, str], ...]:
    fields = msgspec.structs.fields(model)
    return tuple((field.encode_name, field.name) for field in fields if field.name not in NOT_KEYS)


P = TypeVar("P", bound=ModelNode)


def read(node: Node, model: type[P], report: Reporter, what: str) -> P | None:
    """Read a mapping into `model`; `what` names it in messages ("an operation").

    A value of a wrong type is reported and has its default; `ModelNode.unread` gives it. Returns None if nothing can be
    read: it is no mapping, or a key that is needed is missing or unreadable.
    """
    try:
        return _read(node, model, report, what)
    except Unreadable:
        return None


def _read(node: Node, model: type[P], report: Reporter, what: str) -> P:
    if not isinstance(node, Map):
        hint = mapping_hint(node)
        if hint is None and "name" in _table(model) and isinstance(node, Scalar) and not is_null(node):
            hint = f"write '{{name: {node}}}'"
        raise wrong(report, node, f"{what} must be a mapping, not {kind(node)}", hint)
    table = _table(model)
    values: dict[str, Any] = {}
    unreadable: dict[str, tuple[Diagnostic, ...]] = {}
    for key, value in node.items():
        entry = table.get(key)
        if entry is None:
            unreadable |= _unknown(key, model, report, what)
            continue
        attribute, read_value, _ = entry
        try:
            values[attribute] = read_value(value, report, repr(str(key)))
        except Unreadable as error:
            if error.value is not NOTHING:
                values[attribute] = error.value
            if key not in model.describing and (error.value is NOTHING or attribute not in model.apart):
                unreadable[str(key)] = error.found
    missing = tuple(_missing(node, model, report, what))
    if missing or any(needed and attribute not in values for attribute, _, needed in table.values()):
        raise Unreadable((*(item for found in unreadable.values() for item in found), *missing))
    marks = {str(key): value.mark if isinstance(value, Scalar) else key.mark for key, value in node.items()}
    return model(at=node.mark, marks=marks, unreadable=unreadable, **values)


def _missing(node: Map, model: type[ModelNode], report: Reporter, what: str) -> Iterator[Diagnostic]:
    for name, (_, _, needed) in _table(model).items():
        if needed and name not in node:
            yield report("missing-key", node.mark, f"{what} has no {name!r}")


def _unknown(key: Scalar, model: type[ModelNode], report: Reporter, what: str) -> Mapping[str, tuple[Diagnostic, ...]]:
    """Report a key that is not read; one that would restrict what has it is given back."""
    found = unknown_key(key, what, _table(model), model.unrestricted, model.remedies)
    diagnostic = report(found.code, key.mark, found.message, found.hint)
    return {str(key): (diagnostic,)} if found.restricts else {}


@cache
def _table(model: type[ModelNode]) -> dict[str, tuple[str, Reader, bool]]:
    """For each key of the document: its field, the reader of its value, and whether it is required."""
    hints = typing.get_type_hints(model)
    return {
        field.encode_name: (field.name, _or_default(_reader(hints[field.name]), field.default), field.required)
        for field in msgspec.structs.fields(model)
        if field.name not in NOT_KEYS
    }


def _or_default(inner: Reader, default: object) -> Reader:
    """The reader of an optional text: null gives the default."""
    if not isinstance(default, str):
        return inner
    return lambda node, report, what: default if is_null(node) else inner(node, report, what)


def _reader(hint: Any) -> Reader:
    """The reader of values of this type."""
    options = [t for t in typing.get_args(hint) if t is not types.NoneType]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        if set(options) >= {Map, Seq, Scalar}:
            return lambda node, report, what: node
        inner = _reader(options[0])
        if isinstance(options[0], type) and issubclass(options[0], ModelNode) and options[0].forgiving:
            return inner
        return lambda node, report, what: None if is_null(node) else inner(node, report, what)
    if typing.get_origin(hint) is tuple:
        return _list_reader(options[0])
    if isinstance(hint, type) and issubclass(hint, ModelNode):
        return _model_reader(hint)
    return READERS[hint]


def _model_reader(model: type[ModelNode]) -> Reader:
    if not model.forgiving:
        return lambda node, report, what: _read(node, model, report, what)

    def forgiven(node: Node, report: Reporter, what: str) -> ModelNode | None:
        out = read(node, model, _Forgiving(model.forgiving, report), what)
        return None if out is not None and any(item.code == model.forgiving for item in out.unread()) else out

    return forgiven


class _Forgiving(msgspec.Struct, frozen=True):
    """Reports by another code what would leave out what has it otherwise."""

    code: str
    report: Reporter

    def __call__(self, code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic:
        return self.report(self.code if code in ("wrong-type", "missing-key") else code, at, message, hint)


def _list_hint(node: Map, model: type[ModelNode]) -> str:
    """What helps where a mapping stands for a list: it is one entry, or its members are no mappings."""
    table = _table(model)
    if any(key in table for key in node):
        return "begin each of its entries with '- '"
    key, value = next(((k, v) for k, v in node.items() if isinstance(v, Scalar)), ("name", ""))
    return f"write '{key}: {{type: {value}}}'" if value in TYPES else f"write '{key}: {{…}}', with its own keys within"


def _list_reader(item: Any) -> Reader:
    one = _reader(item)

    def items(node: Node, report: Reporter, what: str) -> tuple[Any, ...]:
        if is_null(node):
            return ()
        if not isinstance(node, Seq):
            hint = _list_hint(node, item) if isinstance(node, Map) else None
            raise wrong(report, node, f"{what} must be a list, not {kind(node)}", hint)
        out: list[Any] = []
        found: list[Diagnostic] = []
        for entry in node:
            try:
                out.append(one(entry, report, f"an entry of {what}"))
            except Unreadable as error:
                found += error.found
        if found:
            raise Unreadable(tuple(found), tuple(out))
        return tuple(out)

    return items
