"""Measure the gateway against nginx and against the smallest servers that do the same, in one run.

python -m benchmarks.ratio
python -m benchmarks.ratio --rounds 9 --format json
"""

from __future__ import annotations

import platform
import signal
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from importlib import metadata
from pathlib import Path
from statistics import median

import click
import msgspec

from benchmarks import nginx, startup, wrk
from benchmarks.figures import Memory, Report, figures
from benchmarks.processes import Failure, split_cores
from benchmarks.report import show
from benchmarks.rounds import Load
from benchmarks.systems import FORWARDING, GATEWAY, ROWS, SESSION, SPLICING, Row, everything

_PACKAGES = ("cap-core", "aiohttp", "uvicorn", "uvloop", "httptools", "msgspec", "litestar")


@click.command
@click.option("--seconds", type=click.IntRange(1), default=1, show_default=True, help="Of load for each row and round.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Each row is measured once in each."
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
    # Whoever ends this by a signal ends its children too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
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
            load = Load(servers, seconds, directory)
            load.warm(rows)
            found = figures(rows, [load.round(n, rows) for n in range(rounds)])
            after = {name: server.resident() for name, server in servers.items()}
            begun = startup.cold_starts(starts, upstream, directory, core)
        return Report(
            versions=_versions(),
            conditions={
                "machine": platform.machine(),
                "pinned": "no" if core is None else "load and upstream on one core, what is measured on another",
                "connections": str(wrk.CONNECTIONS),
                "rounds": f"{rounds} of {seconds} s",
                "others on that core": f"{median(figure.others for figure in found):.0%}",
            },
            figures=found,
            inside=_inside(),
            starts=begun,
            memory={name: Memory(idle[name], after[name]) for name in (GATEWAY, SESSION, FORWARDING, SPLICING)},
            check=startup.check(documents, directory),
        )


def _inside() -> dict[str, float]:
    """What `benchmarks.inside` finds, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.inside", "--format", "json"]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise Failure(f"benchmarks.inside ended with {done.returncode}: {done.stderr.decode().strip()[-300:]}")
    return msgspec.json.decode(done.stdout, type=dict[str, float])


def _versions() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        **{package: metadata.version(package) for package in _PACKAGES},
        "nginx": nginx.version() or "",
        "wrk": wrk.version() or "",
    }


if __name__ == "__main__":
    main()
