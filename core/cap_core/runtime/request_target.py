"""Compiles the path and the query of an upstream request, with each value escaped for its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, unquote_to_bytes

from cap_core.errors import FieldError
from cap_core.plan.request import Request, RequestField
from cap_core.plan.values import Binding
from cap_core.plugins.auth import Credentials
from cap_core.runtime.inputs import refuse
from cap_core.runtime.styles import compile_pairs
from cap_core.runtime.values import ABSENT, Evaluate, Frame, as_text, compile_text, label
from cap_core.syntax.templates import Var

# Characters that are not escaped in a segment: unreserved, sub-delims, ":" and "@" (RFC 3986, 3.3). Only ";" is: many
# servers read what follows it as parameters of the segment that do not belong to its name.
_SEGMENT_SAFE = "-._~!$&'()*+,=:@"
_ITEM_SAFE = _SEGMENT_SAFE.replace(",", "")
_QUERY_SAFE = "-._~!$'()*,:@/"
_PLAIN = re.compile(r"[A-Za-z0-9_~-][A-Za-z0-9._~-]*")


def compile_target(
    request: Request, prefix: str, credentials: Credentials, variables: Mapping[Binding, str]
) -> Callable[[Frame], bytes]:
    """The function that makes path and query. `prefix` is the path of the base URI.

    The function raises `Refusal` 400 for a value that is not allowed in a path.
    """
    path, query = _path(request, prefix, variables), _query(request, credentials, variables)
    if isinstance(path, bytes) and isinstance(query, bytes):
        return _constant(path + query)
    if query == b"":
        assert callable(path)
        return path
    of_path = _constant(path) if isinstance(path, bytes) else path
    of_query = _constant(query) if isinstance(query, bytes) else query
    return lambda frame: of_path(frame) + of_query(frame)


def _path(request: Request, prefix: str, variables: Mapping[Binding, str]) -> bytes | Callable[[Frame], bytes]:
    fields = {field.name: field for field in request.fields if field.place == "path"}
    pieces: list[bytes | Piece] = [_encoded(prefix)]
    for segment in _segments(request.operation.segments):
        if all(isinstance(part, str) for part in segment):
            pieces.append("".join(map(str, segment)).encode())
        else:
            pieces.append(_segment([_piece(part, fields, variables) for part in segment]))
    flat = _merged(pieces)
    if len(flat) == 1 and isinstance(flat[0], bytes):
        return flat[0] or b"/"
    renders = [piece if callable(piece) else _constant(piece) for piece in flat if piece]

    def path(frame: Frame) -> bytes:
        return b"".join([render(frame) for render in renders])

    return path


Piece = Callable[[Frame], bytes]


def _constant(piece: bytes) -> Piece:
    return lambda frame: piece


def _segments(parts: tuple[str | Var, ...]) -> list[list[str | Var]]:
    """The path split before each slash; every segment begins with its slash, also the first."""
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


_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def _encoded(text: str, more: str = "") -> bytes:
    """Literal text of a path, or with `more` of a query; characters that no address may hold are escaped."""
    return quote(_STRAY_PERCENT.sub("%25", text), safe=f"%/:@!$&'()*+,;=-._~{more}").encode()


def _piece(
    part: str | Var, fields: Mapping[str, RequestField], variables: Mapping[Binding, str]
) -> bytes | tuple[str, Evaluate]:
    if isinstance(part, str):
        return part.encode()
    field = fields[part.name]
    return label(field), compile_text(field.value, variables)


def _merged(pieces: list[bytes | Piece]) -> list[bytes | Piece]:
    out: list[bytes | Piece] = [b""]
    for piece in pieces:
        last = out[-1]
        if isinstance(piece, bytes) and isinstance(last, bytes):
            out[-1] = last + piece
        else:
            out.append(piece)
    return out


def _segment(pieces: list[bytes | tuple[str, Evaluate]]) -> Piece:
    """The function for a segment with values; it is fast for a segment that is one value and needs no escaping."""
    if len(pieces) != 2 or isinstance(pieces[1], bytes) or pieces[0] != b"/":
        return lambda frame: _any_segment(pieces, frame)
    evaluate, plain = pieces[1][1], _PLAIN.fullmatch

    def segment(frame: Frame) -> bytes:
        value = evaluate(frame)
        if type(value) is str and plain(value):
            return b"/" + value.encode()
        return _any_segment(pieces, frame)

    return segment


def _any_segment(pieces: list[bytes | tuple[str, Evaluate]], frame: Frame) -> bytes:
    """One segment with values. Raises `Refusal` if it is empty, `.` or `..`, which would name another resource.

    What counts is the segment up to its first `;`: servers drop the rest before they resolve dots, escaped or not.
    """
    out = b""
    name, in_name = "", False
    for piece in pieces:
        if isinstance(piece, bytes):
            out += piece
            continue
        name, evaluate = piece
        in_name = in_name or b";" not in out
        value = evaluate(frame)
        if value is ABSENT:
            raise refuse((FieldError(name, "is required and missing"),))
        out += _segment_text(value)
    resource, semicolon, _ = unquote_to_bytes(out[1:]).partition(b";")
    if in_name and resource in (b"", b".", b".."):
        raise refuse((FieldError(name, _names_another(resource.decode(), bool(semicolon))),))
    return out


def _segment_text(value: object) -> bytes:
    """A value in a segment. A list has commas between its items (RFC 6570, 3.2.2), whose own commas are escaped."""
    if isinstance(value, list):
        return ",".join(quote(as_text(item), safe=_ITEM_SAFE) for item in value if item is not None).encode()
    text = as_text(value)
    return (text if _PLAIN.fullmatch(text) else quote(text, safe=_SEGMENT_SAFE)).encode()


def _names_another(resource: str, semicolon: bool) -> str:
    end = " in front of its ';'" if semicolon else ""
    return f"must not be {resource!r}{end}, which names another resource" if resource else f"must not be empty{end}"


def _query(
    request: Request, credentials: Credentials, variables: Mapping[Binding, str]
) -> bytes | Callable[[Frame], bytes]:
    literal = _encoded(request.operation.query, "?[]")
    end = b"&".join(_pair(name, value) for name, value in credentials.query)
    fields = [
        (
            quote(field.name, safe=_QUERY_SAFE).encode() + b"=",
            compile_pairs(field.name, field.style, _query_text),
            field.style is not None,
            compile_text(field.value, variables),
        )
        for field in request.fields
        if field.place == "query"
    ]
    constant = b"&".join(part for part in (literal, end) if part)
    if not fields:
        return b"?" + constant if constant else b""

    def query(frame: Frame) -> bytes:
        parts = [literal] if literal else []
        for start, pairs, styled, evaluate in fields:
            value = evaluate(frame)
            if value is ABSENT:
                continue
            if styled or isinstance(value, list):
                parts += [pair.encode() for pair in pairs(value)]
            else:
                parts.append(start + _query_text(as_text(value)).encode())
        if end:
            parts.append(end)
        return b"?" + b"&".join(parts) if parts else b""

    return query


def _pair(name: str, value: str) -> bytes:
    return f"{_query_text(name)}={_query_text(value)}".encode()


def _query_text(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe=_QUERY_SAFE)
