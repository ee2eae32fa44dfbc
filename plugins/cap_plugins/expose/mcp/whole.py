"""An answer that arrives over time, gathered into one piece within a limit."""

from __future__ import annotations

from cap_core.types import Reply, Stream


class TooLarge(Exception):
    """The body has more bytes than are held."""


async def whole(reply: Reply, body: Stream, limit: int) -> Reply:
    """The reply with its whole body. Raises `TooLarge` above `limit` bytes, and `UpstreamError` where the body breaks
    off; either way the rest is not read."""
    chunks, size = [], 0
    try:
        for name, value in reply.headers:
            if name == b"content-length" and value.isdigit() and len(value) < 20 and int(value) > limit:
                raise TooLarge
        async for chunk in body:
            size += len(chunk)
            if size > limit:
                raise TooLarge
            chunks.append(chunk)
    finally:
        await body.aclose()
    return Reply(reply.status, reply.headers, b"".join(chunks), reply.error)
