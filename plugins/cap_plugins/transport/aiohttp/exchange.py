"""One request on one of aiohttp's connections, and its response."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import aiohttp
from aiohttp.streams import EMPTY_PAYLOAD

from cap_core.errors import UpstreamError
from cap_core.plugins.messages import HttpResponse
from cap_plugins.transport.aiohttp.upload import upload
from cap_plugins.transport.http1.limits import SMALL_BODY

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection
    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

    from cap_core.plan.upstream import Timeouts
    from cap_core.plugins.messages import HttpRequest

# Not None, by which the pool recognizes a connection that was never used.
_NO_TIMEOUT: Final = 0.0

# For one line of a response's head; the parser's own 8 KiB are less than some upstreams put into one header.
_LONGEST_LINE: Final = 64 * 1024


class Exchange:
    """A request and its response; where the response's body is not small, also the stream of that body.

    Gives the connection back, or aborts it, as soon as the exchange ends or fails.
    """

    __slots__ = (
        "_closed",
        "_connection",
        "_error",
        "_head_timer",
        "_limits",
        "_message",
        "_payload",
        "_protocol",
        "_timer",
        "_upload",
        "_where",
    )

    _message: RawResponseMessage

    def __init__(self, connection: Connection, limits: Timeouts, where: str) -> None:
        protocol = connection.protocol
        assert protocol is not None  # None once a connection is given back
        self._protocol: ResponseHandler = protocol
        self._connection: Connection | None = connection
        self._limits = limits
        self._where = where
        self._payload: StreamReader | None = None
        self._upload: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] | None = None
        self._error: Exception | None = None

    async def run(self, head: bytes, request: HttpRequest, end: float | None) -> HttpResponse:
        """Send the request and return the response: with its whole body if that is small, else when the body begins.

        `end` is the time of the event loop by which all of it must be over. Raises `UpstreamError`.
        """
        try:
            self._begin(head, request, end)
            payload = await self._read_head()
            message = self._message
            headers = tuple([(name.lower(), value) for name, value in message.raw_headers])
            if payload.is_eof():
                body = payload.read_nowait()
            elif not message.chunked and int(message.headers.get("Content-Length", SMALL_BODY + 1)) <= SMALL_BODY:
                body = await payload.read()
            else:
                self._watch_chunks()
                return HttpResponse(message.code, headers, self)
            self._check_complete()
        except Exception as error:  # the library's and those of the request's body: `_failed` distinguishes them
            failure = await self._failed(error)
            raise failure from None
        except asyncio.CancelledError:
            await self.aclose()
            raise
        await self.aclose()
        return HttpResponse(message.code, headers, body)

    def __aiter__(self) -> Exchange:
        return self

    async def __anext__(self) -> bytes:
        if self._connection is None and self._error is None:
            raise StopAsyncIteration
        assert self._payload is not None  # the stream is handed out when the body has begun
        try:
            if data := await self._payload.readany():
                return data
            self._check_complete()
        except Exception as error:  # as in `run`
            failure = await self._failed(error)
            raise failure from None
        except asyncio.CancelledError:
            await self.aclose()
            raise
        await self.aclose()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Give the connection back if the exchange is complete, else abort it."""
        self._end()
        if self._upload is not None and not self._upload.done():
            self._upload.cancel()
            await asyncio.wait((self._upload,))

    # --- the request ----------------------------------------------------------------------------------------------

    def _begin(self, head: bytes, request: HttpRequest, end: float | None) -> None:
        protocol, body = self._protocol, request.body
        small = body if isinstance(body, bytes) and len(body) <= SMALL_BODY else None
        protocol.set_response_params(
            skip_payload=request.method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,
            # The head has a clock of its own: this one begins anew with every byte.
            read_timeout=_NO_TIMEOUT,
            read_bufsize=SMALL_BODY,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )
        transport = protocol.transport
        assert transport is not None  # the pool has just looked
        if small is None:
            transport.write(head)
            self._upload = asyncio.create_task(self._send(request, transport))
        else:
            transport.write(head + small)
            self._start_head_timeout()
        if end is not None:
            self._timer = asyncio.get_running_loop().call_at(end, self._expire)

    async def _send(self, request: HttpRequest, transport: asyncio.Transport) -> None:
        failure = None
        try:
            await upload(self._protocol, transport, request, self._limits.idle)
        except Exception as error:  # also the body's own, which concern whoever waits for the answer
            failure = error
        finally:
            if not isinstance(request.body, bytes):
                await request.body.aclose()
        if failure is None:
            if self._payload is None:
                self._start_head_timeout()
            else:
                self._start_read_timeout()
        else:
            self._fail(failure)

    # --- the response ---------------------------------------------------------------------------------------------

    async def _read_head(self) -> StreamReader:
        """Wait for the head of the response, past informational ones."""
        while True:
            message, payload = await self._protocol.read()
            if self._error is not None:
                raise self._error
            if message.code >= 200:
                break
            if message.code == 101:
                raise UpstreamError("garbage", f"{self._where} switched to another protocol")
        self._message, self._payload = message, payload
        if self._head_timer is not None:
            self._head_timer.cancel()
        if message.chunked or "Transfer-Encoding" in message.headers:
            self._check_coding()
        if self._is_sent():
            self._start_read_timeout()
        return payload

    def _check_coding(self) -> None:
        """Raise for a transfer coding that is not undone: its bytes would go on as if they were the content."""
        codings = ", ".join(self._message.headers.getall("Transfer-Encoding", ())).strip().lower()
        if codings != "chunked":
            raise UpstreamError("garbage", f"the answer of {self._where} has a transfer coding other than chunked")

    def _is_sent(self) -> bool:
        return self._upload is None or self._upload.done()

    def _start_head_timeout(self) -> None:
        """Start the time for the head of the response as a whole, with all that comes before it."""
        self._head_timer = asyncio.get_running_loop().call_later(self._limits.first_byte, self._expire_head)

    def _expire_head(self) -> None:
        limit = self._limits.first_byte
        self._fail(UpstreamError("idle", f"{self._where} sent no head of an answer within {limit:g} s"))

    def _start_read_timeout(self) -> None:
        """Start the time between two pieces of the body: the request has been sent."""
        protocol, payload = self._protocol, self._payload
        if payload is not None and not payload.is_eof():
            protocol.read_timeout = self._limits.idle
            # While reading is paused, it is the caller who is slow.
            if protocol.transport is not None and protocol.transport.is_reading():
                protocol.start_timeout()

    def _check_complete(self) -> None:
        """Raise for a body without a length whose connection broke: the parser takes it for complete."""
        message, ended = self._message, self._protocol.exception()
        if (
            message.should_close
            and isinstance(ended, aiohttp.ClientOSError)
            and not message.chunked
            and self._payload is not EMPTY_PAYLOAD
            and "Content-Length" not in message.headers
        ):
            raise ended

    def _watch_chunks(self) -> None:
        """Notice a malformed chunk: aiohttp 3.14 closes the connection, and its reader would wait for ever."""
        if self._message.chunked and (closed := self._protocol.closed) is not None:
            closed.remove_done_callback(_retrieve_exception)
            closed.add_done_callback(_retrieve_exception)
            closed.add_done_callback(self._malformed)
            self._closed = closed

    def _malformed(self, _: object) -> None:
        # The parser ends a body that came whole, and gives one that was cut short an exception.
        if self._payload is not None and not self._payload.is_eof() and self._payload.exception() is None:
            self._fail(UpstreamError("garbage", f"the body from {self._where} is not framed as it must be"))

    # --- the end --------------------------------------------------------------------------------------------------

    def _expire(self) -> None:
        if self._payload is None or not self._payload.is_eof():
            self._fail(UpstreamError("total", "the time for this call ran out before the answer was complete"))

    def _fail(self, error: Exception) -> None:
        """End the exchange from a timer or a task; the task that waits for the upstream gets `error`."""
        if self._connection is None:
            return
        self._error = error
        self._protocol.set_exception(error)
        if self._payload is not None:
            self._payload.set_exception(error)
        self._end()

    async def _failed(self, error: Exception) -> Exception:
        failure = self._error or self._as_upstream_error(error)
        await self.aclose()
        return failure

    def _as_upstream_error(self, error: Exception) -> UpstreamError:
        where = self._where
        if isinstance(error, UpstreamError):
            return error
        if isinstance(error, aiohttp.SocketTimeoutError):
            return UpstreamError("idle", f"{where} sent nothing for {self._limits.idle:g} s")
        if isinstance(error, aiohttp.ClientPayloadError) and not self._message.chunked:
            return UpstreamError("length", f"the body from {where} ended before the length it promised")
        if isinstance(error, aiohttp.ClientError):
            return UpstreamError("reset", f"{where} closed the connection before its answer was complete")
        return UpstreamError("garbage", f"what {where} sent is not HTTP")

    def _end(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._head_timer is not None:
            self._head_timer.cancel()
        if self._closed is not None:
            self._closed.remove_done_callback(self._malformed)
        if self._is_sent() and self._error is None and self._payload is not None and self._payload.is_eof():
            self._protocol.read_timeout = _NO_TIMEOUT
            self._protocol.start_timeout()  # which stops the clock
            connection.release()
        else:
            # Closing would first wait for what is still to be written, and for the other side of a TLS connection.
            self._protocol.abort()
            connection.close()


def _retrieve_exception(closed: asyncio.Future[None]) -> None:
    """Retrieve a connection's exception; asyncio logs those that nobody retrieved."""
    closed.exception()
