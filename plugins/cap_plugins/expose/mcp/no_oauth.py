"""Answers clients that look for OAuth, which is not offered here.

A client that gets 401 asks for OAuth metadata and tries to register itself, and reads even the answer that there is
nothing as an OAuth error. A problem document is none: the client would then report its own parse error to its user.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cap_core.plugins.exposure import Route
from cap_core.plugins.messages import AsgiSend, Receive, Reply, Scope
from cap_core.server.asgi import answer
from cap_plugins.expose.mcp.json_rpc import encode

_ENDPOINTS: Final = ("", "/", "/mcp", "/mcp/", "/mcp/{name}", "/mcp/{name}/")
_METADATA: Final = ("/.well-known/oauth-{kind}", "/.well-known/openid-configuration")
# Where clients of 2025-03-26 go without metadata (Authorization, Fallbacks for Servers without Metadata Discovery).
_DEFAULTS: Final = ("/register", "/token")
_REPLY: Final = Reply(
    404,
    ((b"content-type", b"application/json"), (b"cache-control", b"no-store")),
    encode(
        {
            "error": "not_found",
            "error_description": "This gateway offers no OAuth. Where it asks for a token or a key, its operator gives "
            "one out, and the client is configured to send it as a header.",
        }
    ),
)


def fallbacks() -> Iterator[Route]:
    """The routes of all addresses where clients look for OAuth, each of which a document may have for itself."""
    for template in _templates():
        yield Route(method="*", template=template, endpoint=_nothing, owner="cap", fallback=True)


def _templates() -> Iterator[str]:
    """The metadata of the gateway and of each endpoint, by both rules for paths (RFC 8414, 3.1 and 5)."""
    for metadata in _METADATA:
        for endpoint in _ENDPOINTS:
            yield metadata + endpoint
        yield "/mcp" + metadata
        yield "/mcp/{name}" + metadata
    yield from _DEFAULTS


async def _nothing(scope: Scope, receive: Receive, send: AsgiSend, values: tuple[str, ...]) -> None:
    await answer(send, _REPLY, head=scope["method"] == "HEAD")
