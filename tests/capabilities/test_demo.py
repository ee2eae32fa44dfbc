"""The demo, run as `make demo` runs it where there is no terminal: it walks through everything and ends with 0."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "capabilities" / "demo.py"


@pytest.mark.skipif(find_spec("cap_portkey") is None, reason="cap-portkey is not installed")
def test_the_demo_walks_over_both_faces_and_ends() -> None:
    # What the caller set for Cap must not change it.
    environment = {**os.environ, "CAP_DEMO_PORT": "0", "CAP_CALLER_AUTH": "bearer:X", "COLUMNS": "200"}
    run = subprocess.run(
        [sys.executable, DEMO], capture_output=True, text=True, timeout=90, env=environment, check=False
    )

    assert 0 == run.returncode, run.stderr
    for step in (
        "cap serve --sandbox",
        "over REST",
        "-X POST",
        "?limit=2",
        "/cancel",
        "/output",
        "over MCP",
        "creates-and-executes-batch-uploaded",
        "cancels-progress-batch-batch-will",
        "/docs",
        "mcpServers",
    ):
        assert step in run.stdout
    assert '"status":"cancelled"' in run.stdout
    assert "Traceback" not in run.stderr
