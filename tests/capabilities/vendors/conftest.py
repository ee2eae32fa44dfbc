"""The vendors' side, run by Node: a folder of tools, and servers that end with the tests."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PINS = Path(__file__).parents[2] / "node"
NEEDED = (".bin/node", "@stoplight/prism-cli/dist/index.js", "@portkey-ai/gateway/build/start-server.js")
PATIENCE = 90.0
"""Seconds until a server listens; Prism reads a description of a megabyte first."""

Serve = Callable[..., str]


@pytest.fixture(scope="session")
def modules() -> Path:
    """The `node_modules` of the folder that `CAP_NODE` names; skips without it, or fails if it is required."""
    found = Path(os.environ.get("CAP_NODE") or PINS) / "node_modules"
    missing = [name for name in NEEDED if not (found / name).exists()]
    if missing:
        what = f"CAP_NODE names no folder with {missing[0]}: run 'npm ci --prefix tests/node', and name that folder"
        if os.environ.get("CAP_REQUIRE_NODE") == "1":
            pytest.fail(what)
        pytest.skip(what)
    return found


@pytest.fixture(scope="session")
def serve(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Start a script of the tools on a free port of loopback (`PORT` in its arguments); gives its URL."""
    running: list[subprocess.Popen[bytes]] = []

    def start(script: str, *arguments: str, require: Path | None = None) -> str:
        port = free_port()
        said = tmp_path_factory.mktemp("node") / "output"
        first = ["--require", str(require)] if require is not None else []
        command = [str(modules / ".bin/node"), *first, str(modules / script)]
        command += [argument.replace("PORT", str(port)) for argument in arguments]
        with said.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        running.append(process)
        wait_for(port, process, said)
        return f"http://127.0.0.1:{port}"

    yield start
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], said: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"it does not listen: {said.read_text(errors='replace')[-2000:]}")
