"""What one caller's connection may cost: how long its requests may take to arrive, and how many there may be.

All connections have the same time, so the one that began to wait first is the first that is due. One timer for all of
them is enough, and ten thousand that wait cost nothing.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from cap_core.logging.lazy_logger import get_logger

HEAD = 30.0
"""Seconds from the beginning of a connection, or of a later request on it, to the end of the request's head."""

BODY = 60.0
"""Seconds between two reads of a request's body."""

WANTED = 65536
"""Open files that the process asks for, if it may have as many."""

SPARE = 64
"""Descriptors, at least, that callers do not get: for upstreams, files and the listeners themselves."""

T = TypeVar("T")

_CROWDED, _CALM = 0.9, 0.8

_log = get_logger("cap.server")


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds for the head of a request, and between two reads of its body; the most connections, 0 for no limit."""

    head: float = HEAD
    body: float = BODY
    connections: int = 0


class Waiting(Generic[T]):
    """Calls `due` with everything that has waited for `seconds`."""

    __slots__ = ("_due", "_loop", "_seconds", "_since", "_timer")

    def __init__(self, seconds: float, due: Callable[[T], None]) -> None:
        self._seconds = seconds
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._since: dict[T, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def start(self, who: T) -> None:
        """Let something wait; what waits already goes on."""
        if who in self._since:
            return
        self._since[who] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(self._seconds, self._look)

    def restart(self, who: T) -> None:
        """Let something wait from now on."""
        self._since.pop(who, None)
        self.start(who)

    def stop(self, who: T) -> None:
        """Something waits no longer."""
        self._since.pop(who, None)

    def _look(self) -> None:
        self._timer = None
        now = self._loop.time()
        late = []
        for who, since in self._since.items():
            if since + self._seconds > now:
                self._timer = self._loop.call_at(since + self._seconds, self._look)
                break
            late.append(who)
        for who in late:
            del self._since[who]
        for who in late:
            self._due(who)


class Crowd:
    """Counts the callers' connections, so that they leave descriptors for upstreams."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._told = ""

    def has_room(self, count: int) -> bool:
        """Whether one more, which makes them `count`, may stay. Few are left, or none: the log says so once."""
        most = self._most
        if not most or count < most * _CALM:
            self._told = ""
            return True
        if count > most:
            self._tell("error", f"all {most} connections for callers are open; further callers are refused")
        elif count >= most * _CROWDED:
            self._tell("warning", f"{count} of {most} connections for callers are open")
        return count <= most

    def _tell(self, level: str, what: str) -> None:
        if self._told not in (level, "error"):
            self._told = level
            getattr(_log, level)(f"{what}; more open files (ulimit -n) let in more")


def caller_connections() -> int:
    """How many connections callers may have. Asks for as many open files as the process may have, up to `WANTED`."""
    if sys.platform == "win32":
        return 0
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft == resource.RLIM_INFINITY:
        return 0
    return soft - min(max(SPARE, soft // 4), soft // 2)
