"""Write a request body that is too large for one write, as fast as the upstream reads it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from aiohttp.http import StreamWriter

from cap_core.errors import UpstreamError
from cap_plugins.transport.http1.request_body import pieces

if TYPE_CHECKING:
    from asyncio import Transport

    from aiohttp.client_proto import ResponseHandler

    from cap_core.plugins.messages import HttpRequest


async def upload(protocol: ResponseHandler, transport: Transport, request: HttpRequest, idle: float) -> None:
    """Send the body on a connection on which the head has been sent.

    Ends early, without an error, when the connection is closed: whoever waits for the response learns why. Raises
    `UpstreamError` if the upstream reads nothing for `idle` seconds, `UnsendableError` if the body is longer or
    shorter than declared, and what the body itself raises.
    """
    chunked = not isinstance(request.body, bytes) and request.length is None
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    try:
        async with aclosing(pieces(request)) as sequence:
            async for piece in sequence:
                _write(transport, b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                if protocol.writing_paused:
                    await _drain(writer, idle)
        if chunked:
            _write(transport, b"0\r\n\r\n")
    except _ConnectionClosed:
        pass


class _ConnectionClosed(Exception):
    """The connection is closed."""


def _write(transport: Transport, data: bytes) -> None:
    if transport.is_closing():  # on which uvloop's `write` raises
        raise _ConnectionClosed
    transport.write(data)


async def _drain(writer: StreamWriter, idle: float) -> None:
    try:
        async with asyncio.timeout(idle):
            await writer.drain()
    except TimeoutError as error:
        raise UpstreamError("idle", f"the upstream read nothing of the request for {idle:g} s") from error
    except ConnectionError as error:
        raise _ConnectionClosed from error
