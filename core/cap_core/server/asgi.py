"""What every raw ASGI endpoint needs: reading a body, answering, and noticing that the caller has gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import msgspec

from cap_core.errors import FieldError, Refusal, UpstreamError
from cap_core.logging.lazy_logger import get_logger

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from types import TracebackType

    from cap_core.plugins.context import Context
    from cap_core.plugins.messages import AsgiSend, Headers, Receive, Reply, Stream

_log = get_logger("cap.answer")

WATCH_AFTER = 0.05
"""Seconds after which a task starts to watch for a caller who goes away; most calls are over before that.

The timer costs 1-4 µs per request, a task from the start would cost 6-16 µs.
"""


_BODILESS = frozenset({*range(100, 200), 204, 304})
"""Statuses whose answers end with their head (RFC 9110, 6.4.1)."""


class CallerGone(Exception):
    """Raised if the caller has closed the connection, so that no answer can be sent."""


class Watch:
    """A context manager that cancels its task when the caller goes away, and raises `CallerGone` instead.

    Enter it once the request body has been read. The cancellation aborts the request to the upstream.
    """

    __slots__ = ("_gone", "_handle", "_receive", "_task", "_watcher")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(loop)
        self._handle = loop.call_later(WATCH_AFTER, self._start)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._handle.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None
        if self._gone and kind is asyncio.CancelledError:
            assert self._task is not None
            self._task.uncancel()
            raise CallerGone from None

    def _start(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if self._watcher is not None and self._task is not None:
            self._gone = True
            self._task.cancel()


def has_body(headers: dict[bytes, bytes]) -> bool:
    """Whether a request has a body, by its headers (RFC 9112, 6.3)."""
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip(b"0") != b""


async def read_body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    """The complete request body. Raises `Refusal` 413 above `limit` bytes, `CallerGone` if it does not arrive."""
    length = headers.get(b"content-length")
    if length is not None and length.isdigit() and int(length) > limit:
        raise _too_large(limit)
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise _too_large(limit)
        return body
    chunks, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise CallerGone
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


def _too_large(limit: int) -> Refusal:
    """The refusal of a body that is too large. The connection stays open, else the caller might lose this answer."""
    what = f"is larger than {limit} bytes"
    return Refusal(413, "too-large", f"body {what}", field_errors=(FieldError("body", what),))


class BodyStream:
    """A request body as it arrives, to be passed through. `done` is True once all of it has been read."""

    __slots__ = ("_receive", "done")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.done = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while not self.done:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            if not message.get("more_body"):
                self.done = True
            if chunk := message.get("body", b""):
                yield chunk

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


class EventStreams:
    """The open event streams. Most never end by themselves, so a gateway that stops has to end them."""

    def __init__(self) -> None:
        self._open: set[asyncio.Event] = set()
        self._ended = False

    def drain(self) -> None:
        """End every open stream, and every later one at once, as a complete HTTP answer."""
        self._ended = True
        for stop in self._open:
            stop.set()

    async def relay(self, body: Stream, send: AsgiSend) -> None:
        """Pass on a stream's parts until it ends, or until the gateway drains."""
        stop = asyncio.Event()
        if self._ended:
            stop.set()
        self._open.add(stop)
        stopping = asyncio.ensure_future(stop.wait())
        parts = aiter(body)
        part: asyncio.Future[bytes | None] | None = None
        try:
            while not stop.is_set():
                part = asyncio.ensure_future(_next(parts))
                await asyncio.wait((part, stopping), return_when=asyncio.FIRST_COMPLETED)
                if not part.done() or (chunk := part.result()) is None:
                    break
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            stopping.cancel()
            self._open.discard(stop)
            if part is not None and not part.done():
                part.cancel()
                await asyncio.wait((part,))  # the body must not be closed while it is being read


async def _next(parts: AsyncIterator[bytes]) -> bytes | None:
    return await anext(parts, None)


def _is_events(headers: Headers) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/event-stream") for name, value in headers)


async def answer(
    send: AsgiSend,
    reply: Reply,
    *,
    head: bool = False,
    streams: EventStreams | None = None,
    context: Context | None = None,
) -> None:
    """Send an answer; an event stream ends when `streams` drains. `context` is that of the call, for the log.

    If a stream breaks, the answer stays incomplete: the server then closes the connection, by which the caller notices
    (`docs/semantics.md`, the response).
    """
    body = reply.body
    if reply.status in _BODILESS:
        reply, head = _without_body(reply), True
    if isinstance(body, bytes):
        headers = reply.headers
        if (body or not head) and reply.status not in _BODILESS and not _sized(headers):
            headers = (*headers, (b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else body})
        return
    try:
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        if not head and streams is not None and _is_events(reply.headers):
            await streams.relay(body, send)
        elif not head:
            async for chunk in body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    except UpstreamError as error:
        cut_short(error, context)
    finally:
        await body.aclose()


def cut_short(error: UpstreamError, context: Context | None) -> None:
    """Log that an upstream's answer began and did not end."""
    about = {"call": context.call, "request_id": context.id} if context is not None else {}
    _log.warning("answer cut short", kind=error.kind, detail=error.detail, **about)


def _sized(headers: Headers) -> bool:
    for name, _ in headers:  # noqa: SIM110  (any() over a generator takes four times as long)
        if name == b"content-length":
            return True
    return False


def _without_body(reply: Reply) -> Reply:
    """A reply of a status without a body; its length, if it has one, is that of another answer (RFC 9110, 8.6)."""
    headers = tuple(header for header in reply.headers if header[0] != b"content-length")
    return msgspec.structs.replace(reply, headers=headers)
