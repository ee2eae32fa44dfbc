"""Compiles what a document says of the values of an input, and reports what of it has no meaning.

The rules are those of `docs/semantics.md`, checking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from cap_core.diagnostics.reporter import Reporter
from cap_core.document.vocabulary import TYPES
from cap_core.plan.exposed import DeclaredType
from cap_core.plan.input_types import InputType
from cap_core.runtime.input_checks import json_check, plain_value
from cap_core.runtime.patterns import checked_pattern
from cap_core.syntax.ecma_pattern import is_ecma
from cap_core.syntax.names import near
from cap_core.syntax.yaml_tree import Node, Scalar, plain, resolve

_OF_SCALARS = ("pattern", "enum", "minimum", "maximum", "min_length", "max_length")
"""What limits a text or a number; said of a list, it is about each of its items."""


def input_type(written: DeclaredType, what: str, report: Reporter) -> InputType:
    """The type that a document declares; `what` names in messages what has it."""
    type_ = _type(written, what, report)
    items = written.items
    if type_ == "array" and any(getattr(written, name) is not None for name in _OF_SCALARS):
        limits = DeclaredType(at=written.at, marks=written.marks, **{n: getattr(written, n) for n in _OF_SCALARS})
        items = limits if items is None else items.over(limits)
        written = msgspec.structs.replace(written, **dict.fromkeys(_OF_SCALARS))
    pattern = checked_pattern(written.pattern, written.mark("pattern"), report)
    listed = _enum(written, type_, what, report)
    of_text = type_ in (None, "string")  # a length says nothing of a number
    known = InputType(
        type=type_,
        nullable="null" in written.types or bool(written.nullable) or (type_ is None and None in (listed or ())),
        description=written.description,
        pattern=pattern,
        portable=_portable(pattern, written, report),
        enum=None if listed is None else tuple(value for value in listed if value is not None),
        minimum=written.minimum,
        maximum=written.maximum,
        min_length=written.min_length if of_text else None,
        max_length=written.max_length if of_text else None,
        format=written.format,
        items=input_type(items, f"an item of {what}", report) if items is not None else None,
        properties=tuple((name, input_type(of, f"{what}.{name}", report)) for name, of in written.properties),
        required=written.required,
    )
    if written.default is None and not written.examples:
        return known
    examples = (value for node in written.examples if (value := _of_type(node, known)) is not _NO_VALUE)
    return msgspec.structs.replace(
        known, default=_default(written, known, what, report), examples=tuple(map(plain_value, examples))
    )


_NO_VALUE = object()


def _type(written: DeclaredType, what: str, report: Reporter) -> str | None:
    """The type; None for any. A list of types may have one beside `null`."""
    words = [word for word in dict.fromkeys(written.types) if word and word != "null"]
    unknown = [word for word in words if word not in TYPES]
    if len(words) == 1 and not unknown:
        return words[0]
    for word in unknown:
        report(
            "unknown-type", written.mark("type"), f"{what} is of no type {word!r} we know", near(word, TYPES) or None
        )
    if len(words) > 1 and not unknown:
        listed = ", ".join(words)
        report("unknown-type", written.mark("type"), f"{what} has several types ({listed}); any value is taken")
    return None


def _portable(pattern: str | None, written: DeclaredType, report: Reporter) -> bool:
    if pattern is None or is_ecma(pattern):
        return True
    what = f"the pattern {pattern!r} is none of ECMA-262; it is checked, and not shown to callers"
    report("local-pattern", written.mark("pattern"), what)
    return False


# --- values of a type ---------------------------------------------------------------------------------------------


def _enum(written: DeclaredType, type_: str | None, what: str, report: Reporter) -> tuple[object, ...] | None:
    """The allowed values, as values of the type and each once."""
    if written.enum is None:
        return None
    nullable = "null" in written.types or bool(written.nullable)
    of = InputType(type=type_, nullable=nullable)
    values: list[object] = []
    for node in written.enum:
        value = _of_type(node, of)
        if value is _NO_VALUE and not (nullable and _is_null(node)):
            shown = str(node) if isinstance(node, Scalar) else "a list or a mapping"
            report("bad-enum", written.mark("enum"), f"{what} is of type {type_}, and cannot be {shown!r}")
        elif value is not _NO_VALUE:
            values.append(plain_value(value))
    return tuple(_once(values))


def _once(values: Iterable[object]) -> Iterator[object]:
    """Each value once; `1` and `1.0` are one value, `1` and `true` are two."""
    seen: set[bytes] = set()
    for value in values:
        key = msgspec.json.encode(value if type(value) is not float or not value.is_integer() else int(value))
        if key not in seen:
            seen.add(key)
            yield value


def _of_type(node: Node, type_: InputType) -> object:
    """What an author wrote, as a value of a type: a number keeps its spelling, `1` of a string is a text."""
    if isinstance(node, Scalar):
        value = _scalar(node, type_.type)
    else:
        value = plain(node)
    check = json_check(type_)
    return _NO_VALUE if check is not None and check(plain_value(value)) is not None else value


def _scalar(node: Scalar, type_: str | None) -> object:
    value = resolve(node)
    if type_ == "string":
        return str(node) if value is not None else None
    if type_ in ("integer", "number", "boolean") and type(value) is str:
        value = resolve(Scalar(value, node.mark))  # "7" of an integer is 7
    if type_ == "integer" and type(value) is float and value.is_integer():
        return int(value)
    if type(value) is float and (raw := _json_number(str(node))) is not None:
        return raw
    return value


def _json_number(text: str) -> msgspec.Raw | None:
    """The number in its own spelling, if JSON has that."""
    try:
        msgspec.json.decode(text, type=float)
    except msgspec.DecodeError:
        return None
    return msgspec.Raw(text.encode())


def _default(written: DeclaredType, known: InputType, what: str, report: Reporter) -> object:
    if written.default is None or _is_null(written.default):
        return msgspec.UNSET
    value = _of_type(written.default, known)
    if value is not _NO_VALUE:
        return value
    text = str(written.default) if isinstance(written.default, Scalar) else "a list or a mapping"
    what = f"the default {text!r} of {what} is no value that it may have; it is neither sent nor shown"
    report("bad-default", written.mark("default"), what)
    return msgspec.UNSET


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and resolve(node) is None
