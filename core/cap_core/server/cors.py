"""Lets pages of accepted origins call and read answers: the CORS protocol of the Fetch standard.

Which origins those are is decided in `admission`. Here they get what their browsers ask for: an answer to the question
before a call (a preflight), and headers on every answer. What the answer varies by is said on all of them, by the
server (`cap_core.server.server`).
"""

from __future__ import annotations

from collections.abc import Mapping

from cap_core.plugins.messages import AsgiSend, Headers, Message, Reply, Scope
from cap_core.server.admission import SharedOrigin
from cap_core.syntax.http import is_token

MAX_AGE = 600
"""Seconds for which a browser need not ask again."""

_METHOD = b"access-control-request-method"
_HEADERS = b"access-control-request-headers"

_READABLE = frozenset(
    b"cache-control content-language content-length content-type expires last-modified pragma".split()
)
"""What every page may read of an answer that is shared with it; other headers have to be named."""


def is_preflight(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a browser asks if a page may call, before it does. Such a question carries no credential."""
    return scope["method"] == "OPTIONS" and _METHOD in headers


def preflight(origin: SharedOrigin, headers: Mapping[bytes, bytes]) -> Reply:
    """The answer to a preflight: the page may send this method and these headers.

    It is the same for every address, so that the page itself gets the 404 or the 405 of its call.
    """
    asked = [name.strip() for name in headers.get(_HEADERS, b"").decode("latin-1").split(",")]
    method = headers[_METHOD].decode("latin-1")
    allowed = {
        b"access-control-allow-methods": method if is_token(method) else "",
        b"access-control-allow-headers": ", ".join(name for name in asked if is_token(name)),
        b"access-control-max-age": str(MAX_AGE),
    }
    more = tuple((name, value.encode("latin-1")) for name, value in allowed.items() if value)
    return Reply(204, (*_origin(origin), *more), b"")


def sharing(send: AsgiSend, origin: SharedOrigin) -> AsgiSend:
    """A `send` whose answer the page may read, with all its headers."""
    allowed = _origin(origin)

    async def shared(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message["headers"]
            names = b", ".join(dict.fromkeys(name for name, _ in headers if name.lower() not in _READABLE))
            exposed = ((b"access-control-expose-headers", names),) if names else ()
            message = {**message, "headers": [*headers, *allowed, *exposed]}
        await send(message)

    return shared


def _origin(origin: SharedOrigin) -> Headers:
    allowed = ((b"access-control-allow-origin", origin.name),)
    return (*allowed, (b"access-control-allow-credentials", b"true")) if origin.credentials else allowed
