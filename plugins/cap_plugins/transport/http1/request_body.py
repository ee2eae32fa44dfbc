"""A request body in pieces, whose length is checked against the declared one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cap_core.errors import UnsendableError
from cap_plugins.transport.http1.limits import SMALL_BODY

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cap_core.plugins.messages import HttpRequest, Stream


def pieces(request: HttpRequest) -> AsyncGenerator[bytes, None]:
    """The non-empty pieces of a body. Raises `UnsendableError` where a stream is longer or shorter than declared."""
    body = request.body
    return _sliced(body) if isinstance(body, bytes) else _counted(body, request.length)


async def _sliced(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), SMALL_BODY):
        yield body[start : start + SMALL_BODY]


async def _counted(body: Stream, length: int | None) -> AsyncGenerator[bytes, None]:
    count, last = 0, b""
    async for piece in body:
        count += len(piece)
        if length is not None and count > length:
            raise UnsendableError(f"the request body is longer than the {length} bytes it promised")
        if count == length:
            # Kept until the stream has ended, so that the upstream never has a whole request that is then found wrong.
            last = last or piece
        elif piece:
            yield piece
    if length is not None and count < length:
        raise UnsendableError(f"the request body has {count} bytes where it promised {length}")
    if last:
        yield last
