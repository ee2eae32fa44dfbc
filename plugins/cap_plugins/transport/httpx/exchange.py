"""One request through httpcore's pool, and its response."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, TypeVar

import httpcore

from cap_core.errors import UpstreamError
from cap_core.plugins.messages import HttpResponse
from cap_plugins.transport.http1.connection_errors import failure_reason
from cap_plugins.transport.http1.limits import SMALL_BODY
from cap_plugins.transport.http1.request_body import pieces
from cap_plugins.transport.http1.request_head import header_fields
from cap_plugins.transport.httpx.network import ConnectionEnded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from cap_core.plan.upstream import Timeouts
    from cap_core.plugins.messages import HttpRequest
    from cap_plugins.transport.http1.first_hop import Address, Hop

T = TypeVar("T")

_ERRORS = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError)


def url_of(address: Address, target: bytes) -> httpcore.URL:
    """A URL whose target is sent as it is."""
    return httpcore.URL(scheme=address.scheme, host=address.host, port=address.port, target=target)


class Exchange:
    """A request and its response; where the response's body is not small, also the stream of that body.

    `end` is the time of the event loop by which all of it must be over.
    """

    def __init__(self, pool: httpcore.AsyncConnectionPool, hop: Hop, limits: Timeouts, end: float | None) -> None:
        self._pool = pool
        self._hop = hop
        self._limits = limits
        self._end = end
        self._timeouts = {
            "pool": limits.connect,
            "connect": limits.connect,
            "write": limits.idle,
            "read": limits.first_byte,
        }
        self._sent = False
        self._length: int | None = None
        self._chunked = False
        self._done = False
        self._limit: asyncio.Timeout | None = None
        self._head_ends = False
        self._parts: AsyncIterator[bytes]
        self._stream: Any  # httpcore's type for it lacks `aclose`

    async def run(self, request: HttpRequest) -> HttpResponse:
        """Send the request and return the response: with its whole body if that is small, else when the body begins.

        Raises `UpstreamError`.
        """
        response = await self._send(request)
        self._stream = response.stream
        self._parts = aiter(self._stream)
        self._timeouts["read"] = self._limits.idle
        if response.status == 101:
            await self.aclose()
            raise UpstreamError("garbage", f"{self._hop.where} switched to another protocol")
        headers = tuple([(name.lower(), value) for name, value in response.headers])
        lengths = [value for name, value in headers if name == b"content-length"]
        if request.method == "HEAD" or response.status in (204, 304):
            self._length = 0
        elif lengths:
            self._length = int(lengths[0])
        codings = b", ".join(value for name, value in headers if name == b"transfer-encoding").strip().lower()
        self._chunked = bool(codings)
        if codings not in (b"", b"chunked"):
            await self.aclose()
            what = f"the answer of {self._hop.where} has a transfer coding other than chunked"
            raise UpstreamError("garbage", what)
        if self._length is None or self._length > SMALL_BODY:
            return HttpResponse(response.status, headers, self)
        async with aclosing(self):
            return HttpResponse(response.status, headers, b"".join([part async for part in self]))

    async def _send(self, request: HttpRequest) -> httpcore.Response:
        hop = self._hop
        head = header_fields(request, hop.host)
        if hop.prefix:
            head = (*hop.headers, *head)
        # h11 takes no space around a value, which is not part of it.
        async with aclosing(pieces(request)) as content:
            outgoing = httpcore.Request(
                request.method,
                url_of(hop.to, hop.prefix + request.target),
                headers=[(name, value.strip(b" \t")) for name, value in head],
                content=content,
                extensions={"timeout": self._timeouts, "trace": self._trace},
            )
            try:
                return await self._within(self._pool.handle_async_request(outgoing))
            except _ERRORS as error:
                raise self._as_upstream_error(error) from None

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event == "http11.send_request_headers.started" and info["request"].method != b"CONNECT":
            self._sent = True
        elif event == "http11.receive_response_headers.started" and self._sent:
            # The head as a whole; httpcore's own clock begins anew with every byte.
            head_end = asyncio.get_running_loop().time() + self._limits.first_byte
            if self._limit is not None and (self._end is None or head_end < self._end):
                self._limit.reschedule(head_end)
                self._head_ends = True

    def __aiter__(self) -> Exchange:
        return self

    async def __anext__(self) -> bytes:
        if self._done:
            raise StopAsyncIteration
        try:
            return await self._within(anext(self._parts))
        except StopAsyncIteration:
            await self.aclose()
            raise
        except ConnectionEnded as error:
            if self._length is None and not self._chunked:
                raise StopAsyncIteration from None
            raise self._as_upstream_error(error) from None
        except _ERRORS as error:
            raise self._as_upstream_error(error) from None

    async def aclose(self) -> None:
        """Give the connection back if the exchange is complete, else abort it."""
        self._done = True
        await self._stream.aclose()

    async def _within(self, work: Awaitable[T]) -> T:
        self._head_ends = False
        try:
            async with asyncio.timeout_at(self._end) as limit:
                self._limit = limit
                return await work
        except TimeoutError:
            if not limit.expired():
                raise  # from the request's own body
            if self._head_ends:
                what = f"{self._hop.where} sent no head of an answer within {self._limits.first_byte:g} s"
                raise UpstreamError("idle", what) from None
            what = "the time for this call ran out before the answer was complete"
            raise UpstreamError("total", what, sent=self._sent) from None

    def _as_upstream_error(self, error: Exception) -> UpstreamError:
        where, limits = self._hop.where, self._limits
        if not self._sent:
            if isinstance(error, httpcore.TimeoutException):
                return UpstreamError("connect", f"no connection to {where} within {limits.connect:g} s", sent=False)
            if isinstance(error, httpcore.ProxyError):
                what = f"{where} cannot be reached: the proxy answered {str(error)[:3]}"
                return UpstreamError("refused", what, sent=False)
            return UpstreamError("refused", f"{where} cannot be reached: {failure_reason(error)}", sent=False)
        if isinstance(error, httpcore.TimeoutException):
            return UpstreamError("idle", f"{where} sent nothing for {self._timeouts['read']:g} s")
        if isinstance(error, httpcore.ProtocolError):
            return UpstreamError("garbage", f"what {where} sent is not HTTP")
        if self._length is not None:
            return UpstreamError("length", f"the body from {where} ended before the length it promised")
        return UpstreamError("reset", f"{where} closed the connection before its answer was complete")
