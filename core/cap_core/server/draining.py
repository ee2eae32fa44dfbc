"""Closes keep-alive connections after their current response."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Collection
from math import inf
from typing import Any, Literal, Protocol

FRESH = 0.5
"""Seconds that a new connection has to send its first request: a few round trips, or a TLS handshake."""
QUIET = 0.2
"""Seconds without a request after which a kept-alive connection is closed, so that the next request is not cut off."""
LINGER = 0.5
"""Seconds that a peer has to confirm the end of a TLS connection, once everything has been sent."""
STEP = 0.01

_Phase = Literal["fresh", "busy", "idle", "closing"]
_PATIENCE: dict[_Phase, float] = {"fresh": FRESH, "idle": QUIET}


class Cycle(Protocol):
    """One request and its answer, as uvicorn's protocols keep it."""

    response_complete: bool


class Connection(Protocol):
    """The common attributes of uvicorn's HTTP protocols."""

    transport: asyncio.Transport
    cycle: Cycle | None


class Draining:
    """Closes each of a server's connections once its current response has been sent."""

    def __init__(self, connections: Collection[Any]) -> None:
        self._connections: Collection[Connection] = connections
        self._seen: dict[Connection, tuple[_Phase, float]] = {}

    @property
    def busy(self) -> int:
        """The number of connections on which an answer is still due, or incomplete."""
        return sum(_phase(c) == "busy" or c.transport.get_write_buffer_size() > 0 for c in self._connections)

    async def finish(self, *, at_least: float = 0.0) -> None:
        """Return when every connection is gone, and `at_least` seconds have passed."""
        loop = asyncio.get_running_loop()
        until = loop.time() + at_least
        while self._connections or loop.time() < until:
            for connection in list(self._connections):
                self._look(connection, loop.time())
            await asyncio.sleep(STEP)

    def abort(self) -> None:
        """Close every connection at once."""
        for connection in list(self._connections):
            connection.transport.abort()

    def _look(self, connection: Connection, now: float) -> None:
        phase = _phase(connection)
        before, since = self._seen.get(connection, (None, now))
        if phase != before:
            self._seen[connection] = (phase, now)
            return
        waited = now - since
        transport = connection.transport
        if phase == "closing":
            if waited > LINGER and not transport.get_write_buffer_size():
                transport.abort()
        # Bytes that have arrived and are not read yet belong to a request, which closing would lose.
        elif waited > _PATIENCE.get(phase, inf) and not _readable(transport):
            transport.close()


def _phase(connection: Connection) -> _Phase:
    if connection.transport.is_closing():
        return "closing"
    if connection.cycle is None:
        return "fresh"
    return "idle" if connection.cycle.response_complete else "busy"


def _readable(transport: asyncio.Transport) -> bool:
    poll = select.poll()
    poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))
