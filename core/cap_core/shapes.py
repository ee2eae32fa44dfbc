"""Output mappings compiled to one function from a decoded answer to what the caller gets (`docs/semantics.md`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from cap_core import jsonpath
from cap_core.plan import DeclaredOutput

Shape = Callable[[Any], Any]


class NothingFound(Exception):
    """A mapping found nothing, and mappings are strict."""


def check_outputs(outputs: tuple[DeclaredOutput, ...]) -> Iterator[tuple[DeclaredOutput, str]]:
    """Every output whose mapping is not a path we can follow, with what is wrong."""
    for output in outputs:
        if output.mapping is not None:
            try:
                jsonpath.compile(output.mapping)
            except ValueError as error:
                yield output, str(error)
        yield from check_outputs(output.properties)
        for inner in (output.items, output.values):
            if inner is not None:
                yield from check_outputs((inner,))


def compile(outputs: tuple[DeclaredOutput, ...], *, strict: bool = False) -> Shape:
    """Several named outputs form an object; of unnamed ones the first that finds something wins.

    With `strict`, a mapping that finds nothing raises `NothingFound`.
    """
    named = [(output.name, _output(output, strict)) for output in outputs if output.name is not None]
    if named:
        return lambda document: {name: shape(document) for name, shape in named}
    unnamed = [_output(output, strict and len(outputs) == 1) for output in outputs]
    if len(unnamed) == 1:
        return unnamed[0]

    def first(document: Any) -> Any:
        found = next((value for shape in unnamed if (value := shape(document)) is not None), None)
        if found is None and strict:
            raise NothingFound
        return found

    return first


def _output(output: DeclaredOutput, strict: bool) -> Shape:
    find = jsonpath.compile(output.mapping) if output.mapping is not None else _by_name(output)
    inner = _nested(output)
    convert = _CONVERSIONS.get(output.type or "", _same)
    longest = output.max_length

    def shape(document: Any) -> Any:
        found = find(document)
        if found is None:
            if strict:
                raise NothingFound(output.mapping or output.name or "$")
            return None
        value = convert(inner(found))
        return value[:longest] if longest is not None and isinstance(value, str) else value

    return shape


def _by_name(output: DeclaredOutput) -> jsonpath.Find:
    """An output without a mapping is the member of its name, or the element itself where it has none."""
    name = output.name
    if name is None:
        return _same
    return lambda node: node.get(name) if isinstance(node, dict) else None


def _nested(output: DeclaredOutput) -> Shape:
    """Nested `properties` and `items` apply at every depth, relative to the current element."""
    if output.items is not None:
        each = _output(output.items, strict=False)
        return lambda found: [each(item) for item in found] if isinstance(found, list) else found
    if output.values is not None:
        one = _output(output.values, strict=False)
        return lambda found: {name: one(v) for name, v in found.items()} if isinstance(found, dict) else found
    if output.properties:
        members = [(p.name or "", _output(p, strict=False)) for p in output.properties]
        return lambda found: {name: shape(found) for name, shape in members} if isinstance(found, dict) else found
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
    if type(value) is float and value.is_integer():
        return int(value)
    number = _number(value) if isinstance(value, str) else None
    return number if type(number) is int else None


def _number(value: Any) -> Any:
    if type(value) is int or type(value) is float:
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


_CONVERSIONS: dict[str, Shape] = {"string": _string, "integer": _integer, "number": _number, "boolean": _boolean}
"""Scalar types are enforced: a lossless conversion, else null."""
