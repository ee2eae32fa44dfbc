"""uvicorn's HTTP protocol, with limits to a request's size and time, and with refusals that spoil no other answer."""

from __future__ import annotations

import asyncio
from typing import Any, Final, Literal

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from cap_core.errors import Refusal
from cap_core.server import wire_refusals
from cap_core.server.connection_limits import ConnectionLimits, Crowd, Waiting

MAX_HEAD = 64 * 1024
"""Bytes of a request line and its headers; other servers accept 8 to 32 KB by default."""

LINGER = 1.0
"""Seconds in which a refused caller may still send: closing at once would cost it the answer."""

_SLASH: Final = ord("/")


class Callers:
    """What all connections of a server share: the limits, and who waits."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self.crowd = Crowd(limits.connections)
        self.heads: Waiting[Protocol] = Waiting(limits.head, Protocol.head_is_late)
        self.bodies: Waiting[Protocol] = Waiting(limits.body, Protocol.body_is_late)


class _Refused(Exception):
    """Raised inside of the parser's callbacks, which ends the parsing of a connection."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, callers: Callers, **given: Any) -> None:
        super().__init__(**given)
        self._callers = callers
        self._reading: Literal["nothing", "head", "body"] = "nothing"
        self._fields = 0
        """Bytes of the current head in its target and complete fields."""
        self._packets = 0
        """Bytes of the current head or trailer in packets that held nothing else; -1 before its first one has ended."""
        self._begun = 0
        """How many heads have begun in the current packet."""
        self._why: Refusal | None = None
        self._refused = False
        self._due: Refusal | None = None
        """A refusal that waits for the answers to earlier requests."""
        self._earlier: RequestResponseCycle | None = None

    # --- what the transport says -------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A caller has connected."""
        super().connection_made(transport)
        if self._callers.crowd.has_room(len(self.connections)):
            self._callers.heads.start(self)
        else:
            self._end_with(wire_refusals.CROWDED, linger=False)  # it holds a descriptor that others need

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._callers.heads.stop(self)
        self._callers.bodies.stop(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless a request has been refused or has become too large."""
        if self._has_ended():
            return
        began = self._reading == "nothing"
        self._begun = 0
        self._unset_keepalive_if_required()
        self._parse(data)
        if self._has_ended():
            return
        if self._reading != "nothing":
            self._count(len(data), alone=began and self._begun == 1)
        elif not self._is_answering():
            self._callers.heads.start(self)  # blank lines, which may stand before a request

    def _parse(self, data: bytes) -> None:
        while data:
            try:
                self.parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                # No other protocol is spoken here, and a request may be answered as if it had not asked for one.
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's
                data = data[upgrade.args[0] :]
            except httptools.HttpParserError:
                self._refuse(self._why or wire_refusals.MALFORMED)
                return

    def _count(self, size: int, *, alone: bool) -> None:
        """Count what has arrived of a request that is not whole yet; `alone` if its packet held nothing else.

        Where in a packet a later head begins is not known. Of that one only what is complete is counted at first.
        """
        first = 0
        if self._reading == "body":
            self._callers.bodies.restart(self)
        elif self._packets < 0:
            self._callers.heads.start(self)
            first = size if alone else 0
        self._packets = first if self._packets < 0 else self._packets + size
        if self._packets > MAX_HEAD:
            self._refuse(wire_refusals.LARGE_HEAD)

    # --- what the parser says ----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """A head begins."""
        self._reading, self._fields, self._packets = "head", 0, -1
        self._begun += 1
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """A part of the target."""
        super().on_url(url)
        if len(self.url) > MAX_HEAD:
            self._stop(wire_refusals.LONG_TARGET)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header. Fields of a trailer, which come after the head, are dropped."""
        if self._reading == "head":
            self._fields += len(name) + len(value) + 4
            if self._fields + len(self.url) > MAX_HEAD:
                self._stop(wire_refusals.LARGE_HEAD)
            name = name.lower()
            if name == b"expect":
                self.expect_100_continue = value.lower() == b"100-continue"
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                self._stop(wire_refusals.UNKNOWN_CODING)
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """A head ends."""
        self._callers.heads.stop(self)
        if self.url[0] != _SLASH:
            self._use_authority()
        self._earlier = self.cycle
        super().on_headers_complete()
        self._reading, self._packets = "body", -1

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._packets = -1
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request ends."""
        self._reading = "nothing"
        self._callers.bodies.stop(self)
        super().on_message_complete()

    def _use_authority(self) -> None:
        """Take the host of a target that is a whole URL, which counts before the Host header (RFC 9112, 3.2.2)."""
        scheme, colon, rest = self.url.partition(b"://")
        if self.url == b"*":
            return
        if not colon or scheme.lower() not in (b"http", b"https"):
            self._stop(wire_refusals.NOT_HTTP)
        end = min((at for at in (rest.find(b"/"), rest.find(b"?"), rest.find(b"#")) if at >= 0), default=len(rest))
        authority, target = rest[:end], rest[end:]
        self.url = target if target[:1] == b"/" else b"/" + target
        self.headers[:] = [(name, authority if name == b"host" else value) for name, value in self.headers]

    # --- refusing ----------------------------------------------------------------------------------------------------

    def _stop(self, why: Refusal) -> None:
        """Refuse a request from inside of a callback."""
        self._why = why
        raise _Refused

    def head_is_late(self) -> None:
        """Refuse a head that has taken too long, unless an earlier request is still being answered."""
        if self._is_answering():
            self._callers.heads.start(self)
        elif self._reading == "nothing":
            self.transport.close()
        else:
            self._refuse(wire_refusals.LATE)

    def body_is_late(self) -> None:
        """Refuse a request whose body does not go on, unless it is we who do not read on."""
        if self.flow.read_paused:
            self._callers.bodies.start(self)
        else:
            self._refuse(wire_refusals.LATE)

    def _has_ended(self) -> bool:
        return self._refused

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _refuse(self, why: Refusal) -> None:
        """End the connection with this answer, once every earlier request has its own."""
        self._refused = True
        self._callers.heads.stop(self)
        self._callers.bodies.stop(self)
        if self._reading == "body" and self._is_answering():
            if self.pipeline:  # it has not begun
                self.pipeline.popleft()
                assert self._earlier is not None
                self.cycle = self._earlier
            elif self.cycle.response_started:
                self.transport.abort()
                return
            else:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
                self._end_with(why)
                return
        if self._is_answering():
            self._due = why
        else:
            self._end_with(why)

    def on_response_complete(self) -> None:
        """An answer has been sent."""
        super().on_response_complete()
        if self._due is not None and not self._is_answering() and not self.transport.is_closing():
            self._end_with(self._due)

    def _end_with(self, why: Refusal, *, linger: bool = True) -> None:
        if self.transport.is_closing():
            return
        self._refused = True
        self._unset_keepalive_if_required()
        self.transport.write(wire_refusals.as_bytes(why, self.server_state.default_headers))
        if linger and self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER, self.transport.close)
        else:
            self.transport.close()
