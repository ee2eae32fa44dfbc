"""The reader of a parsed body: JSON as one input (passed on byte for byte), or the fields of JSON or a form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.errors import FieldError, Refusal
from cap_core.plan.inputs import EMPTY_BODY, PASSED_BODY, Input
from cap_core.plugins.messages import Entity
from cap_core.runtime.input_checks import TextCheck, text_check
from cap_core.runtime.inputs import JsonReader, Wrong, json_reader, whole_check
from cap_core.runtime.values import ABSENT
from cap_core.server.asgi import has_body, read_body
from cap_core.syntax import json_text
from cap_plugins.expose.rest.body_reader import MISSING, BodyReader, RequestHeaders, check_coding
from cap_plugins.expose.rest.text_inputs import MOST_FIELD_ERRORS, FieldErrors, Values, compile_pairs, slots

if TYPE_CHECKING:
    from collections.abc import Callable

    from cap_core.plugins.messages import Receive

MOST_FIELDS = 10_000
"""The most fields of a form: each becomes several Python objects."""

_JSON = b"application/json"
_FORM = b"application/x-www-form-urlencoded"

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parsed_body(whole: Input | None, members: tuple[Input, ...], limit: int) -> BodyReader:
    """The reader of a body that is JSON as a whole, or fields of JSON or of a form, or both."""
    read_json = _json_reader(whole, members)
    read_form = None if whole else compile_pairs(slots(members, "member"), _unknown(members))
    passes = _passing(whole, members)
    missing = FieldError("body", MISSING) if whole and whole.required else None

    async def read(headers: RequestHeaders, receive: Receive, values: Values, field_errors: FieldErrors) -> Receive:
        body = await read_body(receive, headers, limit) if has_body(headers) else b""
        if not body:
            if missing is not None:
                field_errors.append(missing)
            return receive
        check_coding(headers)
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if passes is not None and media_type == passes.media_type:
            passes.read(headers.get(b"content-type"), body, values, field_errors)
        elif media_type == _JSON or media_type.endswith(b"+json"):
            read_json(body, values, field_errors)
        elif media_type == _FORM and read_form is not None:
            if body.count(b"&") >= MOST_FIELDS:
                field_errors.append(FieldError("body", f"has more than {MOST_FIELDS} fields"))
                return receive
            read_form(body, values, field_errors)
        else:
            others = (_FORM if read_form is not None else b"", passes.media_type if passes is not None else b"")
            raise _unsupported(media_type, tuple(dict.fromkeys(other.decode() for other in others if other)))
        return receive

    return read


class _Passing(msgspec.Struct, frozen=True):
    """Bodies that pass as they are: of which media type, under which name, and how their text is checked."""

    media_type: bytes
    name: str
    check: TextCheck | None

    def read(self, content_type: bytes | None, body: bytes, values: Values, field_errors: FieldErrors) -> None:
        """Store the body, or add what is wrong with it."""
        if self.check is not None:
            try:
                what = self.check(body.decode())
            except UnicodeDecodeError:
                what = "is not UTF-8 text"
            if what is not None:
                field_errors.append(FieldError("body", what))
                return
        values[self.name] = Entity(content_type, body, len(body))


def _passing(whole: Input | None, members: tuple[Input, ...]) -> _Passing | None:
    item = next((item for item in ((whole,) if whole is not None else members) if item.media_type), None)
    if item is None:
        return None
    check = text_check(item.of) if whole is not None and item.type not in ("object", "array") else None
    return _Passing(item.media_type.encode(), item.name if whole is not None else PASSED_BODY, check)


def _json_reader(whole: Input | None, members: tuple[Input, ...]) -> Callable[[bytes, Values, FieldErrors], None]:
    read_members = _member_reader(members, alone=whole is None)
    check = whole_check(whole) if whole else None
    nullable = whole is not None and whole.of.nullable

    def read_json(body: bytes, values: Values, field_errors: FieldErrors) -> None:
        try:
            # msgspec checks the JSON, but not that the strings inside a `Raw` are UTF-8.
            str(body, "utf-8")
            if whole is not None:
                if not nullable and body.strip(b" \t\r\n") == b"null":
                    if whole.required:
                        field_errors.append(FieldError("body", MISSING))
                    return
                if (what := check(body) if check else None) is not None:
                    field_errors.append(FieldError("body", what))
                    return
                values[whole.name] = msgspec.Raw(body)
            if members:
                read_members(_object.decode(body), values, field_errors)
        except UnicodeDecodeError:
            field_errors.append(FieldError("body", "is not UTF-8 text"))
        except RecursionError:
            field_errors.append(FieldError("body", "is nested too deeply"))
        except msgspec.ValidationError:
            field_errors.append(FieldError("body", "must be a JSON object"))
        except msgspec.DecodeError as error:
            field_errors.append(FieldError("body", f"is not valid JSON: {json_text.fault(body, error)}"))

    return read_json


def _member_reader(
    items: tuple[Input, ...], *, alone: bool
) -> Callable[[dict[str, msgspec.Raw], Values, FieldErrors], None]:
    """Reads the fields of a JSON object. With `alone`, no input is the entire body, and unknown fields are errors."""
    known = {item.wire: (item, json_reader(item), item.where("member")) for item in items}
    unknown = _unknown(items)

    def read(given: dict[str, msgspec.Raw], values: Values, field_errors: FieldErrors) -> None:
        before = len(values)
        for name, raw in given.items():
            if len(field_errors) >= MOST_FIELD_ERRORS:
                return
            entry = known.get(name)
            if entry is not None:
                _take(raw, *entry, values, field_errors)
            elif alone:
                field_errors.append(unknown(name))
        if alone and len(values) == before:
            values[PASSED_BODY] = EMPTY_BODY

    return read


def _take(
    raw: msgspec.Raw, item: Input, read: JsonReader, place: str, values: Values, field_errors: FieldErrors
) -> None:
    value = read(raw)
    if value is ABSENT:
        return
    if item.name in values:
        field_errors.append(FieldError(place, "is given twice"))
    elif isinstance(value, Wrong):
        field_errors.append(FieldError(place, value.what))
    else:
        values[item.name] = value


def _unknown(items: tuple[Input, ...]) -> Callable[[str], FieldError]:
    names = ", ".join(item.wire for item in items)
    return lambda name: FieldError(f"body member {name[:40]!r}", f"is not known; known are: {names}")


def _unsupported(media_type: bytes, others: tuple[str, ...]) -> Refusal:
    declared = f"not {media_type.decode('latin-1')[:80]!r}" if media_type else "and says no Content-Type"
    what = f"must be {' or '.join(('application/json', *others))}, {declared}"
    return Refusal(415, "unsupported-media-type", f"body {what}", field_errors=(FieldError("body", what),))
