"""What is measured: the servers, and the rows of requests they are asked."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from benchmarks import nginx, samples
from benchmarks.processes import Child, free_port, running
from benchmarks.samples import EXPORT, ITEM, KEY, LARGE, LIST, SMALL, Asked, Right, call_legacy, call_modern, get

READY: Final = get("/health/ready")
DOCUMENT: Final = Path(__file__).parent / "things.yaml"

GATEWAY: Final = "cap"
FORWARDING: Final = "shell, our client"
SPLICING: Final = "MCP shell, our client"
SESSION: Final = "shell, aiohttp session"
_NGINX: Final = "nginx"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One server asked one thing. `body` is the size of the upstream's answer, for people.

    `nginx` and `shell` are the keys of the rows it is compared with.
    """

    key: str
    title: str
    body: str
    server: str
    asked: Asked
    right: Right
    nginx: str
    shell: str | None = None


def _rows(size: str, body: str, sample: bytes, target: str, tool: str) -> Iterator[Row]:
    """The rows of one size of body: each next to the shell it is compared with."""
    proxy, forwarding = f"nginx-{size}", f"shell-{size}"
    same, result = samples.same(sample), samples.result_of(sample)
    asked = get(target)

    def row(
        key: str, title: str, server: str, asked: Asked = asked, right: Right = same, shell: str | None = None
    ) -> Row:
        return Row(key=key, title=title, body=body, server=server, asked=asked, right=right, nginx=proxy, shell=shell)

    yield row(proxy, "nginx reverse proxy", _NGINX)
    yield row(f"session-{size}", SESSION, SESSION)
    yield row(forwarding, FORWARDING, FORWARDING)
    yield row(f"rest-{size}", "Cap, REST GET", GATEWAY, shell=forwarding)
    if size == "small":
        yield row("rest-inputs", "Cap, REST GET with two inputs", GATEWAY, get(ITEM), shell=forwarding)
    for era, call in (("2025-11-25", call_legacy(tool)), ("2026-07-28", call_modern(tool))):
        shell = f"mcp-shell-{era}-{size}"
        yield row(shell, f"MCP shell, {era}", SPLICING, call, result)
        yield row(f"mcp-{era}-{size}", f"Cap, MCP tools/call, {era}", GATEWAY, call, result, shell)


ROWS: Final = (
    *_rows("small", "1.5 KB", SMALL, LIST, "list-things"),
    *_rows("large", "100 KB", LARGE, EXPORT, "export-things"),
)


def serve(port: int, upstream: int) -> list[str]:
    """The command of the gateway."""
    given = ("--port", str(port), "--base-uri", f"things=http://127.0.0.1:{upstream}/v1", "--set", f"THINGS_KEY={KEY}")
    return [sys.executable, "-m", "cap_core", "serve", str(DOCUMENT), *given]


def shell(app: str, fetch: str, port: int, upstream: int) -> list[str]:
    """The command of a shell."""
    given = ("--port", str(port), "--upstream", str(upstream), "--key", KEY)
    return [sys.executable, "-m", "benchmarks.shells", app, fetch, *given]


@contextlib.contextmanager
def everything(directory: Path, core: int | None) -> Iterator[tuple[int, dict[str, Child]]]:
    """Run the upstream beside the load and everything else on `core`; gives the upstream's port and the servers."""
    with contextlib.ExitStack() as stack:
        upstream = free_port()
        command = nginx.upstream(directory, upstream)
        stack.enter_context(running(command, "upstream", upstream, directory)).ready(get(LIST))
        servers = {}
        for name, asked in {
            _NGINX: get(LIST),
            SESSION: READY,
            FORWARDING: READY,
            SPLICING: READY,
            GATEWAY: READY,
        }.items():
            port = free_port()
            server = stack.enter_context(
                running(_command(name, directory, port, upstream), name, port, directory, core)
            )
            server.ready(asked)
            servers[name] = server
        yield upstream, servers


def _command(name: str, directory: Path, port: int, upstream: int) -> list[str]:
    if name == _NGINX:
        return nginx.proxy(directory, port, upstream)
    if name == GATEWAY:
        return serve(port, upstream)
    return shell(
        "splicing" if name == SPLICING else "forwarding", "aiohttp" if name == SESSION else "own", port, upstream
    )
