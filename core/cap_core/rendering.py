"""Values compiled to functions: what a reference, a template or a literal gives for a call's inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from cap_core.plan import Binding, Constant, InputRef, Template, Tree, Value


class Absent:
    """The value of an input that was not given."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent()

Get = Callable[[Mapping[str, object]], object]
"""From a call's inputs to a value, or `ABSENT`."""

Convert = Callable[[object], object]

_encode = msgspec.json.encode


def as_text(value: object) -> str:
    """A value as text: text as it is, everything else as JSON spells it."""
    if isinstance(value, str):
        return value
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else _encode(value).decode()


def text_getter(item: Value, values: Mapping[Binding, str]) -> Get:
    """For places that take text: inputs as the caller spelt them."""
    return _getter(item, values, lambda name: _input(name))


def json_getter(item: Value, values: Mapping[Binding, str], types: Mapping[str, str | None]) -> Get:
    """For places that take JSON: a text spelling becomes a value of its input's type."""

    def typed(name: str) -> Get:
        convert = _TYPED.get(types.get(name) or "")
        plain = _input(name)
        if convert is None:
            return plain

        def get(inputs: Mapping[str, object]) -> object:
            value = plain(inputs)
            return convert(value) if isinstance(value, str) else value

        return get

    return _getter(item, values, typed)


def _getter(item: Value, values: Mapping[Binding, str], of_input: Callable[[str], Get]) -> Get:
    if isinstance(item, InputRef):
        return of_input(item.name)
    if isinstance(item, Binding):
        constant: object = values[item]
        return lambda inputs: constant
    if isinstance(item, Constant):
        literal = item.value
        return lambda inputs: literal
    if isinstance(item, Template):
        return _template(item, values)
    assert isinstance(item, Tree)  # no step of a flow is run yet, so none is referred to
    return _tree(item, values, of_input)


def _input(name: str) -> Get:
    return lambda inputs: inputs.get(name, ABSENT)


def _template(item: Template, values: Mapping[Binding, str]) -> Get:
    """Text with inputs in it; absent as a whole where one of them is."""
    parts = [values[part] if isinstance(part, Binding) else part for part in item.parts]
    if all(isinstance(part, str) for part in parts):
        whole = "".join(map(str, parts))
        return lambda inputs: whole

    def template(inputs: Mapping[str, object]) -> object:
        out = []
        for part in parts:
            if isinstance(part, str):
                out.append(part)
                continue
            assert isinstance(part, InputRef)
            value = inputs.get(part.name, ABSENT)
            if value is ABSENT:
                return ABSENT
            out.append(as_text(value))
        return "".join(out)

    return template


def _tree(item: Tree, values: Mapping[Binding, str], of_input: Callable[[str], Get]) -> Get:
    """A list or an object; absent members are dropped, and so is a container that they leave empty."""
    if item.keyed:
        members = [(e[0], _getter(e[1], values, of_input)) for e in item.items if isinstance(e, tuple)]

        def keyed(inputs: Mapping[str, object]) -> object:
            out = {name: value for name, get in members if (value := get(inputs)) is not ABSENT}
            return out if out or not members else ABSENT

        return keyed
    entries = [_getter(e, values, of_input) for e in item.items if not isinstance(e, tuple)]

    def listed(inputs: Mapping[str, object]) -> object:
        out = [value for get in entries if (value := get(inputs)) is not ABSENT]
        return out if out or not entries else ABSENT

    return listed


def _number(text: object) -> object:
    """A number as JSON spells it, with every digit its caller gave: no float, no limit, no null."""
    sign, digits = ("-", str(text)[1:]) if str(text).startswith("-") else ("", str(text))
    whole = len(digits) - len(digits.lstrip("0123456789"))
    return msgspec.Raw(f"{sign}{digits[:whole].lstrip('0') or '0'}{digits[whole:]}".encode())


_TYPED: dict[str, Convert] = {
    "integer": _number,
    "number": _number,
    "boolean": lambda text: text == "true",
    "object": lambda text: msgspec.Raw(str(text).encode()),
}
