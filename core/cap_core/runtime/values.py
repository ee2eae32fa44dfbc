"""Compiles values (references, templates, literals) to functions of a call's frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from cap_core.errors import Refusal
from cap_core.plan.input_types import InputType
from cap_core.plan.request import RequestField
from cap_core.plan.values import Binding, Constant, InputRef, StepRef, Template, Tree, Value, leaves
from cap_core.runtime import jsonpath

NO_RESULTS: Final[Mapping[str, object]] = MappingProxyType({})
"""The results of a call of one step."""


class Frame(msgspec.Struct):
    """The data of one call: the caller's inputs, and the results of earlier steps by the names of the steps."""

    inputs: Mapping[str, object]
    results: Mapping[str, object] = NO_RESULTS


class Absent:
    """The value of an input that was not given."""

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = Absent()

Evaluate = Callable[[Frame], object]
"""Gives the value for a call's frame, or `ABSENT`. Raises `Refusal`."""

Convert = Callable[[object], object]

_encode = msgspec.json.encode


def as_text(value: object) -> str:
    """A value as text: text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else _encode(value).decode()


def label(field: RequestField) -> str:
    """What messages call a value: as the caller gives it, else as it is sent."""
    given = (leaf.label for leaf in leaves(field.value) if isinstance(leaf, InputRef) and leaf.label)
    return next(given, f"{field.place} {field.name}")


def compile_text(item: Value, variables: Mapping[Binding, str]) -> Evaluate:
    """The function for a place that takes text; inputs keep the spelling of the caller, and null is absent."""
    if isinstance(item, Constant) and item.value is None:
        return _constant(ABSENT)
    return _compile(item, variables, _text_input)


def compile_json(item: Value, variables: Mapping[Binding, str], types: Mapping[str, InputType]) -> Evaluate:
    """The function for a place that takes JSON; text is converted to the type of its input."""

    def typed(reference: InputRef) -> Evaluate:
        of = types.get(reference.name)
        convert = _converter(of) if of is not None else None
        plain = _input(reference)
        if convert is None:
            return plain

        def evaluate(frame: Frame) -> object:
            value = plain(frame)
            return convert(value) if isinstance(value, str | list) else value

        return evaluate

    return _compile(item, variables, typed)


def _compile(item: Value, variables: Mapping[Binding, str], of_input: Callable[[InputRef], Evaluate]) -> Evaluate:
    if isinstance(item, InputRef):
        return of_input(item)
    if isinstance(item, StepRef):
        return _result(item)
    if isinstance(item, Binding):
        return _constant(variables[item])
    if isinstance(item, Constant):
        return _constant(item.value)
    if isinstance(item, Template):
        return compile_template(item, variables)
    return _tree(item, variables, of_input)


def _constant(value: object) -> Evaluate:
    return lambda frame: value


def _input(reference: InputRef) -> Evaluate:
    name, default = reference.name, ABSENT if reference.default is msgspec.UNSET else reference.default
    return lambda frame: frame.inputs.get(name, default)


def _text_input(reference: InputRef) -> Evaluate:
    name, default = reference.name, ABSENT if reference.default is msgspec.UNSET else reference.default

    def text_input(frame: Frame) -> object:
        value = frame.inputs.get(name, default)
        return ABSENT if value is None else value

    return text_input


def _result(item: StepRef) -> Evaluate:
    """What a path finds in the result of an earlier step; absent if it finds nothing, or `null`."""
    name, find = item.step, jsonpath.compile(item.path).find

    def result(frame: Frame) -> object:
        try:
            value = find(frame.results.get(name))
        except jsonpath.QueryError as error:
            what = f"{item.path} cannot be followed in the result of step {name}: {error}"
            raise Refusal(502, "upstream-malformed", what) from None
        return ABSENT if value is None else value

    return result


def compile_template(
    item: Template, variables: Mapping[Binding, str], render: Callable[[object], str] = as_text
) -> Evaluate:
    """Text with values in it, each written by `render`; absent if one of them is absent."""
    parts = [part if isinstance(part, str) else _part(part, variables, render) for part in item.parts]
    texts = [part for part in parts if isinstance(part, str)]
    if len(texts) == len(parts):
        return _constant("".join(texts))

    def template(frame: Frame) -> object:
        out = []
        for part in parts:
            if isinstance(part, str):
                out.append(part)
                continue
            value = part(frame)
            if value is ABSENT:
                return ABSENT
            out.append(render(value))
        return "".join(out)

    return template


def _part(
    part: InputRef | Binding | StepRef, variables: Mapping[Binding, str], render: Callable[[object], str]
) -> str | Evaluate:
    return render(variables[part]) if isinstance(part, Binding) else compile_text(part, variables)


def _tree(item: Tree, variables: Mapping[Binding, str], of_input: Callable[[InputRef], Evaluate]) -> Evaluate:
    """A list or an object without absent members; absent itself if that leaves it empty."""
    if item.keyed:
        members = [(e[0], _compile(e[1], variables, of_input)) for e in item.items if isinstance(e, tuple)]

        def keyed(frame: Frame) -> object:
            out = {name: value for name, evaluate in members if (value := evaluate(frame)) is not ABSENT}
            return out if out or not members else ABSENT

        return keyed
    entries = [_compile(e, variables, of_input) for e in item.items if not isinstance(e, tuple)]

    def listed(frame: Frame) -> object:
        out = [value for evaluate in entries if (value := evaluate(frame)) is not ABSENT]
        return out if out or not entries else ABSENT

    return listed


def _number(text: object) -> object:
    """A number in text as JSON text, with every digit that the caller gave, instead of a float."""
    sign, digits = ("-", str(text)[1:]) if str(text).startswith("-") else ("", str(text))
    whole = len(digits) - len(digits.lstrip("0123456789"))
    return msgspec.Raw(f"{sign}{digits[:whole].lstrip('0') or '0'}{digits[whole:]}".encode())


def _converter(of: InputType) -> Convert | None:
    """The function that converts the text of an input to a JSON value of its type; None where it is one already."""
    if of.type != "array":
        return _TYPED.get(of.type or "")
    convert = _converter(of.items) if of.items is not None else None

    def listed(value: object) -> object:
        if isinstance(value, str):
            return msgspec.Raw(value.encode())
        items = value if isinstance(value, list) else [value]
        return items if convert is None else [convert(item) if isinstance(item, str) else item for item in items]

    return listed


_TYPED: dict[str, Convert] = {
    "integer": _number,
    "number": _number,
    "boolean": lambda text: text == "true",
    "object": lambda text: msgspec.Raw(str(text).encode()),
}
