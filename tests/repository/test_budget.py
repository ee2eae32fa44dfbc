"""What a request executes is counted against a committed budget: a change that costs 5 % does not pass unseen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).parents[2]
FILE = ROOT / "benchmarks" / "budget.json"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def budget(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`python -m benchmarks.budget` in a process of its own, where nothing else traces and no switch removes asserts."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    command = [sys.executable, "-m", "benchmarks.budget", *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A directory whose `benchmarks` are the repository's, with a budget file of its own."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    for path in (ROOT / "benchmarks").iterdir():
        if path.is_file():
            (folder / path.name).write_bytes(path.read_bytes())
    return tmp_path


def budget_file(root: Path) -> dict[str, dict[str, dict[str, int]]]:
    return msgspec.json.decode((root / "benchmarks" / "budget.json").read_bytes())


needs_budget = pytest.mark.skipif(
    VERSION not in msgspec.json.decode(FILE.read_bytes()),
    reason=f"no budget for Python {VERSION}: python -m benchmarks.budget --write adds one",
)


@needs_budget
def test_every_row_is_within_its_budget() -> None:
    done = budget(ROOT)
    assert done.returncode == 0, f"{done.stderr}\n{done.stdout}"


@needs_budget
def test_each_row_outside_its_budget_is_named_and_the_command_fails(copy: Path) -> None:
    changes = [
        ("Cap, REST GET", "instructions", 1 / 1.2, "above"),
        ("Cap, REST GET with two inputs", "calls", 1 / 1.2, "above"),
        ("Cap, MCP, 2026-07-28, 100 KB", "bytes of memory", 1 / 1.2, "above"),
        ("Cap, MCP tools/call, 2025-11-25", "instructions", 1.5, "below"),
    ]
    budgets = budget_file(copy)
    for title, unit, factor, _ in changes:
        row = budgets[VERSION][title]
        row[unit.split()[-1]] = round(row[unit.split()[-1]] * factor)
    budgets[VERSION]["gone"] = budgets[VERSION].pop("MCP shell")
    (copy / "benchmarks" / "budget.json").write_bytes(msgspec.json.encode(budgets))
    done = budget(copy)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    for title, unit, _, side in changes:
        assert any(re.match(rf"{re.escape(title)}: \d+ {unit}, \S+% {side} the budget", line) for line in lines), lines
    assert any(line.startswith("gone: in the budget, but no row") for line in lines)
    assert any(line.startswith("MCP shell: a row without a budget") for line in lines)
    assert not any(line.startswith("shell: ") for line in lines), "a row within its budget"


def test_a_python_without_a_budget_gets_one_and_those_of_others_stay(copy: Path) -> None:
    other = {"3.9": {"shell": {"instructions": 1, "calls": 1, "memory": 1}}}
    (copy / "benchmarks" / "budget.json").write_bytes(msgspec.json.encode(other))
    without = budget(copy)
    assert (without.returncode, without.stdout) == (1, "")
    assert without.stderr == (
        f"Error: no budget for Python {VERSION} in budget.json; python -m benchmarks.budget --write adds it\n"
    )
    assert budget(copy, "--write").returncode == 0
    written = budget_file(copy)
    assert list(written) == ["3.9", VERSION]
    assert written["3.9"] == other["3.9"]
    assert written[VERSION]["Cap, REST GET"]["instructions"] > written[VERSION]["shell"]["instructions"] > 0
