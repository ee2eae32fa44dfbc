"""Each transport on each event loop, and a server on a raw socket that records what it is sent, byte for byte."""

import asyncio
import importlib
import inspect
import socket
import struct
from contextlib import asynccontextmanager

import pytest
import uvloop

from cap_core.plan.upstream import Timeouts, Upstream
from cap_core.plugins.context import Context
from cap_core.plugins.messages import HttpRequest
from cap_core.plugins.transport import TransportContext

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Opening:
    """A transport opened for an upstream alone: nothing else matters to one that is shared."""

    def __init__(self, offer):
        self.open = lambda upstream: offer.open(TransportContext(upstream=upstream))


@pytest.fixture(params=["aiohttp", "httpx"])
def transport(request):
    """One transport; every test of the contract runs with each."""
    offer = importlib.import_module(f"cap_plugins.transport.{request.param}").cap_transports()[0]
    return Opening(offer)


@pytest.fixture(autouse=True, params=LOOPS)
def runner(request):
    """What a coroutine test is run by."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Run a coroutine test, for at most 20 seconds."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}

    async def bounded():
        async with asyncio.timeout(20):
            await pyfuncitem.obj(**arguments)

    pyfuncitem.funcargs["runner"].run(bounded())
    return True


class Peer:
    """One connection as the upstream sees it."""

    def __init__(self, server, reader, writer):
        self._server = server
        self.reader = reader
        self.writer = writer
        self.port = writer.get_extra_info("peername")[1]

    async def head(self):
        """The next request's head, without the blank line; None where the connection ends instead."""
        try:
            head = (await self.reader.readuntil(b"\r\n\r\n"))[:-4]
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        self._server.heads.append(head)
        self._server.ports.append(self.port)
        return head

    async def read(self, size):
        """Exactly so many bytes of a body."""
        return await self.reader.readexactly(size)

    async def until(self, mark):
        """Everything up to and with `mark`."""
        return await self.reader.readuntil(mark)

    async def rest(self):
        """Everything until the connection ends."""
        return await self.reader.read()

    async def send(self, data):
        """Send bytes, and wait until they are on their way."""
        self.writer.write(data)
        await self.writer.drain()

    async def gone(self):
        """Return True once the other side has ended the connection."""
        try:
            while await self.reader.read(65536):
                pass
        except ConnectionError:
            pass
        return True

    async def stall(self):
        """Read and send nothing more until the server ends."""
        await asyncio.Event().wait()

    def reset(self):
        """Tear the connection down, as a crash does."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    def close(self):
        """End the connection in order."""
        self.writer.close()


class Server:
    """An upstream: every connection is given to `script`."""

    def __init__(self, port, host="127.0.0.1"):
        self.host = host
        self.port = port
        self.heads = []
        """The heads of all requests, in order."""
        self.ports = []
        """The client port that each came from."""
        self.connections = 0

    def upstream(self, **changes):
        """This server as a plan names it; `connect`, `first_byte`, `idle` and `total` are its timeouts."""
        limits = {name: changes.pop(name) for name in Timeouts.__struct_fields__ if name in changes}
        values = {"scheme": "http", "host": self.host, "port": self.port, "timeouts": Timeouts(**limits)} | changes
        return Upstream(**values)


@asynccontextmanager
async def serving(script, *, host="127.0.0.1", ssl=None):
    """Run a server; an error in the script fails the test."""
    tasks = []

    async def run(peer):
        try:
            await script(peer)
        finally:
            peer.close()

    def accepted(reader, writer):
        server.connections += 1
        tasks.append(asyncio.create_task(run(Peer(server, reader, writer))))

    listener = await asyncio.start_server(accepted, host, 0, ssl=ssl)
    server = Server(listener.sockets[0].getsockname()[1], host)
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result


@pytest.fixture
def serve():
    """Run `script(peer)` for every connection: `async with serve(script) as server`."""
    return serving


@pytest.fixture
def answering():
    """A script that answers every request with the same bytes, after reading `body` bytes of it."""

    def make(answer, body=0):
        async def script(peer):
            while await peer.head() is not None:
                await peer.read(body)
                await peer.send(answer)

        return script

    return make


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def ok(answering):
    """A script that answers every request with a small 200."""
    return answering(OK)


class Bytes:
    """A stream of given pieces; what stands in it may also be awaited or raised."""

    def __init__(self, *pieces):
        self._pieces = iter(pieces)
        self.closed = 0

    async def __aiter__(self):
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            if inspect.isawaitable(piece):
                await piece
            else:
                yield piece

    async def aclose(self):
        self.closed += 1


@pytest.fixture
def stream():
    """Make a request body that arrives piece by piece."""
    return Bytes


@pytest.fixture
def get():
    """Send a request, `GET /` unless told otherwise."""

    async def call(send, method="GET", target=b"/", headers=(), body=b"", length=None, within=None):
        deadline = None if within is None else asyncio.get_running_loop().time() + within
        return await send(HttpRequest(method, target, headers, body, length), Context("rest", deadline=deadline))

    return call


@pytest.fixture
def whole():
    """Read a response's body to its end."""

    async def read(response):
        if isinstance(response.body, bytes):
            return response.body
        return b"".join([piece async for piece in response.body])

    return read
