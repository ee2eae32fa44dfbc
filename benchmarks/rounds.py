"""Load the servers, row by row: each alone, and each together with the shell it is compared with."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from benchmarks import wrk
from benchmarks.figures import Alone, Pair, Round
from benchmarks.processes import Child, Failure, busy
from benchmarks.samples import send
from benchmarks.systems import Row


class Load:
    """What loads the servers, for so many seconds at a time."""

    def __init__(self, servers: Mapping[str, Child], seconds: int, directory: Path) -> None:
        self._servers = servers
        self._seconds = seconds
        self._directory = directory

    def warm(self, rows: Sequence[Row]) -> None:
        """Ask every row, so that pools are full and nothing is done for the first time."""
        for row in rows:
            self._alone(row)

    def round(self, number: int, rows: Sequence[Row]) -> Round:
        """Every row once; every other round in reverse order, so that no row always comes first."""
        order = tuple(reversed(rows)) if number % 2 else rows
        by_key: Final = {row.key: row for row in rows}
        return Round(
            alone={row.key: self._alone(row) for row in order},
            pairs={row.key: self._pair(row, by_key[row.shell]) for row in order if row.shell is not None},
        )

    def _alone(self, row: Row) -> Alone:
        server = self._servers[row.server]
        worked, used, begun = busy(server.core), server.cpu(), time.monotonic()
        result, cpu = self._measure(row, server)
        wall = time.monotonic() - begun
        others = busy(server.core) - worked - (server.cpu() - used)
        rate = result.requests / result.us * 1e6
        return Alone(rate, result.p50 / 1000, result.p99 / 1000, cpu, max(0.0, others) / wall)

    def _pair(self, row: Row, shell: Row) -> Pair:
        """Both at once, with the same request: whatever disturbs one disturbs the other."""
        with ThreadPoolExecutor(2) as pool:
            servers = (self._servers[row.server], self._servers[shell.server])
            own, other = pool.map(lambda server: self._measure(row, server)[1], servers)
        return Pair(own, other)

    def _measure(self, row: Row, server: Child) -> tuple[wrk.Result, float]:
        """What wrk saw, and µs of the server's time for each answer; a wrong answer before or after is a failure."""
        size = _verified(row, server)
        before = server.cpu()
        result = wrk.load(server.port, row.asked, size, self._seconds, self._directory / f"{server.port}.lua")
        used = server.cpu() - before
        _verified(row, server)
        return result, used / result.requests * 1e6


def _verified(row: Row, server: Child) -> int:
    """The size of the row's answer, which is right. Raises `Failure` where it is not."""
    answered = send(server.port, row.asked)
    if answered.status != 200 or not row.right(answered.body):
        raise Failure(f"{row.title}: {server.name} answers wrongly: {answered.status} {answered.body[:300]!r}")
    return answered.size
