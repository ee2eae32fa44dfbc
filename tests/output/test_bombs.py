"""The worst answers of 10 MB in every format: what they cost is bounded, and others are served meanwhile."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.bombs import SHAPES, cost, document, upstream
from benchmarks.processes import Child, free_port, running
from benchmarks.systems import READY

WORST = [
    "csv rows",
    "csv columns",
    "tsv cells",
    "psv cells",
    "xml objects",
    "xml attributes",
    "html cells",
    "html one element",
    "yaml 4 MB of list",
    "yaml aliases",
    "markdown emphasis",
    "json lists",
    "json small objects",
    "json texts",
    "text",
]
MOST = 200
"""MB."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    directory = tmp_path_factory.mktemp("bombs")
    with upstream() as base:
        port = free_port()
        path = directory / "bombs.yaml"
        path.write_text(document(base, port))
        with running([sys.executable, "-m", "cap_core", "serve", str(path)], "cap", port, directory) as child:
            child.ready(READY)
            yield child


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("name", WORST)
def test_the_worst_answers_cost_little_and_hold_nobody_up(name: str, served: Child) -> None:
    one = cost(served.pid, f"http://127.0.0.1:{served.port}", f"/{list(SHAPES).index(name)}")

    assert one.status in (200, 502)
    assert one.memory < MOST
    assert one.others >= 3, "others waited until it was read"
