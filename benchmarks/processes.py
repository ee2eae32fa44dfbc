"""Child processes: started on a core of their own, watched through /proc, and ended whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from benchmarks.samples import Asked, send

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PATIENCE = 30.0
_LAST_WORDS = 2_000


class Failure(Exception):
    """Why nothing can be measured, in one line."""


@contextlib.contextmanager
def split_cores() -> Iterator[int | None]:
    """Keep to one core, with every child that is not put elsewhere, and give another; None where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        yield None
        return
    os.sched_setaffinity(0, {allowed[0]})
    try:
        yield allowed[1]
    finally:
        os.sched_setaffinity(0, allowed)


def busy(core: int | None) -> float:
    """Seconds that a core, or all of them, has worked for whomever, or was taken away by the machine's host."""
    name = "cpu" if core is None else f"cpu{core}"
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"{name} "))
    user, nice, system, _, _, irq, softirq, steal, *_ = (int(field) for field in line.split()[1:])
    return (user + nice + system + irq + softirq + steal) / _TICKS


def free_port() -> int:
    """A port of loopback that nobody has."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Child:
    """A running server."""

    def __init__(
        self, process: subprocess.Popen[bytes], name: str, port: int, log: Path, core: int | None = None
    ) -> None:
        self.name = name
        self.port = port
        self.core = core
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ready(self, asked: Asked, pause: float = 0.02) -> None:
        """Wait until it answers with 200. Raises `Failure`, with its last words, where it does not."""
        until = time.monotonic() + _PATIENCE
        while time.monotonic() < until:
            if self._process.poll() is not None:
                raise Failure(f"{self.name} ended with {self._process.returncode}: {self.last_words()}")
            with contextlib.suppress(OSError, ValueError):
                if send(self.port, asked).status == 200:
                    return
            time.sleep(pause)
        raise Failure(f"{self.name} is not ready after {_PATIENCE:g} s: {self.last_words()}")

    def cpu(self) -> float:
        """Seconds of processor time it has used, the kernel's on its behalf included."""
        # The name in parentheses may hold spaces; user and system time are fields 14 and 15 (proc(5)).
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident(self) -> float:
        """MB of memory it has resident."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024

    def last_words(self) -> str:
        """The end of what it printed."""
        return self._log.read_bytes()[-_LAST_WORDS:].decode(errors="replace").strip() or "it said nothing"

    def end(self) -> None:
        """Tell it to stop, and make it."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextlib.contextmanager
def running(
    command: Sequence[str],
    name: str,
    port: int,
    directory: Path,
    core: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Child]:
    """Run a server, on a core if one is given; its output goes to a file in `directory`."""
    log = directory / f"{name.replace(' ', '-')}.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        child = Child(process, name, port, log, core)
        try:
            if core is not None:
                os.sched_setaffinity(process.pid, {core})
            yield child
        finally:
            child.end()
