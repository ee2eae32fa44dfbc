"""A call's fields compiled to one function from its inputs to the upstream request.

`cap explain` uses the same function with masked values, so what it shows is what would be sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote

from cap_core.bodies import body_builder
from cap_core.errors import Fault
from cap_core.input_checks import refuse
from cap_core.offers import Credentials
from cap_core.plan import Binding, Call, InputRef, RequestField
from cap_core.rendering import ABSENT, Get, as_text, text_getter
from cap_core.templates import Var
from cap_core.types import Headers, Request
from cap_core.version import USER_AGENT

if TYPE_CHECKING:
    from cap_core.context import Context

Values = Mapping[str, object]
Build = Callable[[Values, "Context"], Request]

# RFC 3986: unreserved, sub-delims, ":" and "@" stand for themselves in a segment. Everything else is escaped.
_SEGMENT_SAFE = "-._~!$&'()*+,;=:@"
_QUERY_SAFE = "-._~!$'()*,:@/"
_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")
_BAD_HEADER = re.compile(r"[\r\n\0]")


def compile_request(call: Call, prefix: str, credentials: Credentials, values: Mapping[Binding, str]) -> Build:
    """The function that makes this call's requests.

    `prefix` is the path of the base URI; `values` has every binding the fields need. The function raises `Refusal` 400
    for a value that cannot stand where it lands.
    """
    target = _target(call, prefix, credentials, values)
    body = body_builder(call, credentials, values)
    headers = _headers(call, credentials, values)
    method = call.operation.method
    identity = call.identity
    named = _names_set(call, credentials)
    passed = _passing(named) if identity else _nothing_passes
    traced = b"traceparent" in named

    def build(inputs: Values, context: Context) -> Request:
        content, length, content_type = body(inputs)
        out = (*headers(inputs), *passed(context.headers))
        if content_type is not None:
            out = (*out, (b"Content-Type", content_type))
        if context.trace is not None and not traced:
            out = (*out, (b"traceparent", context.trace))
        return Request(context.method or method, target(inputs), out, content, length)

    return build


_IDENTITY: Headers = ((b"Accept-Encoding", b"identity"),)


def _nothing_passes(headers: Headers) -> Headers:
    """Where the answer is read, the upstream is asked not to encode it, and the caller's own wishes do not count."""
    return _IDENTITY


def _passing(fixed: frozenset[bytes]) -> Callable[[Headers], Headers]:
    """The caller's headers that go along, without those the document sets; `identity` unless they name a coding."""

    def passing(headers: Headers) -> Headers:
        if not headers:
            return _IDENTITY
        for name, _ in headers:
            if name in fixed:
                return passing(tuple(header for header in headers if header[0] not in fixed))
        for name, _ in headers:
            if name == b"accept-encoding":
                return headers
        return headers + _IDENTITY

    return passing


# --- the target ---------------------------------------------------------------------------------------------------


def _target(
    call: Call, prefix: str, credentials: Credentials, values: Mapping[Binding, str]
) -> Callable[[Values], bytes]:
    path = _path(call, prefix, values)
    query = _query(call, credentials, values)
    if isinstance(path, bytes) and isinstance(query, bytes):
        constant = path + query
        return lambda inputs: constant
    if isinstance(query, bytes):
        assert callable(path)
        render = path
        return lambda inputs: render(inputs) + query
    asked = query
    if isinstance(path, bytes):
        return lambda inputs: path + asked(inputs)
    render = path
    return lambda inputs: render(inputs) + asked(inputs)


def _path(call: Call, prefix: str, values: Mapping[Binding, str]) -> bytes | Callable[[Values], bytes]:
    fields = {field.name: field for field in call.fields if field.place == "path"}
    pieces: list[bytes | Piece] = [_encoded(prefix)]
    for segment in _segments(call.operation.segments):
        if all(isinstance(part, str) for part in segment):
            pieces.append("".join(map(str, segment)).encode())
        else:
            pieces.append(_segment([_piece(part, fields, values) for part in segment]))
    flat = _merged(pieces)
    if len(flat) == 1 and isinstance(flat[0], bytes):
        return flat[0] or b"/"
    renders = [piece if callable(piece) else _constant(piece) for piece in flat if piece]

    def path(inputs: Values) -> bytes:
        return b"".join([render(inputs) for render in renders])

    return path


Piece = Callable[[Values], bytes]


def _constant(piece: bytes) -> Piece:
    return lambda inputs: piece


def _segments(parts: tuple[str | Var, ...]) -> list[list[str | Var]]:
    """The path cut before each slash, each segment with its own slash in front; one slash leads."""
    out: list[list[str | Var]] = [["/"]]
    leading = True
    for part in parts:
        if isinstance(part, Var):
            out[-1].append(part)
            leading = False
            continue
        for n, text in enumerate(part.split("/")):
            if n:
                if leading and out == [["/"]]:
                    leading = False
                else:
                    out.append(["/"])
            if text:
                out[-1].append(_encoded(text).decode())
                leading = False
    return [] if out == [["/"]] and not parts else out


def _encoded(text: str) -> bytes:
    """Literal text of a path or query as its author wrote it; only what cannot be sent is escaped."""
    return quote(text, safe="%/?&=+:@!$'()*,;~[]{}|^\\\"<>`-._").replace("{", "%7B").replace("}", "%7D").encode()


def _piece(
    part: str | Var, fields: Mapping[str, RequestField], values: Mapping[Binding, str]
) -> bytes | tuple[str, Get]:
    if isinstance(part, str):
        return part.encode()
    field = fields[part.name]
    shown = next((leaf.name for leaf in [field.value] if isinstance(leaf, InputRef)), field.name)
    return shown, text_getter(field.value, values)


