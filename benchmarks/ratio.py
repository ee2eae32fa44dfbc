"""Measure the gateway against nginx and against the smallest servers that do the same, in one run.

python -m benchmarks.ratio
python -m benchmarks.ratio --rounds 9 --format json
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import click
import msgspec

from benchmarks import nginx, startup, wrk
from benchmarks.figures import Measured, Memory, Report, figures
from benchmarks.processes import Child, Failure, busy, split_cores
from benchmarks.report import show
from benchmarks.samples import send
from benchmarks.systems import FORWARDING, GATEWAY, ROWS, SPLICING, Row, everything

_PACKAGES = ("cap-core", "aiohttp", "uvicorn", "uvloop", "httptools", "msgspec", "litestar")


@click.command
@click.option("--seconds", type=click.IntRange(1), default=1, show_default=True, help="Of load for each row and round.")
@click.option(
    "--rounds", type=click.IntRange(1), default=7, show_default=True, help="Each row is measured once in each."
)
@click.option("--starts", type=click.IntRange(1), default=5, show_default=True, help="Cold starts.")
@click.option("--documents", type=click.Path(exists=True, file_okay=False, path_type=Path), help="What to check.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([row.key for row in ROWS]),
    help="These rows, and what they are compared with.",
)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def main(seconds: int, rounds: int, starts: int, documents: Path | None, only: tuple[str, ...], format_: str) -> None:
    """Compare the gateway with nginx and with bare shells, on loopback."""
    if not sys.platform.startswith("linux") or nginx.version() is None or wrk.version() is None:
        click.echo("this needs Linux with nginx and wrk: apt-get install nginx-light wrk", err=True)
        sys.exit(2)
    try:
        report = _run(_chosen(only), seconds, rounds, starts, documents)
    except Failure as failure:
        click.echo(f"not measured: {failure}", err=True)
        sys.exit(1)
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(report)))
    else:
        show(report)


def _chosen(only: Collection[str]) -> Sequence[Row]:
    """The rows of these keys, with what they are compared with; all where there are none."""
    compared = {key for row in ROWS if row.key in only for key in (row.nginx, row.shell)}
    return [row for row in ROWS if not only or row.key in only or row.key in compared]


def _run(rows: Sequence[Row], seconds: int, rounds: int, starts: int, documents: Path | None) -> Report:
    with tempfile.TemporaryDirectory() as temporary, split_cores() as core:
        directory = Path(temporary)
        with everything(directory, core) as (upstream, servers):
            idle = {name: server.resident() for name, server in servers.items()}
            seen = [_round(n, rows, servers, seconds, directory) for n in range(-1, rounds)][1:]
            after = {name: server.resident() for name, server in servers.items()}
            begun = startup.cold_starts(starts, upstream, directory, core)
        return Report(
            versions=_versions(),
            conditions={
                "machine": platform.machine(),
                "pinned": "no" if core is None else "load and upstream on one core, the rest on another",
                "connections": str(wrk.CONNECTIONS),
                "rounds": f"{rounds} of {seconds} s",
            },
            figures=figures(rows, seen),
            starts={"cap": begun["cap"], FORWARDING: begun["shell"]},
            memory={name: Memory(idle[name], after[name]) for name in (GATEWAY, FORWARDING, SPLICING)},
            check=startup.check(documents, directory),
        )


def _round(
    number: int, rows: Sequence[Row], servers: Mapping[str, Child], seconds: int, directory: Path
) -> dict[str, Measured]:
    """Every row once, in turn forwards and backwards; the first round is there to warm up."""
    order = rows if number % 2 else tuple(reversed(rows))
    return {row.key: _measure(row, servers[row.server], seconds, directory) for row in order}


def _measure(row: Row, server: Child, seconds: int, directory: Path) -> Measured:
    size = _verified(row, server)
    before, worked, begun = server.cpu(), busy(server.core), time.monotonic()
    result = wrk.load(server.port, row.asked, size, seconds, directory)
    used, worked, wall = server.cpu() - before, busy(server.core) - worked, time.monotonic() - begun
    _verified(row, server)
    return Measured(
        rate=result.requests / result.us * 1e6,
        p50=result.p50 / 1000,
        p99=result.p99 / 1000,
        cpu=used / result.requests * 1e6,
        others=max(0.0, worked - used) / wall,
    )


def _verified(row: Row, server: Child) -> int:
    """The size of the row's answer, which is right. Raises `Failure` where it is not."""
    answered = send(server.port, row.asked)
    if answered.status != 200 or not row.right(answered.body):
        raise Failure(f"{row.title}: a wrong answer: {answered.status} {answered.body[:300]!r}")
    return answered.size


def _versions() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        **{package: metadata.version(package) for package in _PACKAGES},
        "nginx": nginx.version() or "",
        "wrk": wrk.version() or "",
    }


if __name__ == "__main__":
    main()
