"""A request body in pieces, held to the length that it promised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cap_core.types import Request, Stream

SMALL: Final = 64 * 1024
"""Bytes up to which a body is sent, or handed over, in one piece."""


def pieces(request: Request) -> AsyncGenerator[bytes, None]:
    """What is sent, without empty pieces. Raises `ValueError` where a stream gives more or less than it promised."""
    body = request.body
    return _sliced(body) if isinstance(body, bytes) else _counted(body, request.length)


async def _sliced(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), SMALL):
        yield body[start : start + SMALL]


async def _counted(body: Stream, length: int | None) -> AsyncGenerator[bytes, None]:
    given, last = 0, b""
    async for piece in body:
        given += len(piece)
        if length is not None and given > length:
            raise ValueError(f"the request body is longer than the {length} bytes it promised")
        if given == length:
            # Kept until the stream has ended, so that the upstream never has a whole request that is then found wrong.
            last = last or piece
        elif piece:
            yield piece
    if length is not None and given < length:
        raise ValueError(f"the request body has {given} bytes where it promised {length}")
    if last:
        yield last
