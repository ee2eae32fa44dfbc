"""The request body as its sender framed and coded it: what body readers share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from cap_core.asgi import CallerGone
from cap_core.errors import Fault, Refusal
from cap_core.types import Message, Receive
from cap_plugins.expose.rest.texts import Faults, Values

Fields = dict[bytes, bytes]
"""A request's headers, by their lower-case names."""

BodyReader = Callable[[Fields, Receive, Values, Faults], Awaitable[Receive]]
"""Takes a request's body, and gives the `receive` on which to wait for a caller who goes away."""

MISSING = "is required and missing"


async def part(receive: Receive) -> Message:
    """The next part of a body. Raises `CallerGone`."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise CallerGone
    return message


def check_coding(fields: Fields) -> None:
    """Raise `Refusal` 415 for a body in a content coding: it would be read, or sent on, as what it is not."""
    coding = fields.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"", b"identity"):
        what = f"must not be encoded as {coding.decode('latin-1')[:40]!r}"
        raise Refusal(415, "unsupported-media-type", f"body {what}", faults=(Fault("body", what),))
