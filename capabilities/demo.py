"""Serve the installed capabilities with the sandbox, and walk through them over REST and over MCP.

No key and no network: the sandbox answers. Run it with `make demo`. On a terminal it keeps serving until Ctrl-C.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.rule import Rule

PORT = os.environ.get("CAP_DEMO_PORT", "8080")
PATIENCE = 30.0
console = Console(highlight=False)


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """`cap serve --sandbox`, and the address it listens on. A port in use is exchanged for a free one."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        for port in (PORT, "0"):
            words = ["serve", "--sandbox", "--port", port, "--log-format", "json"]
            with log.open("wb") as out:
                command = [sys.executable, "-m", "cap_core", *words]
                process = subprocess.Popen(command, stderr=out, stdout=out, env=_environment(), cwd=folder)
            url = _ready(process, log)
            if url is not None:
                break
        else:
            raise SystemExit(log.read_text())
        shown = shlex.join(["cap", "serve", "--sandbox", "--port", url.rpartition(":")[2]])
        console.print(f"\n[dim]$[/] [bold]{shown}[/]")
        try:
            yield url
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(PATIENCE)


def _environment() -> dict[str, str]:
    """Ours without settings of Cap's: the demo shows what there is without any."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CAP_")}


def _ready(process: subprocess.Popen[bytes], log: Path) -> str | None:
    """The address once it serves; None where it did not start."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = re.search(r'"event":\s*"ready".*?(http://[^"]+:\d+)', log.read_text())
        if found:
            return found[1]
        if process.poll() is not None:
            return None
        time.sleep(0.05)
    return None


def rest(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One REST call, shown as the curl command that makes it."""
    words = ["curl", "-s", *(["-X", method] if method != "GET" else []), url + path]
    if body is not None:
        words += ["-H", "content-type: application/json", "-d", json.dumps(body)]
    console.print(f"\n[dim]$[/] [cyan]{shlex.join(words)}[/]", soft_wrap=True)
    answer = httpx.request(method, url + path, json=body, timeout=PATIENCE)
    _show(f"{answer.status_code}", answer.text)
    answer.raise_for_status()
    return answer.json() if answer.headers["content-type"] == "application/json" else None


def tool(url: str, name: str, arguments: dict[str, Any]) -> Any:
    """One tool call over MCP, shown as the curl command that makes it."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    words = ["curl", "-s", url + "/mcp", "-H", "content-type: application/json", "-d", json.dumps(message)]
    console.print(f"\n[dim]$[/] [magenta]{shlex.join(words)}[/]", soft_wrap=True)
    result = httpx.post(url + "/mcp", json=message, timeout=PATIENCE).json()["result"]
    _show("isError" if result.get("isError") else "ok", result["content"][0]["text"])
    if result.get("isError"):
        raise SystemExit(f"the tool {name} failed")
    return result.get("structuredContent")


def _show(status: str, text: str) -> None:
    """An answer, cut to a few lines."""
    lines = text.strip().splitlines() or ["(empty)"]
    shown = [line if len(line) <= 160 else line[:157] + "..." for line in lines[:4]]
    console.print(f"[green]{status}[/] " + "\n    ".join(shown), markup=True, soft_wrap=True)
    if len(lines) > 4:
        console.print(f"    [dim]... {len(lines) - 4} lines more[/]")


def walk(url: str) -> None:
    """Create, list, get, cancel and read the output, over both faces."""
    console.print(Rule("over REST"))
    batch = {"input_file_id": "file-1", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    made = rest(url, "POST", "/v1/batches", batch)
    rest(url, "GET", "/v1/batches?limit=2")
    rest(url, "GET", f"/v1/batches/{made['id']}")
    rest(url, "POST", f"/v1/batches/{made['id']}/cancel")
    rest(url, "GET", f"/v1/batches/{made['id']}/output")
    console.print(Rule("over MCP"))
    made = tool(url, "creates-and-executes-batch-uploaded", {"body": batch})
    tool(url, "list-your-organization-s-batches", {"limit": 2})
    tool(url, "retrieves-batch", {"batch_id": made["id"]})
    tool(url, "cancels-progress-batch-batch-will", {"batch_id": made["id"]})
    tool(url, "returns-batch-output-stream", {"batch_id": made["id"]})


def main() -> int:
    """Serve, walk, tell where to look, and stay on a terminal."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    with serving() as url:
        walk(url)
        console.print(Rule("where to look"))
        console.print(f"the page to read and try it   [bold]{url}/docs[/]")
        console.print(f"its OpenAPI document          [bold]{url}/openapi.json[/]")
        console.print("for an MCP client's configuration:")
        console.print_json(data={"mcpServers": {"cap": {"type": "http", "url": f"{url}/mcp"}}})
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            return 0
        console.print("serving until Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(3600)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
