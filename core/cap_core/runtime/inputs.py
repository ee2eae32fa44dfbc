"""Checks the inputs of a call: makes values of JSON arguments, or a refusal that names every error."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from cap_core.errors import FieldError, Refusal
from cap_core.plan.inputs import Input, Inputs, whole
from cap_core.plugins.messages import Entity
from cap_core.runtime.patterns import matcher
from cap_core.syntax import json_text
from cap_core.syntax.http import is_json_type

_INTEGER = re.compile(r"-?\d+", re.ASCII)
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_FIRST_BYTE = {"object": b"{", "array": b"[", "string": b'"'}

T = TypeVar("T")

_arguments = msgspec.json.Decoder(dict[str, msgspec.Raw])
_validate = msgspec.json.Decoder(msgspec.Raw).decode

TextCheck = Callable[[str], str | None]
JsonCheck = Callable[[object], str | None]


def text_check(item: Input) -> TextCheck | None:
    """The function that checks a text as this input, giving an error message or None; None if any text is valid."""
    checks: list[TextCheck] = []
    if item.type == "integer":
        checks.append(lambda text: None if _INTEGER.fullmatch(text) else f"must be an integer, not {_show(text)}")
    elif item.type == "number":
        checks.append(lambda text: None if _NUMBER.fullmatch(text) else f"must be a number, not {_show(text)}")
    elif item.type == "boolean":
        checks.append(lambda text: None if text in ("true", "false") else f"must be true or false, not {_show(text)}")
    elif item.type == "object":
        checks.append(_object_text)
    if item.pattern is not None:
        checks.append(matcher(item.pattern))
    if item.enum is not None:
        allowed = {_text_of(value) for value in item.enum}
        listed = ", ".join(sorted(allowed))
        checks.append(lambda text: None if text in allowed else f"must be one of {listed}")
    if item.max_length is not None and item.type in (None, "string"):
        checks.append(_at_most(item.max_length))
    return _all(checks)


def json_check(item: Input) -> JsonCheck | None:
    """The function that checks a JSON value as this input, giving an error message or None; None if any is valid."""
    checks: list[JsonCheck] = []
    if item.type in _JSON_TYPES:
        checks.append(_JSON_TYPES[item.type])
    elif item.text:
        checks.append(_no_text("path" in item.text))
    if item.pattern is not None:
        pattern = matcher(item.pattern)
        checks.append(lambda value: pattern(value) if isinstance(value, str) else None)
    if item.enum is not None:
        allowed = item.enum
        listed = ", ".join(_text_of(value) for value in allowed)
        checks.append(lambda value: None if _among(value, allowed) else f"must be one of {listed}")
    if item.max_length is not None:
        longest = _at_most(item.max_length)
        checks.append(lambda value: longest(value) if isinstance(value, str) else None)
    return _all(checks)


def reader(inputs: Inputs, *, strict: bool = True) -> Callable[[bytes | msgspec.Raw], dict[str, object]]:
    """Compile a function from the text of a JSON object of arguments to checked values.

    A body becomes `msgspec.Raw`, its JSON text untouched. Null for an optional input means absent. The function raises
    `Refusal` 400 that names every error; unless `strict`, it drops wrong arguments instead. The text must be UTF-8.
    """
    known = {name: (item, _reading(item)) for item in inputs.items for name in {item.name, item.property_name}}
    required = tuple(item for item in inputs.items if item.required)
    names = ", ".join(item.property_name for item in inputs.items) or "none"

    def read(raw: bytes | msgspec.Raw) -> dict[str, object]:
        try:
            given = _arguments.decode(raw)
        except msgspec.DecodeError:
            raise refuse((FieldError("arguments", "must be a JSON object"),)) from None
        values: dict[str, object] = {}
        field_errors: list[FieldError] = []
        for name, text in given.items():
            entry = known.get(name)
            if entry is None:
                field_errors.append(FieldError(f"argument {_show(name)}", f"is not known; known are: {names}"))
                continue
            item, reading = entry
            value = reading(text)
            if value is None:
                continue
            if isinstance(value, _Wrong):
                field_errors.append(FieldError(f"argument {item.property_name}", value.what))
            elif item.name in values:
                field_errors.append(FieldError(f"argument {item.property_name}", "is given twice"))
            else:
                values[item.name] = value
        wrong = {fault.where for fault in field_errors}
        field_errors += [
            FieldError(f"argument {item.property_name}", "is required and missing")
            for item in required
            if item.name not in values and f"argument {item.property_name}" not in wrong
        ]
        if field_errors and strict:
            raise refuse(tuple(field_errors))
        return values

    return read


def refuse(field_errors: tuple[FieldError, ...]) -> Refusal:
    """The refusal of a request with these errors."""
    return Refusal(400, "invalid-input", "; ".join(map(str, field_errors)), field_errors=field_errors)


class _Wrong(msgspec.Struct, frozen=True):
    what: str


def _reading(item: Input) -> Callable[[msgspec.Raw], object]:
    if item.opaque:
        return _passed_reading(item)
    if item.place == "body":
        return _body_reading(item)
    check = json_check(item)
    integer = item.type == "integer"
    container = item.type in ("object", "array")

    def reading(text: msgspec.Raw) -> object:
        try:
            value = json_text.decode(text)
            if container and type(value) is str and _is_container(value):
                value = json_text.decode(value.encode())  # some clients write an object as a text of its JSON
        except RecursionError:
            return _Wrong("is nested too deeply")
        if value is None:
            return None
        if check is not None and (what := check(value)) is not None:
            return _Wrong(what)
        # In JSON 7.0 is the integer 7 (docs/semantics.md, checking).
        return whole(value) if integer and isinstance(value, float) else value

    return reading


def _body_reading(item: Input) -> Callable[[msgspec.Raw], object]:
    first = _FIRST_BYTE.get(item.type or "")

    def reading(text: msgspec.Raw) -> object:
        raw = bytes(text).strip()
        if raw == b"null":
            return None
        if first is not None and raw[:1] != first:
            return _Wrong(f"must be a JSON {item.type}")
        return msgspec.Raw(raw)

    return reading


_TEXT = b"text/plain; charset=utf-8"


def _passed_reading(item: Input) -> Callable[[msgspec.Raw], object]:
    """Reads a body that the document does not declare: JSON stays as it is, a text becomes the bytes of the body."""
    read = _body_reading(item)
    json_only = is_json_type(item.media_type)
    json_too = json_only or not item.media_type

    def reading(text: msgspec.Raw) -> object:
        raw = bytes(text).strip()
        if raw[:1] != b'"' or item.type == "object":
            return read(text)
        body = msgspec.json.decode(raw, type=str)
        # Some clients write an object as a text of its JSON; no vendor wants that text in quotes.
        if json_too and _is_container(body):
            return msgspec.Raw(body.strip().encode())
        return msgspec.Raw(raw) if json_only else Entity(_TEXT, body.encode(), None)

    return reading


def _is_container(text: str) -> bool:
    """Whether a text is the JSON of an object or a list."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        _validate(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _at_most(length: int) -> TextCheck:
    return lambda text: None if len(text) <= length else f"must have at most {length} characters, not {len(text)}"


def _show(text: str) -> str:
    """A caller's text for a message: quoted, and shortened if it is long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _text_of(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _among(value: object, allowed: tuple[object, ...]) -> bool:
    # In Python True == 1; in JSON they differ.
    return any(type(value) is type(other) and value == other for other in allowed)


def _object_text(text: str) -> str | None:
    try:
        return None if isinstance(json_text.decode(text.encode()), dict) else "must be a JSON object"
    except (msgspec.DecodeError, RecursionError):
        return "must be a JSON object"


def _no_text(in_path: bool) -> JsonCheck:
    """What can be sent as text passes: a list too, except in a path, where only a declared one has a meaning."""
    refused = (dict, list) if in_path else dict
    return lambda value: f"must be a string, not {_kind(value)}" if isinstance(value, refused) else None


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
        return f"must be {noun}{held}, not {_kind(value)}"

    return check


def _kind(value: object) -> str:
    """A JSON value for a message; of a container just its kind."""
    if isinstance(value, str):
        return f"the string {_show(value)}"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return _show(msgspec.json.encode(value).decode())[1:-1]


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