def _merged(pieces: list[bytes | Piece]) -> list[bytes | Piece]:
    out: list[bytes | Piece] = [b""]
    for piece in pieces:
        last = out[-1]
        if isinstance(piece, bytes) and isinstance(last, bytes):
            out[-1] = last + piece
        else:
            out.append(piece)
    return out


def _segment(pieces: list[bytes | tuple[str, Get]]) -> Piece:
    """A segment with values in it; one that is a value and nothing else, and needs no escaping, goes the short way."""
    if len(pieces) != 2 or isinstance(pieces[1], bytes) or pieces[0] != b"/":
        return lambda inputs: _any_segment(pieces, inputs)
    get, plain = pieces[1][1], _PLAIN.fullmatch

    def segment(inputs: Values) -> bytes:
        value = get(inputs)
        if type(value) is str and plain(value):
            return b"/" + value.encode()
        return _any_segment(pieces, inputs)

    return segment


def _any_segment(pieces: list[bytes | tuple[str, Get]], inputs: Values) -> bytes:
    """One segment with values in it. A value that would make it empty, `.` or `..` would name another resource."""
    out = b""
    name = ""
    for piece in pieces:
        if isinstance(piece, bytes):
            out += piece
            continue
        name, get = piece
        value = get(inputs)
        if value is ABSENT:
            raise refuse((Fault(f"path {name}", "is required and missing"),))
        text = as_text(value)
        out += (text if _PLAIN.fullmatch(text) else quote(text, safe=_SEGMENT_SAFE)).encode()
    if out in (b"/", b"/.", b"/.."):
        what = "must not be empty" if out == b"/" else f"must not be {out[1:].decode()!r}, which names another resource"
        raise refuse((Fault(f"path {name}", what),))
    return out


def _query(call: Call, credentials: Credentials, values: Mapping[Binding, str]) -> bytes | Callable[[Values], bytes]:
    literal = _encoded(call.operation.query)
    end = b"&".join(_pair(name, value) for name, value in credentials.query)
    fields = [
        (field.name, quote(field.name, safe=_QUERY_SAFE).encode() + b"=", text_getter(field.value, values))
        for field in call.fields
        if field.place == "query"
    ]
    constant = b"&".join(part for part in (literal, end) if part)
    if not fields:
        return b"?" + constant if constant else b""

    def query(inputs: Values) -> bytes:
        parts = [literal] if literal else []
        for _, start, get in fields:
            value = get(inputs)
            if value is ABSENT:
                continue
            if isinstance(value, list):
                parts += [start + _query_text(item) for item in value]
            else:
                parts.append(start + _query_text(value))
        if end:
            parts.append(end)
        return b"?" + b"&".join(parts) if parts else b""

    return query


def _pair(name: str, value: str) -> bytes:
    return quote(name, safe=_QUERY_SAFE).encode() + b"=" + _query_text(value)


def _query_text(value: object) -> bytes:
    text = as_text(value)
    return (text if _PLAIN.fullmatch(text) else quote(text, safe=_QUERY_SAFE)).encode()


# --- the headers --------------------------------------------------------------------------------------------------


def _headers(call: Call, credentials: Credentials, values: Mapping[Binding, str]) -> Callable[[Values], Headers]:
    fields = [
        (field.name, field.name.encode("latin-1", "replace"), text_getter(field.value, values))
        for field in call.fields
        if field.place == "header"
    ]
    cookies = [(field.name, text_getter(field.value, values)) for field in call.fields if field.place == "cookie"]
    named = any(name.lower() == "user-agent" for name, _, _ in fields)
    own: Headers = () if named or _has(credentials, b"user-agent") else ((b"User-Agent", USER_AGENT),)
    fixed_cookies = tuple(f"{name}={value}" for name, value in credentials.cookies)
    end: Headers = (*credentials.headers, *own)
    if not fields and not cookies:
        constant = (*end, *_cookie(fixed_cookies))
        return lambda inputs: constant

    def headers(inputs: Values) -> Headers:
        out = []
        for name, wire, get in fields:
            value = get(inputs)
            if value is not ABSENT:
                out.append((wire, _header_text(name, value)))
        crumbs = [f"{name}={_crumb(get(inputs))}" for name, get in cookies if get(inputs) is not ABSENT]
        return (*out, *end, *_cookie((*crumbs, *fixed_cookies)))

    return headers


def _has(credentials: Credentials, name: bytes) -> bool:
    return any(header.lower() == name for header, _ in credentials.headers)


def _header_text(name: str, value: object) -> bytes:
    text = ", ".join(map(as_text, value)) if isinstance(value, list) else as_text(value)
    if _BAD_HEADER.search(text):
        raise refuse((Fault(f"header {name}", "must not contain line breaks"),))
    return text.encode()


def _crumb(value: object) -> str:
    return quote(as_text(value), safe="!#$&'()*+-./:<=>?@[]^_`{|}~")


def _cookie(crumbs: tuple[str, ...]) -> Headers:
    return ((b"Cookie", "; ".join(crumbs).encode()),) if crumbs else ()


def _names_set(call: Call, credentials: Credentials) -> frozenset[bytes]:
    """The headers the document sets, which a caller's header of the same name does not double."""
    named = {field.name.lower().encode("latin-1", "replace") for field in call.fields if field.place == "header"}
    return frozenset(named | {name.lower() for name, _ in credentials.headers})
