"""Reads a body that may still be arriving, or closes it."""

from __future__ import annotations

from cap_core.plugins.messages import Body


async def collect(body: Body, limit: int) -> bytes | None:
    """The complete body, or None if it is larger than `limit` bytes. It is closed in any case.

    Raises `UpstreamError`.
    """
    if isinstance(body, bytes):
        return body if len(body) <= limit else None
    chunks, size = [], 0
    try:
        async for chunk in body:
            size += len(chunk)
            if size > limit:
                return None
            chunks.append(chunk)
    finally:
        await body.aclose()
    return b"".join(chunks)


async def drop(body: Body) -> None:
    """Close a body without reading it; closing it again does nothing."""
    if not isinstance(body, bytes):
        await body.aclose()
