"""The header fields of a request: checks them, and adds `Host` and the fields that frame the body."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from cap_core.errors import UnsendableError
from cap_core.syntax.http import is_token

if TYPE_CHECKING:
    from cap_core.plugins.messages import Headers, HttpRequest

_VALUE = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])
_TARGET = bytes(range(0x21, 0x7F))
_FRAMING = (b"content-length", b"transfer-encoding")
_METHODS_WITH_BODY = ("POST", "PUT", "PATCH")


def header_fields(request: HttpRequest, host: bytes) -> Headers:
    """All header fields of a request in the order in which they are sent: `Host` first, framing last.

    Raises `UnsendableError` for a request that cannot be sent as it is: a character that would end a line or the
    target, a name that is no token, a framing field of its own.
    """
    target = request.target
    if target[:1] != b"/" or target.translate(None, _TARGET):
        raise UnsendableError("the request target must begin with a slash and hold visible ASCII characters only")
    headers = request.headers
    own = _check_names(request.method, tuple([name for name, _ in headers]))
    if b"".join([value for _, value in headers]).translate(None, _VALUE):
        raise UnsendableError(f"the request header {_invalid_header(headers)} holds a control character")
    if own is None:
        return ((b"Host", host), *headers, *_framing(request))
    return (headers[own], *headers[:own], *headers[own + 1 :], *_framing(request))


# Pure, and an operation's names are the same each time: 0.3 µs instead of 2.
@functools.lru_cache(maxsize=1024)
def _check_names(method: str, names: tuple[bytes, ...]) -> int | None:
    """Check the method and the header names, which a document's author chose; the index of the request's own `Host`."""
    if not is_token(method) or method == "CONNECT":
        raise UnsendableError(f"{method!r} is no method that can be sent")
    for name in names:
        if not is_token(name.decode("latin-1")):
            raise UnsendableError(f"{name!r} is no header name")
    lower = [name.lower() for name in names]
    for name in _FRAMING:
        if name in lower:
            raise UnsendableError(f"the request header {name.decode()} is the transport's own")
    if lower.count(b"host") > 1:
        raise UnsendableError("the request has more than one Host header")
    return lower.index(b"host") if b"host" in lower else None


def _framing(request: HttpRequest) -> Headers:
    body = request.body
    if not isinstance(body, bytes):
        if request.length is None:
            return ((b"Transfer-Encoding", b"chunked"),)
        return ((b"Content-Length", b"%d" % request.length),)
    if body or request.method in _METHODS_WITH_BODY:
        return ((b"Content-Length", b"%d" % len(body)),)
    return ()


def _invalid_header(headers: Headers) -> str:
    return next(name for name, value in headers if value.translate(None, _VALUE)).decode("ascii")
