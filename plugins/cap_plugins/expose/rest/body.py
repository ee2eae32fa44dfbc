"""The request body: the whole of it as JSON, its fields, or its bytes as they come. A body nobody takes is a fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from cap_core.asgi import BodyStream, CallerGone, has_body, read_body
from cap_core.errors import Fault, Refusal
from cap_core.inputs import Input, JsonCheck, json_check
from cap_core.types import Entity, Message, Receive
from cap_plugins.expose.rest.texts import Faults, Values, compile_pairs, slots, where

Fields = dict[bytes, bytes]
"""A request's headers, by their lower-case names."""

BodyReader = Callable[[Fields, Receive, Values, Faults], Awaitable[Receive]]
"""Takes a request's body, and gives the `receive` on which to wait for a caller who goes away."""

AT_ONCE = 64 * 1024
"""A body that is handed through is taken as bytes up to this size if all of it is there already."""

_JSON = b"application/json"
_FORM = b"application/x-www-form-urlencoded"

_raw = msgspec.json.Decoder(msgspec.Raw)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder()

_SHALLOW: dict[str | None, tuple[Callable[[bytes], object], str]] = {
    "object": (_object.decode, "object"),
    "array": (_array.decode, "list"),
}


def compile_body(items: tuple[Input, ...], limit: int) -> BodyReader | None:
    """The function that reads a call's body; None where no input takes any of it."""
    whole = next((item for item in items if item.place == "body"), None)
    fields = tuple(item for item in items if item.place == "member" or "member" in item.also)
    if whole is not None and whole.opaque:
        return _handed_through(whole)
    if whole is None and not fields:
        return None
    return _parsed(whole, fields, limit)


async def refuse_body(fields: Fields, receive: Receive, faults: Faults) -> None:
    """Say that a body has nowhere to go, if there really is one: a chunked body may be empty."""
    if b"transfer-encoding" in fields:
        message = await _next(receive)
        while not message.get("body"):
            if not message.get("more_body"):
                return
            message = await _next(receive)
    faults.append(Fault("body", "has nowhere to go"))


async def _next(receive: Receive) -> Message:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerGone
    return message


# --- handed through -----------------------------------------------------------------------------------------------


def _handed_through(item: Input) -> BodyReader:
    async def handed_through(fields: Fields, receive: Receive, values: Values, faults: Faults) -> Receive:
        if not has_body(fields):
            if item.required:
                faults.append(Fault("body", _MISSING))
            return receive
        _check_coding(fields)
        content_type = fields.get(b"content-type", b"application/octet-stream")
        length = _length(fields)
        if length is not None and length <= AT_ONCE:
            message = await _next(receive)
            if not message.get("more_body"):
                body = message.get("body", b"")
                values[item.name] = Entity(content_type, body, len(body))
                return receive
            receive = _again(message, receive)
        relay = _Relay(receive)
        values[item.name] = Entity(content_type, BodyStream(relay.body), length)
        return relay.afterwards

    return handed_through


def _length(fields: Fields) -> int | None:
    said = fields.get(b"content-length", b"")
    return int(said) if said.isdigit() else None


def _again(first: Message, receive: Receive) -> Receive:
    """`receive`, with a message that was already taken from it."""
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


