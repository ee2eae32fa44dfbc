"""Compiles output mappings to one function of a decoded answer (`docs/semantics.md`, the response)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from cap_core.plan.exposed import DeclaredOutput
from cap_core.runtime import jsonpath
from cap_core.runtime.jsonpath import Wild

Mapper = Callable[[Any], Any]
"""Makes the value of an output from a decoded answer, or from an element of it."""


class NothingFound(Exception):
    """Raised by a strict mapping that finds nothing."""


def check_outputs(outputs: tuple[DeclaredOutput, ...]) -> Iterator[tuple[DeclaredOutput, str]]:
    """Every output whose mapping is not a valid path, with the reason."""
    for output in outputs:
        if output.mapping is not None:
            try:
                _query(output.mapping)
            except ValueError as error:
                yield output, str(error)
        yield from check_outputs(output.properties)
        for inner in (output.items, output.values):
            if inner is not None:
                yield from check_outputs((inner,))


def _query(mapping: str) -> jsonpath.Query:
    """The compiled path of a mapping, without the line break with which YAML block texts end."""
    return jsonpath.compile(mapping.strip())


def compile(outputs: tuple[DeclaredOutput, ...], *, strict: bool = False) -> Mapper:
    """Several named outputs form an object; of unnamed ones the first that finds something wins.

    With `strict`, a mapping that finds nothing raises `NothingFound`.
    """
    named = [(output.name, _output(output, strict)) for output in outputs if output.name is not None]
    if named:
        return lambda document: {name: mapper(document) for name, mapper in named}
    unnamed = [_output(output, strict and len(outputs) == 1) for output in outputs]
    if len(unnamed) == 1:
        return unnamed[0]

    def first(document: Any) -> Any:
        found = next((value for mapper in unnamed if (value := mapper(document)) is not None), None)
        if found is None and strict:
            raise NothingFound
        return found

    return first


def is_quick(outputs: tuple[DeclaredOutput, ...]) -> bool:
    """Whether no path of outputs, nested ones included, looks for values below or compares them."""
    for output in outputs:
        steps = _query(output.mapping).steps if output.mapping is not None else ()
        inner = tuple(one for one in (output.items, output.values) if one is not None)
        if Wild.SOME in steps or Wild.BELOW in steps or not is_quick((*output.properties, *inner)):
            return False
    return True


def _output(output: DeclaredOutput, strict: bool) -> Mapper:
    find = _query(output.mapping).find if output.mapping is not None else _by_name(output)
    inner = _nested(output)
    convert = _CONVERSIONS.get(output.type or "", _same)
    longest = output.max_length

    def mapper(document: Any) -> Any:
        found = find(document)
        if found is None:
            if strict:
                raise NothingFound(output.mapping or output.name or "$")
            return None
        value = convert(inner(found))
        return value[:longest] if longest is not None and isinstance(value, str) else value

    return mapper


def _by_name(output: DeclaredOutput) -> Mapper:
    """An output without a mapping: the member of its name, or without a name the element itself.

    With `properties` or `items` it is the element itself too, if that has no object or list of its name.
    """
    name = output.name
    if name is None:
        return _same
    if output.properties:
        return lambda node: _own_object(node, name)
    if output.items is not None:
        return lambda node: node if isinstance(node, list) else _member(node, name)
    return lambda node: _member(node, name)


def _member(node: Any, name: str) -> Any:
    return node.get(name) if isinstance(node, dict) else None


def _own_object(node: Any, name: str) -> Any:
    """The member of this name if it is an object or `null`; else the element itself."""
    if not isinstance(node, dict):
        return None
    member = node.get(name, node)
    return member if member is None or isinstance(member, dict) else node


def _nested(output: DeclaredOutput) -> Mapper:
    """An output with nested `properties` or `items`, which are relative to the current element at every depth."""
    if output.items is not None:
        each = _output(output.items, strict=False)
        return lambda found: [each(item) for item in found] if isinstance(found, list) else found
    if output.values is not None:
        one = _output(output.values, strict=False)
        return lambda found: {name: one(v) for name, v in found.items()} if isinstance(found, dict) else found
    if output.properties:
        members = [(p.name or "", _output(p, strict=False)) for p in output.properties]
        return lambda found: {name: mapper(found) for name, mapper in members} if isinstance(found, dict) else found
    return _same


def _same(value: Any) -> Any:
    return value


def _string(value: Any) -> Any:
    if isinstance(value, str):
        return value
    return None if isinstance(value, list | dict) else msgspec.json.encode(value).decode()


def _integer(value: Any) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, msgspec.Raw):  # a number beyond what can be held, as it came
        return value if bytes(value).lstrip(b"-").isdigit() else None
    if type(value) is float and value.is_integer():
        return int(value)
    number = _number(value) if isinstance(value, str) else None
    return number if type(number) is int else None


def _number(value: Any) -> Any:
    if type(value) is int or type(value) is float or isinstance(value, msgspec.Raw):
        return value
    if isinstance(value, str):
        try:
            number = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return None
        return number if type(number) is int or type(number) is float else None
    return None


def _boolean(value: Any) -> Any:
    if type(value) is bool:
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


_CONVERSIONS: dict[str, Mapper] = {"string": _string, "integer": _integer, "number": _number, "boolean": _boolean}
"""Conversions to scalar types: lossless, else null."""
