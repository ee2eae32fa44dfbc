"""A document as its users meet it: through a running gateway, and through `cap`."""

from __future__ import annotations

import contextlib
import io
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec

from cap_core.cli import main
from cap_core.errors import CapError
from cap_core.testing import Answered, Recorded, Running, Upstream, gateway, upstream

MODERN = "2026-07-28"
IDLE = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - {namespace: a, baseUri: http://127.0.0.1:9, resources: [{path: /, operations: [{name: a, method: GET}]}]}
  exposes:
  - {type: rest, namespace: r, port: 8080, resources: [{path: /idle, operations: [{method: GET, call: a.a}]}]}
"""


class NotServed(Exception):
    """The gateway refuses the document."""


class World:
    """One gateway and one upstream for all cases; each document takes over from the one before, as a reload does."""

    def __init__(self, directory: Path, api: Upstream, running: Running, client: httpx.Client) -> None:
        self.directory = directory
        self.api = api
        self.running = running
        self.client = client
        self.answer = Answered()


@contextlib.contextmanager
def world(directory: Path) -> Iterator[World]:
    """Start it."""
    idle = directory / "idle.yaml"
    idle.write_text(IDLE)
    one: list[World] = []

    def answer(request: Recorded) -> Answered:
        return one[0].answer

    with upstream(answer) as api, gateway(idle) as running, httpx.Client(timeout=10, trust_env=False) as client:
        one.append(World(directory, api, running, client))
        yield one[0]


class Seen:
    """One document in the world; it is served when something is first asked of it."""

    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        self.path = path
        self._served = False

    def _serve(self) -> None:
        if self._served:
            return
        try:
            self.world.running.replace(self.path)
        except CapError as error:
            raise NotServed(str(error)) from None
        self._served = True

    def rest(self, method: str, target: str, **request: Any) -> httpx.Response:
        """Ask the gateway."""
        self._serve()
        return self.world.client.request(method, self.world.running.url + target, **request)

    def rpc(self, method: str, params: dict[str, Any] | None = None, *, modern: bool = False) -> Any:
        """Ask the capability's MCP endpoint; its result, or its error."""
        params, headers = params or {}, {}
        if modern:
            meta = {f"io.modelcontextprotocol/{key}": value for key, value in _ABOUT.items()}
            params = {**params, "_meta": meta}
            headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        answer = self.rest("POST", f"/mcp/{self.path.stem}", json=message, headers=headers)
        if answer.status_code != 200 and not answer.content:
            return answer.status_code
        said = answer.json()
        return said.get("result", said)

    def cap(self, *words: str) -> str:
        """What `cap` prints, and how it ends where that is no success."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = main([words[0], str(self.path), *words[1:]])
        return out.getvalue().replace(f"{self.path.parent}/", "") + (f"[exit {code}]" if code else "")

    def listens(self, port: int) -> bool:
        """Whether `cap serve`, a process of its own, can be reached on a port of this machine."""
        command = [sys.executable, "-m", "cap_core", "serve", str(self.path), "--log-format", "console"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            patience = threading.Timer(30, process.kill)
            patience.start()
            try:
                assert process.stderr is not None
                any(line.startswith("ready:") for line in process.stderr)
                with socket.socket() as client:
                    return client.connect_ex(("127.0.0.1", port)) == 0
            finally:
                patience.cancel()
                process.kill()


_ABOUT = {"protocolVersion": MODERN, "clientCapabilities": {}, "clientInfo": {"name": "t", "version": "0"}}


def _free() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


Sees = Callable[[Seen], object]


def dig(data: Any, *steps: str | int) -> Any:
    """What stands at a place in JSON; None where nothing does. A text step in a list finds the entry of that name."""
    for step in steps:
        if isinstance(data, list) and isinstance(step, str):
            data = next((one for one in data if isinstance(one, dict) and one.get("name") == step), None)
        elif isinstance(data, list) and isinstance(step, int):
            data = data[step] if step < len(data) else None
        elif isinstance(data, dict):
            data = data.get(step)
        else:
            return None
    return data


# --- what can be seen -------------------------------------------------------------------------------------------------


def answered(what: str, method: str = "GET", target: str = "/things", **request: Any) -> Sees:
    """Of the gateway's answer to a REST request: `status`, `json`, `text`, or a header."""

    def see(it: Seen) -> object:
        answer = it.rest(method, target, **request)
        if what in ("status", "text"):
            return answer.status_code if what == "status" else answer.text
        if what == "json":
            return answer.json() if "json" in answer.headers.get("content-type", "") else answer.text
        return answer.headers.get(what)

    return see


def sent(what: str, method: str = "GET", target: str = "/things", **request: Any) -> Sees:
    """Of the request that a REST request becomes: `line`, `body`, `json`, or a header."""
    return lambda it: _recorded(it, what, lambda: f"status {it.rest(method, target, **request).status_code}")


def count_sent(act: Sees) -> Sees:
    """Of what `act` does: how many requests the upstream gets."""

    def see(it: Seen) -> int:
        before = len(it.world.api.requests)
        act(it)
        return len(it.world.api.requests) - before

    return see


def last_line(act: Sees) -> Sees:
    """The method and target of the last request that the upstream gets of what `act` does; None for none."""

    def see(it: Seen) -> str | None:
        before = len(it.world.api.requests)
        act(it)
        new = it.world.api.requests[before:]
        return f"{new[-1].method} {new[-1].target.decode()}" if new else None

    return see


def sent_by_tool(what: str, tool: str = "list-things", **arguments: Any) -> Sees:
    """Of the request that a call of a tool becomes: `line`, `body`, `json`, or a header."""
    return lambda it: _recorded(it, what, lambda: _told(it.rpc("tools/call", {"name": tool, "arguments": arguments})))


def _told(result: Any) -> str:
    return str(dig(result, "content", 0, "text") or dig(result, "error", "message"))


def _recorded(it: Seen, what: str, act: Callable[[], str]) -> object:
    before = len(it.world.api.requests)
    told = act()
    new = it.world.api.requests[before:]
    if not new:
        return f"nothing is sent: {told}"
    (request,) = new
    if what == "line":
        return f"{request.method} {request.target.decode()}"
    if what == "json":
        return msgspec.json.decode(request.body) if request.body else None
    found = request.body if what == "body" else request.header(what)
    return found.decode() if found is not None else None


def tool(*where: str | int, name: str = "list-things") -> Sees:
    """Of a tool's listing."""
    return lambda it: dig(it.rpc("tools/list"), "tools", name, *where)


def result(*where: str | int, name: str = "list-things", **arguments: Any) -> Sees:
    """Of what a call of a tool gives."""
    return lambda it: dig(it.rpc("tools/call", {"name": name, "arguments": arguments}), *where)


def mcp(method: str, *where: str | int, modern: bool = False) -> Sees:
    """Of what an MCP method gives."""
    params = {} if modern else {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {}}
    return lambda it: dig(it.rpc(method, params if method == "initialize" else {}, modern=modern), *where)


def openapi(*where: str | int) -> Sees:
    """Of `/openapi.json`."""
    return lambda it: dig(it.rest("GET", "/openapi.json").json(), *where)


def checked(code: str) -> Sees:
    """What `cap check` says under a code, without how many operations that leaves out."""
    return lambda it: [
        re.sub(r"; \d+ exposed operations? left out \(.*\)$", "", one["message"])
        for one in json.loads(it.cap("check", "--format", "json").partition("[exit")[0])
        if one["code"] == code
    ]


FREE, OTHER = _free()
"""Two ports on which nothing listens."""


def listens() -> Sees:
    """Whether `cap serve` can be reached on the port `FREE`."""
    return lambda it: it.listens(FREE)
