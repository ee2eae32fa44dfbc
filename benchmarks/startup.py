"""What is paid before the first request: cold start, and `cap check` for each document."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path
from statistics import median

import click
import msgspec

from benchmarks.processes import Failure, free_port, running
from benchmarks.systems import DOCUMENT, GATEWAY, READY, SESSION, serve, shell

_COPIES = 100


class Start(msgspec.Struct, frozen=True):
    """From the start of the process to its first 200: seconds on the clock, and of processor time."""

    seconds: float
    cpu: float


class Check(msgspec.Struct, frozen=True):
    """`cap check` over a directory: its documents, its processor time and peak memory, and how much of each a document
    takes."""

    documents: int
    cpu: float
    ms_each: float
    mb: float
    kb_each: float


def cold_starts(times: int, upstream: int, directory: Path, core: int | None) -> dict[str, Start]:
    """Start the gateway and a shell of public libraries in turn; medians."""
    seen: dict[str, list[Start]] = {SESSION: [], GATEWAY: []}
    for _ in range(times):
        for name, starts in seen.items():
            port = free_port()
            command = serve(port, upstream) if name == GATEWAY else shell("forwarding", "aiohttp", port, upstream)
            begun = time.perf_counter()
            with running(command, f"cold {name}", port, directory, core) as child:
                child.ready(READY, pause=0.002)
                starts.append(Start(time.perf_counter() - begun, child.cpu()))
    return {
        name: Start(median(one.seconds for one in starts), median(one.cpu for one in starts))
        for name, starts in seen.items()
    }


def check(documents: Path | None, directory: Path) -> Check:
    """Time `cap check` over `documents`, or over copies of the benchmark's own; one document alone is the rest."""
    many = documents or _copied(directory / "copies")
    count = sum(path.suffix in (".yaml", ".yml") for path in many.rglob("*"))
    alone = [_checked(DOCUMENT) for _ in range(3)]
    whole = [_checked(many) for _ in range(3)]
    cpu, mb = (min(one[n] for one in whole) for n in (0, 1))
    others = max(1, count - 1)
    ms_each = (cpu - min(one[0] for one in alone)) / others * 1000
    return Check(count, cpu, ms_each, mb, (mb - min(one[1] for one in alone)) / others * 1024)


def _copied(directory: Path) -> Path:
    directory.mkdir()
    for n in range(_COPIES):
        shutil.copy(DOCUMENT, directory / f"things-{n}.yaml")
    return directory


def _checked(path: Path) -> tuple[float, float]:
    """Seconds of processor time and MB at the most; documents that are refused take theirs too."""
    command = [sys.executable, "-m", "cap_core", "check", str(path), "--format", "json"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    with process.stderr:
        said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise Failure(f"cap check ended with {process.returncode}: {said.decode(errors='replace').strip()[-300:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


@click.command
@click.argument("documents", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(documents: Path | None) -> None:
    """Time `cap check` alone: over DOCUMENTS, or over copies of the benchmark's own."""
    with tempfile.TemporaryDirectory() as directory:
        one = check(documents, Path(directory))
    click.echo(f"Python {platform.python_version()}, cap-core {metadata.version('cap-core')}")
    click.echo(f"{one.documents} documents: {one.cpu:.1f} s of processor time, {one.mb:.0f} MB at most")
    click.echo(f"each: {one.ms_each:.1f} ms, {one.kb_each:.1f} KB")


if __name__ == "__main__":
    main()
