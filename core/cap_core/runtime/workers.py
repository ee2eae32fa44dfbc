"""The processes that work on large answers, so that serving others never waits for it.

Threads would not do: Python runs one at a time, several C libraries do not let go of it for seconds, and a thread
cannot be stopped. A process can: when its caller leaves, or when it takes too long. Processes are started when
the first large answer comes, and end when none has come for a while.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from typing import Final

import msgspec

from cap_core.errors import Refusal
from cap_core.runtime.failures import malformed
from cap_core.runtime.worker import BYTES, FAILED, REFUSED, REPLY, REQUEST, TOO_LARGE, UNKNOWN, Refused, UnknownWork

MOST: Final = 2
"""Processes at one time; further answers wait for one."""
SECONDS: Final = 10.0
"""Seconds of processor time that the work on one answer may take."""
PATIENCE: Final = 60.0
"""Seconds that it may take on a machine where others work too."""
IDLE: Final = 10.0
"""Seconds after which a process that has nothing to do is ended, and its memory given back."""
LARGEST: Final = 24 * 1024 * 1024
"""Bytes of the largest result."""

_PASSED: Final = ("PATH", "PYTHONPATH", "PYTHONHOME", "LANG", "LC_ALL", "TMPDIR")
"""The variables that a process gets: those by which Python finds its modules, and no other, which may be secret."""


class WorkError(Exception):
    """Raised for work that cannot be done within its bounds; the message says why."""


class WorkFault(Exception):
    """Raised for work that fails as no work should; the message is the kind of its exception."""


class _Worker:
    """One process, and the connection to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "cap_core.runtime.worker"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _PASSED if name in os.environ},
                process_group=0,  # a Ctrl-C is for the gateway, which ends its calls first
            )
        self._socket = ours
        self._writer: asyncio.StreamWriter | None = None
        self._reader: asyncio.StreamReader | None = None

    async def ask(self, job: bytes, body: bytes, seconds: float) -> tuple[bytes, bytes]:
        """The kind of the reply, and the reply. Raises `OSError` or `EOFError` where the process ended."""
        if self._writer is None or self._reader is None:
            self._reader, self._writer = await asyncio.open_connection(sock=self._socket)
        self._writer.write(REQUEST.pack(len(job), len(body), seconds) + job)
        self._writer.write(body)
        await self._writer.drain()
        kind, length = REPLY.unpack(await self._reader.readexactly(REPLY.size))
        if length > LARGEST:
            raise WorkError(f"what is read from it takes more than {LARGEST} bytes")
        return kind, await self._reader.readexactly(length)

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        if self._writer is not None:
            self._writer.transport.abort()
        else:
            self._socket.close()
        self._process.wait()  # a killed process ends at once


class Workers:
    """The processes of one gateway. They belong to one event loop."""

    def __init__(self, *, most: int = MOST, seconds: float = SECONDS, idle: float = IDLE) -> None:
        self._free = asyncio.Semaphore(most)
        self._seconds = seconds
        self._keep = idle
        self._idle: dict[_Worker, asyncio.TimerHandle] = {}

    async def run(self, job: bytes, body: bytes, deadline: float | None = None) -> bytes:
        """What a job (`worker.make_job`) makes of a body, until `deadline`, a time of the event loop.

        Raises `WorkError` for work that takes too much, `UnknownWork` where the processes do not have its code, the
        work's own `Refusal`, and `WorkFault` for anything else. If the task is cancelled, the work is stopped.
        """
        try:
            async with asyncio.timeout_at(deadline), self._free, asyncio.timeout(PATIENCE):
                kind, reply = await self._ask(job, body)
        except TimeoutError:
            raise WorkError("reading it takes too long") from None
        if kind == BYTES:
            return reply
        if kind == REFUSED:
            told = msgspec.json.decode(reply, type=Refused)
            raise Refusal(told.status, told.code, told.detail, hint=told.hint)
        if kind == TOO_LARGE:
            raise WorkError("reading it takes too much memory")
        raise UnknownWork if kind == UNKNOWN else WorkFault(reply.decode())

    async def _ask(self, job: bytes, body: bytes) -> tuple[bytes, bytes]:
        worker = self._taken()
        try:
            kind, reply = await worker.ask(job, body, self._seconds)
        except (OSError, EOFError):
            worker.end()
            raise WorkError("reading it takes too long") from None
        except BaseException:
            worker.end()
            raise
        if kind in (TOO_LARGE, FAILED):
            worker.end()  # what it holds of the memory is not known
        else:
            self._idle[worker] = asyncio.get_running_loop().call_later(self._keep, self._retire, worker)
        return kind, reply

    def _taken(self) -> _Worker:
        if not self._idle:
            return _Worker()
        worker, timer = self._idle.popitem()
        timer.cancel()
        return worker

    def _retire(self, worker: _Worker) -> None:
        del self._idle[worker]
        worker.end()

    def close(self) -> None:
        """End the processes that have nothing to do; those that work end with the calls they work for."""
        while self._idle:
            self._taken().end()


async def in_worker(workers: Workers, job: bytes, body: bytes, deadline: float | None, namespace: str) -> bytes:
    """What a job makes of an answer. Raises `Refusal` and `UnknownWork`."""
    try:
        return await workers.run(job, body, deadline)
    except WorkError as error:
        raise malformed(namespace, f"the answer of {len(body)} bytes cannot be read: {error}") from None
