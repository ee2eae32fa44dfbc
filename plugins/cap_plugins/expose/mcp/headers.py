"""The HTTP headers of an MCP request: routing headers, content negotiation and trace context."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final

from cap_core.syntax import trace_context
from cap_plugins.expose.mcp.json_rpc import HEADER_MISMATCH, RpcError

if TYPE_CHECKING:
    from collections.abc import Iterable

_ROUTING: Final = frozenset({b"mcp-protocol-version", b"mcp-method", b"mcp-name"})
_BASE64 = re.compile(rb"=\?base64\?(.*)\?=", re.DOTALL)
_BLANKS: Final = b" \t"


def refuse_repeated(headers: Iterable[tuple[bytes, bytes]]) -> None:
    """Refuse a routing header that comes twice: readers of the first and of the last copy would disagree."""
    seen: set[bytes] = set()
    for name, _ in headers:
        if name in _ROUTING and name in seen:
            raise RpcError(HEADER_MISMATCH, f"Header mismatch: {name.decode()} is given more than once")
        seen.add(name)


def header_text(value: bytes | None) -> str | None:
    """A header's value without surrounding blanks, taken out of `=?base64?...?=` (Streamable HTTP, Value Encoding).

    None for a header that is not there or cannot be decoded, so that it never equals anything.
    """
    if value is None or not value.isascii():
        return None
    value = value.strip(_BLANKS)
    found = _BASE64.fullmatch(value) if value.startswith(b"=?") else None
    if found is None:
        return value.decode("ascii")
    try:
        decoded = base64.b64decode(found[1], validate=True)
        # Python tolerates stray trailing bits; only the canonical form counts, so that one value has one encoding.
        return decoded.decode() if base64.b64encode(decoded) == found[1] else None
    except (binascii.Error, UnicodeDecodeError):
        return None


def is_json(content_type: bytes | None) -> bool:
    """Whether a request's Content-Type is JSON."""
    return content_type == b"application/json" or (
        content_type is not None and content_type.partition(b";")[0].strip(_BLANKS).lower() == b"application/json"
    )


def accepts_json(accept: bytes | None) -> bool:
    """Whether a JSON answer may be sent.

    Only `q=0` on the range that fits it best forbids one. A list that merely leaves it out does not: clients in the
    field send all kinds of lists.
    """
    if accept is None or b"0" not in accept:
        return True
    weights = {}
    for item in accept.replace(b" ", b"").lower().split(b","):
        name, *parameters = item.split(b";")
        weights[name] = next((p[2:] for p in parameters if p.startswith(b"q=")), b"1")
    best = next((weights[n] for n in (b"application/json", b"application/*", b"*/*") if n in weights), b"1")
    return best.strip(b"0.") != b""


def traceparent(header: bytes | None, member: bytes) -> bytes | None:
    """The caller's trace, from the JSON text of `_meta.traceparent`, else from its header.

    `_meta` comes first, because a proxy on the way may have put its own into the header.
    """
    if header is None and not member:
        return None
    return trace_context.traceparent(member.strip(b'"')) or trace_context.traceparent(header)
