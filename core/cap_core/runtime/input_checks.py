"""Checks the values of inputs: the same limits for texts and for JSON, whichever way a caller gives a value."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TypeVar

import msgspec

from cap_core.plan.input_types import InputType
from cap_core.runtime.patterns import matcher
from cap_core.syntax import json_text

_INTEGER = re.compile(r"-?\d+", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)

T = TypeVar("T")

TextCheck = Callable[[str], str | None]
JsonCheck = Callable[[object], str | None]


def text_check(of: InputType) -> TextCheck | None:
    """The function that checks a text as this type, giving an error message or None; None if any text is valid."""
    checks: list[TextCheck] = []
    if of.type == "integer":
        checks.append(lambda text: None if _INTEGER.fullmatch(text) else f"must be an integer, not {show(text)}")
    elif of.type == "number":
        checks.append(lambda text: None if _NUMBER.fullmatch(text) else f"must be a number, not {show(text)}")
    elif of.type == "boolean":
        checks.append(lambda text: None if text in ("true", "false") else f"must be true or false, not {show(text)}")
    elif of.type in ("object", "array"):
        checks.append(_container_text(of))
    if of.type not in ("object", "array"):
        checks += _limits(of)
    return _all(checks)


def json_check(of: InputType) -> JsonCheck | None:
    """The function that checks a JSON value as this type, giving an error message or None; None if any is valid."""
    checks: list[JsonCheck] = []
    if of.type in _JSON_TYPES:
        checks.append(_JSON_TYPES[of.type])
    if of.type not in ("object", "array"):
        checks += [_of_text(limit) for limit in _limits(of)]
    elif of.enum is not None:
        checks.append(_whole_enum(of.enum))
    if of.items is not None and (item := json_check(of.items)) is not None:
        checks.append(_items(item))
    members = {name: check for name, part in of.properties if (check := json_check(part)) is not None}
    if members or of.required:
        checks.append(_members(members, of.required))
    check = _all(checks)
    return check if check is None or not of.nullable else lambda value: None if value is None else check(value)


# --- limits of texts and numbers ----------------------------------------------------------------------------------


def _limits(of: InputType) -> list[TextCheck]:
    """The checks of a value as text, which a number has too: its digits."""
    checks: list[TextCheck] = []
    if of.pattern is not None:
        checks.append(matcher(of.pattern))
    if of.enum is not None:
        checks.append(_among(of))
    if of.minimum is not None or of.maximum is not None:
        checks.append(_between(of.minimum, of.maximum))
    if of.min_length:
        checks.append(at_least(of.min_length))
    if of.max_length is not None:
        checks.append(at_most(of.max_length))
    return checks


def _of_text(limit: TextCheck) -> JsonCheck:
    return lambda value: limit(value if type(value) is str else text_of(value))


def _among(of: InputType) -> TextCheck:
    """Whether a text is one of the allowed values; numbers are compared by value."""
    allowed = of.enum or ()
    texts = {text_of(value) for value in allowed}
    numeric = of.type in ("integer", "number", None)
    numbers = {number for text in texts if numeric and (number := _decimal(text)) is not None}
    what = f"must be one of {', '.join(text_of(value) for value in allowed)}"

    def among(text: str) -> str | None:
        if text in texts:
            return None
        return None if numbers and _decimal(text) in numbers else what

    return among


def _between(minimum: float | None, maximum: float | None) -> TextCheck:
    least, most = (Decimal(text_of(limit)) if limit is not None else None for limit in (minimum, maximum))

    def between(text: str) -> str | None:
        number = _decimal(text)
        if number is None:
            return f"must be a number, not {show(text)}"
        if least is not None and number < least:
            return f"must be at least {minimum}, not {show(text)[1:-1]}"
        return f"must be at most {maximum}, not {show(text)[1:-1]}" if most is not None and number > most else None

    return between


def _decimal(text: str) -> Decimal | None:
    """The number that a text is, with every digit."""
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else None
    except InvalidOperation:  # an exponent beyond all bounds
        return None


def at_least(length: int) -> TextCheck:
    """The check of a text's least length."""
    least = "must not be empty" if length == 1 else f"must have at least {length} characters"
    return lambda text: None if len(text) >= length else least + (f", not {len(text)}" if length > 1 else "")


