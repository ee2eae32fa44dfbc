"""The answers to requests that are refused before they have become requests, as bytes: their head was never whole."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from cap_core.errors import Refusal
from cap_core.server.problems import problem

CLOSE = ((b"connection", b"close"),)

MALFORMED = Refusal(400, "malformed-request", "this is not a request of HTTP/1.1", headers=CLOSE)
NOT_HTTP = Refusal(400, "malformed-request", "the target of a request is a path, or an http URL", headers=CLOSE)
LATE = Refusal(408, "request-timeout", "the request did not arrive in time", headers=CLOSE)
LONG_TARGET = Refusal(414, "head-too-large", "the target of this request is too long", headers=CLOSE)
LARGE_HEAD = Refusal(431, "head-too-large", "the head of this request is too large", headers=CLOSE)
UNKNOWN_CODING = Refusal(
    501, "unknown-coding", "the body has a transfer coding that is not known", hint="send it chunked", headers=CLOSE
)
CROWDED = Refusal(
    503,
    "too-many-connections",
    "this gateway has no room for a further connection",
    headers=(*CLOSE, (b"retry-after", b"1")),
)


def as_bytes(refusal: Refusal, common: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A refusal as it goes over the wire, with the headers that all answers have in common."""
    reply = problem(refusal)
    assert isinstance(reply.body, bytes)
    status = b"HTTP/1.1 %d %b" % (reply.status, HTTPStatus(reply.status).phrase.encode())
    headers = (*common, *reply.headers, (b"content-length", b"%d" % len(reply.body)))
    return b"\r\n".join([status, *(b"%b: %b" % header for header in headers), b"", reply.body])
