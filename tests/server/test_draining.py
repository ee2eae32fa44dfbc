"""Connections while a server drains: what has been sent to it is answered."""

from __future__ import annotations

import asyncio
import select

import msgspec
import pytest

from cap_core.server.draining import Cycle, Draining
from cap_core.testing import PATIENCE

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class Answered(msgspec.Struct):
    """A request whose answer has been sent whole."""

    response_complete: bool = True


class Connection(asyncio.Protocol):
    """A connection that answers at once to whatever it reads, and is idle then."""

    def __init__(self, connections: list[Connection]) -> None:
        self.cycle: Cycle | None = None
        self._all = connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._all.append(self)

    def data_received(self, data: bytes) -> None:
        self.cycle = Answered()
        self.transport.write(b"ok")

    def connection_lost(self, error: Exception | None) -> None:
        self._all.remove(self)


@pytest.mark.parametrize("served", [0, 1], ids=["fresh", "idle"])
def test_a_request_that_has_arrived_and_is_not_read_yet_is_answered(served: int) -> None:
    async def drain() -> None:
        connections: list[Connection] = []
        loop = asyncio.get_running_loop()
        async with await loop.create_server(lambda: Connection(connections), "127.0.0.1", 0) as server:
            place = server.sockets[0].getsockname()
            # They are looked at in this order, so the first has been judged when the second is closed.
            (reader, writer), (quiet, other) = [await _connected(*place, served) for _ in range(2)]
            while len(connections) < 2:
                await asyncio.sleep(0)
            unread = connections[0]
            unread.transport.pause_reading()
            writer.write(REQUEST)
            assert select.select([unread.transport.get_extra_info("socket").fileno()], [], [], PATIENCE)[0]
            draining = asyncio.ensure_future(Draining(connections).finish())

            assert await quiet.read() == b""
            assert [unread] == connections
            assert not unread.transport.is_closing()
            unread.transport.resume_reading()
            assert await reader.read() == b"ok"
            for one in (writer, other):
                one.close()
            await draining

    asyncio.run(asyncio.wait_for(drain(), PATIENCE))


async def _connected(host: str, port: int, served: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has had so many answers."""
    reader, writer = await asyncio.open_connection(host, port)
    for _ in range(served):
        writer.write(REQUEST)
        assert await reader.readexactly(2) == b"ok"
    return reader, writer
