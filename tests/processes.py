"""The command line as people run it: a process of its own, in an empty directory, with a clean environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

PATIENCE = 20.0


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CAP_")}
    return {**kept, "NO_COLOR": "1", "COLUMNS": "120", **extra}


Cap = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cap(tmp_path: Path) -> Cap:
    """Run `cap` to its end, in an empty directory."""

    def run(
        *arguments: object, stdin: str = "", cwd: Path | None = None, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "cap_core", *map(str, arguments)],
            cwd=cwd or tmp_path,
            env=environment(extra),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    return run


class Process:
    """A server that runs; `lines` are those of its stderr so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._more = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._more:
                self.lines.append(line.rstrip("\n"))
                self._more.notify_all()
        with self._more:
            self._more.notify_all()

    def wait_for(self, text: str) -> str:
        """The first line that has `text` in it."""
        end = time.monotonic() + PATIENCE
        with self._more:
            while True:
                for line in self.lines:
                    if text in line:
                        return line
                if time.monotonic() > end or not self._reader.is_alive():
                    raise AssertionError(f"no line with {text!r} in {self.lines}")
                self._more.wait(0.1)

    @property
    def url(self) -> str:
        """The first address it listens on."""
        found = re.search(r"https?://[\w.:\[\]]+:\d+", "\n".join(self.lines))
        assert found, self.lines
        return found[0]

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for the end, and give the exit code."""
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code


Serving = Callable[..., contextlib.AbstractContextManager[Process]]


@pytest.fixture
def started(tmp_path: Path) -> Serving:
    """Start a program and wait for its ready line; it is stopped at the end where it still runs."""

    @contextlib.contextmanager
    def start(*command: object, ready: str = "ready", **extra: str) -> Iterator[Process]:
        with subprocess.Popen(
            [sys.executable, *map(str, command)],
            cwd=tmp_path,
            env=environment(extra),
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as popen:
            process = Process(popen)
            try:
                process.wait_for(ready)
                yield process
            finally:
                if popen.poll() is None:
                    popen.kill()
                process.ended()

    return start


@pytest.fixture
def serving(started: Serving) -> Serving:
    """Start `cap serve`."""

    def start(*arguments: object, **extra: str) -> contextlib.AbstractContextManager[Process]:
        return started("-m", "cap_core", "serve", *arguments, **extra)

    return start


@pytest.fixture
def free_ports() -> Callable[[int], list[int]]:
    """Ports that nothing listens on."""

    def find(count: int) -> list[int]:
        with contextlib.ExitStack() as stack:
            held = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
            return [one.getsockname()[1] for one in held]

    return find


class Load:
    """Clients that ask without pause; half of them keep their connections, half open one for each request.

    A client ends when its connection is refused: then nobody listens any more. Whatever else goes wrong is a failure.
    """

    def __init__(self, port: int, path: str) -> None:
        self.port = port
        self.path = path
        self.answered = 0
        self.failures: list[str] = []
        self.statuses: set[bytes] = set()
        self.ending = False

    def wait_for(self, answers: int) -> None:
        """Return when so many have been given, or none comes any more."""
        end = time.monotonic() + PATIENCE
        while self.answered < answers and not self.failures:
            assert time.monotonic() < end, f"{self.answered} of {answers} answers"
            time.sleep(0.01)

    async def run(self, clients: int, work: Callable[[], object]) -> None:
        """Ask until `work`, done in a thread, has ended and every client has."""
        tasks = [asyncio.ensure_future(self._client(keep=bool(n % 2))) for n in range(clients)]
        await asyncio.to_thread(work)
        self.ending = True
        await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE)

    async def _client(self, *, keep: bool) -> None:
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        while not self.ending:
            if streams is None:
                try:
                    streams = await asyncio.open_connection("127.0.0.1", self.port)
                except OSError:
                    return
            try:
                closing = await self._ask(*streams, keep=keep)
            except (OSError, EOFError) as error:
                self.failures.append(f"{type(error).__name__}: {error}")
                return
            if closing:
                streams[1].close()
                streams = None
        if streams is not None:
            streams[1].close()

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, keep: bool) -> bool:
        close = "" if keep else "Connection: close\r\n"
        writer.write(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n{close}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = re.search(rb"content-length: (\d+)", head)
        if length is not None:
            await reader.readexactly(int(length[1]))
        else:
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
            await reader.readline()
        self.answered += 1
        self.statuses.add(head.split(b" ")[1])
        return b"connection: close" in head


@pytest.fixture
def load() -> Callable[[str, str], Load]:
    """Clients for an address."""

    def make(url: str, path: str = "/") -> Load:
        return Load(int(url.rpartition(":")[2]), path)

    return make