class _Relay:
    """Lets the reader of a body, and after it whoever watches the caller, use one `receive`."""

    __slots__ = ("_over", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._over = asyncio.Event()

    async def body(self) -> Message:
        """The next part of the body."""
        message = await self._receive()
        if not message.get("more_body"):
            self._over.set()
        return message

    async def afterwards(self) -> Message:
        """What comes after the body."""
        await self._over.wait()
        return await self._receive()


# --- parsed -------------------------------------------------------------------------------------------------------


def _parsed(whole: Input | None, fields: tuple[Input, ...], limit: int) -> BodyReader:
    read_json = _json_reader(whole, fields)
    read_form = None if whole else compile_pairs(slots(fields, "member"), _unknown(fields))
    missing = Fault("body", _MISSING) if whole and whole.required else None

    async def parsed(headers: Fields, receive: Receive, values: Values, faults: Faults) -> Receive:
        body = await read_body(receive, headers, limit) if has_body(headers) else b""
        if not body:
            if missing is not None:
                faults.append(missing)
            return receive
        _check_coding(headers)
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type == _JSON or media_type.endswith(b"+json"):
            read_json(body, values, faults)
        elif media_type == _FORM and read_form is not None:
            read_form(body, values, faults)
        else:
            raise _unsupported(media_type, form=read_form is not None)
        return receive

    return parsed


def _json_reader(whole: Input | None, fields: tuple[Input, ...]) -> Callable[[bytes, Values, Faults], None]:
    read_fields = _field_reader(fields, alone=whole is None)
    check = _whole_check(whole) if whole else None

    def read_json(body: bytes, values: Values, faults: Faults) -> None:
        try:
            # msgspec checks the JSON, but not that the strings inside a `Raw` are UTF-8.
            str(body, "utf-8")
            if whole is not None:
                if body.strip(b" \t\r\n") == b"null":
                    if whole.required:
                        faults.append(Fault("body", _MISSING))
                    return
                if (what := check(body) if check else None) is not None:
                    faults.append(Fault("body", what))
                    return
                values[whole.name] = msgspec.Raw(body)
            if fields:
                read_fields(_object.decode(body), values, faults)
        except UnicodeDecodeError:
            faults.append(Fault("body", "is not UTF-8 text"))
        except RecursionError:
            faults.append(Fault("body", "is nested too deeply"))
        except msgspec.ValidationError:
            faults.append(Fault("body", "must be a JSON object"))
        except msgspec.DecodeError as error:
            faults.append(Fault("body", f"is not valid JSON: {error}"))

    return read_json


def _whole_check(item: Input) -> Callable[[bytes], str | None]:
    """What is wrong with a whole body, given as JSON text. Objects and lists are not built just to be checked."""
    if item.type in _SHALLOW and item.enum is None:
        decode, noun = _SHALLOW[item.type]

        def container(body: bytes) -> str | None:
            try:
                decode(body)
            except msgspec.ValidationError:
                return f"must be a JSON {noun}"
            return None

        return container
    check = json_check(item)

    def any_value(body: bytes) -> str | None:
        _raw.decode(body)
        return check(_decoded(body)) if check is not None else None

    return any_value


def _field_reader(items: tuple[Input, ...], *, alone: bool) -> Callable[[dict[str, msgspec.Raw], Values, Faults], None]:
    """Takes the fields of a JSON object. Where they are all there is (`alone`), a field nobody knows is a fault."""
    known = {item.wire: (item, json_check(item), where(item, "member")) for item in items}
    unknown = _unknown(items)

    def fields(given: dict[str, msgspec.Raw], values: Values, faults: Faults) -> None:
        for name, raw in given.items():
            entry = known.get(name)
            if entry is not None:
                _take(raw, *entry, values, faults)
            elif alone:
                faults.append(unknown(name))

    return fields


def _take(raw: msgspec.Raw, item: Input, check: JsonCheck | None, place: str, values: Values, faults: Faults) -> None:
    value = _decoded(raw)
    if value is None:
        return  # explicit null is absent (docs/semantics.md, checking)
    if item.name in values:
        faults.append(Fault(place, "is given twice"))
    elif check is not None and (what := check(value)) is not None:
        faults.append(Fault(place, what))
    else:
        # In JSON 7.0 is the integer 7.
        values[item.name] = int(value) if item.type == "integer" and isinstance(value, float) else value


def _decoded(raw: bytes | msgspec.Raw) -> object:
    """A JSON value; a number that Python cannot hold stays text of JSON, for the upstream to judge."""
    try:
        return _value.decode(raw)
    except msgspec.ValidationError:
        return msgspec.Raw(raw)


def _unknown(items: tuple[Input, ...]) -> Callable[[str], Fault]:
    names = ", ".join(item.wire for item in items)
    return lambda name: Fault(f"body member {name[:40]!r}", f"is not known; known are: {names}")


def _check_coding(headers: Fields) -> None:
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"", b"identity"):
        what = f"must not be encoded as {coding.decode('latin-1')[:40]!r}"
        raise Refusal(415, "unsupported-media-type", f"body {what}", faults=(Fault("body", what),))


def _unsupported(media_type: bytes, *, form: bool) -> Refusal:
    said = f"not {media_type.decode('latin-1')[:80]!r}" if media_type else "and says no Content-Type"
    what = f"must be application/json{' or application/x-www-form-urlencoded' if form else ''}, {said}"
    return Refusal(415, "unsupported-media-type", f"body {what}", faults=(Fault("body", what),))


_MISSING = "is required and missing"
