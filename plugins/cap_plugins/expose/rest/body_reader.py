"""For all readers of request bodies: their type, reading the next part, and refusing content codings."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cap_core.errors import FieldError, Refusal
from cap_core.plugins.messages import Message, Receive
from cap_core.server.asgi import CallerGone
from cap_plugins.expose.rest.text_inputs import FieldErrors, Values

RequestHeaders = dict[bytes, bytes]
"""A request's headers, by their lower-case names."""

BodyReader = Callable[[RequestHeaders, Receive, Values, FieldErrors], Awaitable[Receive]]
"""Reads a request's body, and returns the `receive` that then reports whether the caller has gone."""

MISSING = "is required and missing"


async def next_part(receive: Receive) -> Message:
    """The next part of a body. Raises `CallerGone`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerGone
    return message


def check_coding(headers: RequestHeaders) -> None:
    """Raise `Refusal` 415 for a body in a content coding: it would be parsed, or sent on, as if it were not coded."""
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"", b"identity"):
        what = f"must not be encoded as {coding.decode('latin-1')[:40]!r}"
        raise Refusal(415, "unsupported-media-type", f"body {what}", field_errors=(FieldError("body", what),))
