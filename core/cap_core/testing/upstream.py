"""An upstream that records the bytes of every request, and answers as a test chooses."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import msgspec

from cap_core.testing.loops import PATIENCE, call, running_loop


class Recorded(msgspec.Struct, frozen=True):
    """A request as the upstream got it: header names as sent, in order."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def header(self, name: str) -> bytes | None:
        """The value of a header, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower().encode()), None)


class Answered(msgspec.Struct, frozen=True):
    """An answer of the upstream. After `cut` chunks the connection is broken.

    A body in chunks is sent chunked. Each chunk is sent as soon as the iterable gives it, which may wait for the test.
    """

    status: int = 200
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
    body: bytes | Iterable[bytes] = b"{}"
    pause: float = 0.0
    """Seconds between two chunks, and before the head of an answer that has none."""
    cut: int | None = None
    until_close: bool = False
    """Whether the body has no length, and ends with the connection."""


class Upstream:
    """An HTTP/1.1 server on raw sockets that records every request, and notices when its caller goes away."""

    def __init__(self, answer: Callable[[Recorded], Answered]) -> None:
        self.requests: list[Recorded] = []
        self.gone = threading.Event()
        """Set when a caller closed its connection before it had its answer."""
        self.url = ""
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._stopping = False
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Close every connection, and wait until its task has noticed."""
        assert self._server is not None
        self._stopping = True
        for writer in self._connections.values():
            writer.transport.abort()
        # Nothing else runs in this loop, so these are the connections, and those that it is still accepting: it would
        # leave their sockets open if the server closed before.
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            _, late = await asyncio.wait(others, timeout=PATIENCE)
            if late:
                break
        self._server.close()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._stopping:
            writer.transport.abort()
        # Known from its first moment, so that `stop` misses none: what is cancelled instead complains on stderr.
        task = asyncio.ensure_future(self._connection(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                request = await _read(reader)
                self.requests.append(request)
                if not await self._reply(self._answer(request), reader, writer, request):
                    break

    async def _reply(
        self, answer: Answered, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Recorded
    ) -> bool:
        sending = asyncio.ensure_future(_send(answer, writer, head=request.method == "HEAD"))
        leaving = asyncio.ensure_future(_left(reader))
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            self.gone.set()
        leaving.cancel()
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            return await sending
        return False


async def _left(reader: asyncio.StreamReader) -> None:
    """Return when the other side has closed."""
    while not reader.at_eof():
        await asyncio.sleep(0.01)


async def _read(reader: asyncio.StreamReader) -> Recorded:
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head[:-4].split(b"\r\n")
    method, target, _ = start.split(b" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(b":") for line in lines))
    lower = {name.lower(): value for name, value in headers}
    if b"chunked" in lower.get(b"transfer-encoding", b""):
        body = b"".join([chunk async for chunk in _chunks(reader)])
    else:
        body = await reader.readexactly(int(lower.get(b"content-length", b"0")))
    return Recorded(method.decode(), target, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")


async def _send(answer: Answered, writer: asyncio.StreamWriter, *, head: bool) -> bool:
    """Send an answer; False where the connection must end after it."""
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in answer.headers)
    start = b"HTTP/1.1 %d X\r\n" % answer.status + lines
    if answer.until_close:
        await asyncio.sleep(answer.pause)
        body = answer.body if isinstance(answer.body, bytes) else b"".join(answer.body)
        writer.write(start + b"Connection: close\r\n\r\n" + (b"" if head else body))
        await writer.drain()
        return False
    if isinstance(answer.body, bytes):
        await asyncio.sleep(answer.pause)
        length = b"" if answer.status in (204, 304) else b"Content-Length: %d\r\n" % len(answer.body)
        writer.write(start + length + b"\r\n" + (b"" if head else answer.body))
        await writer.drain()
        return True
    writer.write(start + b"Transfer-Encoding: chunked\r\n\r\n")
    for n, chunk in enumerate(answer.body):
        if n == answer.cut:
            return False
        writer.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await writer.drain()
        await asyncio.sleep(answer.pause)
    if answer.cut is not None:
        return False
    writer.write(b"0\r\n\r\n")
    await writer.drain()
    return True


@contextlib.contextmanager
def upstream(answer: Callable[[Recorded], Answered] = lambda request: Answered()) -> Iterator[Upstream]:
    """A recording upstream; `answer` makes the answer to each request."""
    recording = Upstream(answer)
    with running_loop() as loop:
        call(loop, recording.start())
        try:
            yield recording
        finally:
            call(loop, recording.stop())
