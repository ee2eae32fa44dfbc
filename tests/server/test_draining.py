"""Letting go of connections: nothing that has arrived is lost (`docs/command-line.md`, life)."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from cap_core.server.draining import Draining


class Answering(asyncio.Protocol):
    """A connection between two requests, which answers the next one."""

    def __init__(self, open_connections: list[Answering]) -> None:
        self._open = open_connections
        self.cycle = SimpleNamespace(response_complete=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._open.append(self)

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"answer to " + data)

    def connection_lost(self, error: Exception | None) -> None:
        self._open.remove(self)


def test_a_request_that_has_arrived_but_is_not_read_yet_is_answered() -> None:
    """A loop that is busy reads late. The quiet connection tells when the one with the request would be cut, too."""

    async def drain() -> bytes:
        connections: list[Answering] = []
        server = await asyncio.get_running_loop().create_server(lambda: Answering(connections), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while len(connections) < 1:
            await asyncio.sleep(0)
        connections[0].transport.pause_reading()
        writer.write(b"the request")
        quiet, quiet_writer = await asyncio.open_connection("127.0.0.1", port)
        while len(connections) < 2:
            await asyncio.sleep(0)
        late = connections[0].transport
        draining = asyncio.create_task(Draining(connections).finish())
        assert await quiet.read() == b""
        late.resume_reading()
        answer = await reader.read()
        await draining
        for one in (writer, quiet_writer):
            one.close()
        server.close()
        return answer

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as own:
        assert own.run(asyncio.wait_for(drain(), 20)) == b"answer to the request"
