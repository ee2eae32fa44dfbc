"""Checks the inputs of a call: makes values of JSON arguments, or a refusal that names every error."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.errors import FieldError, Refusal
from cap_core.plan.input_types import InputType
from cap_core.plan.inputs import Input, Inputs, whole
from cap_core.plugins.messages import Entity
from cap_core.runtime.input_checks import JsonCheck, json_check, no_text, show
from cap_core.runtime.values import ABSENT
from cap_core.syntax import json_text
from cap_core.syntax.http import is_json_type

_arguments = msgspec.json.Decoder(dict[str, msgspec.Raw])
_validate = msgspec.json.Decoder(msgspec.Raw).decode


def reader(inputs: Inputs, *, strict: bool = True) -> Callable[[bytes | msgspec.Raw], dict[str, object]]:
    """Compile a function from the text of a JSON object of arguments to checked values.

    A body becomes `msgspec.Raw`, its JSON text untouched. Null means absent unless the input's type has it.
    The function raises `Refusal` 400 that names every error; unless `strict`, it drops wrong arguments instead. The
    text must be UTF-8.
    """
    known = {name: (item, json_reader(item)) for item in inputs.items for name in {item.name, item.property_name}}
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
                field_errors.append(FieldError(f"argument {show(name)}", f"is not known; known are: {names}"))
                continue
            item, reading = entry
            value = reading(text)
            if value is ABSENT:
                continue
            if isinstance(value, Wrong):
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


class Wrong(msgspec.Struct, frozen=True):
    """What is wrong with a value, as a message says it behind the name of the input."""

    what: str


JsonReader = Callable[[bytes | msgspec.Raw], object]
"""Gives the checked value of a JSON text, `ABSENT` for a null that means that, or `Wrong`."""


def json_reader(item: Input) -> JsonReader:
    """The function that reads the JSON text which a caller gives for this input.

    What only JSON takes stays the text that the caller wrote (`msgspec.Raw`); so does a number with a fraction.
    """
    if item.opaque:
        return _passed_reading(item)
    if item.place == "body":
        return _body_reading(item)
    check = _check(item)
    none = None if item.of.nullable else ABSENT
    integer, container, raw = item.type == "integer", item.type in ("object", "array"), item.raw

    def reading(text: bytes | msgspec.Raw) -> object:
        try:
            value = json_text.decode(text)
            if container and type(value) is str and _is_container(value):
                text = msgspec.json.format(value.encode(), indent=-1)  # some clients write an object as a text of it
                value = json_text.decode(text)
        except RecursionError:
            return Wrong("is nested too deeply")
        if value is None:
            return none
        if check is not None and (what := check(value)) is not None:
            return Wrong(what)
        kind = type(value)
        if integer and kind is float:
            return whole(value)  # type: ignore[arg-type]  # in JSON 7.0 is the integer 7 (docs/semantics.md, checking)
        if raw or kind is float:
            return msgspec.Raw(text)
        return json_text.exact(text, value) if kind is list or kind is dict else value

    return reading


def _check(item: Input) -> JsonCheck | None:
    check = json_check(item.of)
    if item.type is not None or not item.text:
        return check
    sendable = no_text(in_path="path" in item.text)
    return sendable if check is None else lambda value: sendable(value) or check(value)


def _body_reading(item: Input) -> JsonReader:
    check = whole_check(item)
    nullable = item.of.nullable

    def reading(text: bytes | msgspec.Raw) -> object:
        raw = bytes(text).strip()
        if raw == b"null" and not nullable:
            return ABSENT
        try:
            what = check(raw)
        except RecursionError:
            return Wrong("is nested too deeply")
        return msgspec.Raw(raw) if what is None else Wrong(what)

    return reading


def whole_check(item: Input) -> Callable[[bytes], str | None]:
    """The check of a body that is one input, as JSON text. Objects and lists are only decoded where it is needed.

    The function raises `msgspec.DecodeError` for what is not JSON, and `RecursionError`.
    """
    check = json_check(item.of)
    bare = item.of in (InputType(type=item.type), InputType(type=item.type, description=item.description))
    if bare and item.type in _SHALLOW:
        decode, noun = _SHALLOW[item.type]

        def container(body: bytes) -> str | None:
            try:
                decode(body)
            except msgspec.ValidationError:
                return f"must be a JSON {noun}"
            return None

        return container

    def any_value(body: bytes) -> str | None:
        _validate(body)
        return check(json_text.decode(body)) if check is not None else None

    return any_value


_SHALLOW: dict[str | None, tuple[Callable[[bytes], object], str]] = {
    "object": (msgspec.json.Decoder(dict[str, msgspec.Raw]).decode, "object"),
    "array": (msgspec.json.Decoder(list[msgspec.Raw]).decode, "list"),
}


_TEXT = b"text/plain; charset=utf-8"


def _passed_reading(item: Input) -> JsonReader:
    """Reads a body that the document does not declare: JSON stays as it is, a text becomes the bytes of the body."""
    read = _body_reading(item)
    json_only = is_json_type(item.media_type)
    json_too = json_only or not item.media_type

    def reading(text: bytes | msgspec.Raw) -> object:
        raw = bytes(text).strip()
        if raw[:1] != b'"' or item.type == "object":
            string = item.type == "string" and raw != b"null"
            return Wrong("must be a JSON string") if string else read(text)
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
