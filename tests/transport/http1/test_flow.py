"""Flow: a slow reader on one side slows down the writer on the other, and memory stays where it is."""

import asyncio
import resource
from contextlib import contextmanager
from pathlib import Path

import pytest

MB = 1024 * 1024
PIECE = b"x" * 65536


@contextmanager
def little_memory(limit):
    """Fail if the process grows by more than `limit` MB."""
    pages = resource.getpagesize()

    def size():
        return int(Path("/proc/self/statm").read_text().split()[1]) * pages // MB

    before = size()
    yield
    grown = size() - before
    assert grown < limit, f"grown by {grown} MB"


async def stuck(counter):
    """Wait until `counter` stands still."""
    last = -1
    while last != counter[0]:
        last = counter[0]
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("head", [b"Content-Length: 524288000\r\n", b"Transfer-Encoding: chunked\r\n", b""], ids=repr)
async def test_a_download_of_500_mb_waits_for_its_reader(transport, serve, get, head):
    sent = [0]
    piece = b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if b"chunked" in head else PIECE

    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\n%b\r\n" % head)
        try:
            for _ in range(500 * MB // len(PIECE)):
                await peer.send(piece)
                sent[0] += len(PIECE)
        except ConnectionError:
            pass

    async with serve(script) as server, transport.open(server.upstream()) as send:
        with little_memory(40):
            response = await get(send)
            pieces = aiter(response.body)
            await anext(pieces)
            await stuck(sent)
            assert sent[0] < 40 * MB

            read = 0
            while read < 60 * MB:
                read += len(await anext(pieces))
            await stuck(sent)
            assert read < sent[0] < read + 40 * MB
            await response.body.aclose()


class Endless:
    """A body of 500 MB that counts what is taken of it."""

    def __init__(self):
        self.taken = [0]

    async def __aiter__(self):
        for _ in range(500 * MB // len(PIECE)):
            self.taken[0] += len(PIECE)
            yield PIECE

    async def aclose(self):
        pass


@pytest.mark.parametrize("length", [500 * MB, None])
async def test_an_upload_of_500_mb_waits_for_the_upstream(transport, serve, get, length):
    body = Endless()
    more = asyncio.Event()

    async def script(peer):
        await peer.head()
        await more.wait()
        for _ in range(60):
            await peer.read(MB)
        more.clear()
        await more.wait()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        with little_memory(40):
            call = asyncio.create_task(get(send, "PUT", body=body, length=length))
            await stuck(body.taken)
            assert body.taken[0] < 40 * MB

            more.set()
            while more.is_set():
                await asyncio.sleep(0.01)
            await stuck(body.taken)
            assert 60 * MB < body.taken[0] < 100 * MB
            call.cancel()
            await asyncio.wait([call])