def at_most(length: int) -> TextCheck:
    """The check of a text's greatest length."""
    return lambda text: None if len(text) <= length else f"must have at most {length} characters, not {len(text)}"


# --- lists and objects --------------------------------------------------------------------------------------------


def _items(check: JsonCheck) -> JsonCheck:
    def items(value: object) -> str | None:
        if not isinstance(value, list):
            return None
        for position, item in enumerate(value, 1):
            if (what := check(item)) is not None:
                return f"item {position} {what}"
        return None

    return items


def _members(checks: dict[str, JsonCheck], required: tuple[str, ...]) -> JsonCheck:
    def members(value: object) -> str | None:
        if not isinstance(value, dict):
            return None
        for name in required:
            if name not in value:
                return f"member {name} is required and missing"
        for name, check in checks.items():
            if name in value and (what := check(value[name])) is not None:
                return f"member {name} {what}"
        return None

    return members


def _whole_enum(allowed: tuple[object, ...]) -> JsonCheck:
    what = f"must be one of {', '.join(text_of(value) for value in allowed)}"
    return lambda value: None if value in allowed else what


def _container_text(of: InputType) -> TextCheck:
    check = json_check(of)
    noun = "must be a JSON object" if of.type == "object" else "must be a JSON list"

    def container(text: str) -> str | None:
        try:
            value = json_text.decode(text.encode())
        except (msgspec.DecodeError, RecursionError):
            return noun
        if not isinstance(value, dict if of.type == "object" else list):
            return noun
        return check(value) if check is not None else None

    return container


# --- types --------------------------------------------------------------------------------------------------------


def show(text: str) -> str:
    """A caller's text for a message: quoted, and shortened if it is long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def plain_value(value: object) -> object:
    """A value as data: one that is still JSON text is decoded."""
    return json_text.decode(value) if isinstance(value, msgspec.Raw) else value


def text_of(value: object) -> str:
    """A value as text: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def no_text(*, in_path: bool) -> JsonCheck:
    """What can be sent as text passes: a list too, except in a path, where only a declared one has a meaning."""
    refused = (dict, list) if in_path else dict
    return lambda value: f"must be a string, not {kind(value)}" if isinstance(value, refused) else None


def _is_integer(value: object) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())


def _is_number(value: object) -> bool:
    return type(value) is int or type(value) is float


def _expect(noun: str, test: Callable[[object], bool]) -> JsonCheck:
    def check(value: object) -> str | None:
        if test(value):
            return None
        # Only numbers that are too large for Python are still JSON text.
        held = " that this gateway can hold" if noun in _NUMBER_NOUNS and type(value) is msgspec.Raw else ""
        return f"must be {noun}{held}, not {kind(value)}"

    return check


def kind(value: object) -> str:
    """A JSON value for a message; of a container just its kind."""
    if isinstance(value, str):
        return f"the string {show(value)}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return show(msgspec.json.encode(value).decode())[1:-1]


_NUMBER_NOUNS = ("an integer", "a number")
_JSON_TYPES: dict[str | None, JsonCheck] = {
    "string": _expect("a string", lambda value: type(value) is str),
    "integer": _expect("an integer", _is_integer),
    "number": _expect("a number", _is_number),
    "boolean": _expect("true or false", lambda value: type(value) is bool),
    "array": _expect("a list", lambda value: type(value) is list),
    "object": _expect("an object", lambda value: type(value) is dict),
}


def _all(checks: list[Callable[[T], str | None]]) -> Callable[[T], str | None] | None:
    """One function for several checks, giving the first error message or None."""
    if not checks:
        return None
    if len(checks) == 1:
        return checks[0]
    return lambda value: next((what for check in checks if (what := check(value)) is not None), None)
