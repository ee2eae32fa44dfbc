"""Documents from a list of operations, served by a real gateway with the sandbox, or opened without one."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plan.upstream import Operation, Upstream
from cap_core.plugins import loader
from cap_core.plugins.context import Context
from cap_core.plugins.messages import HttpRequest, HttpResponse
from cap_core.plugins.registry import Registry
from cap_core.plugins.transport import Transport, TransportContext
from cap_core.runtime.options import OpenOptions
from cap_core.runtime.streams import collect
from cap_core.testing import Running, gateway
from cap_plugins.transport import sandbox
from published import SHARED

BASE = "/base"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The published documents; skips where they are absent."""
    if not SHARED.is_dir():
        pytest.skip("the published documents are not beside the checkout")
    return SHARED


def written(*operations: str, **more: Any) -> str:
    """A document that consumes operations and exposes each at its own path and as a tool.

    An operation is its method, its path, and its parameters with their types and perhaps their places:
    "GET /things/{id} id:integer limit key:string:header".
    """
    consumed, exposed, tools = [], [], []
    for n, text in enumerate(operations):
        method, path, *parameters = text.split()
        declared = [_parameter(path, *parameter.split(":")) for parameter in parameters]
        operation = {"name": f"op{n}", "method": method, "inputParameters": declared}
        consumed.append({"name": f"r{n}", "path": path, "operations": [operation]})
        call = {"name": f"op{n}", "call": f"api.op{n}"}
        exposed.append({"name": f"r{n}", "path": path.partition("?")[0], "operations": [{"method": method, **call}]})
        tools.append({**call, "description": text})
    api = {"type": "http", "namespace": "api", "baseUri": f"https://api.example{BASE}", "resources": consumed, **more}
    rest = {"type": "rest", "namespace": "api-rest", "port": 8080, "resources": exposed}
    mcp = {"type": "mcp", "namespace": "api-mcp", "port": 9090, "tools": tools}
    capability = {"consumes": [api], "exposes": [rest, mcp]}
    return json.dumps({"naftiko": "1.0.0-alpha2", "info": {"label": "Api"}, "capability": capability})


def _parameter(path: str, name: str, type: str = "string", place: str = "") -> dict[str, object]:
    place = place or ("path" if f"{{{name}}}" in path else "query")
    return {"name": name, "in": place, "type": type, "required": place == "path"}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a document of some operations."""

    def write(*operations: str, name: str = "api.yaml", **more: Any) -> Path:
        path = tmp_path / name
        path.write_text(written(*operations, **more))
        return path

    return write


@pytest.fixture
def serve(write: Callable[..., Path]) -> Iterator[Callable[..., httpx.Client]]:
    """A client of a gateway that serves some operations from the sandbox."""
    with contextlib.ExitStack() as stack:

        def start(*operations: str, **more: Any) -> httpx.Client:
            running = stack.enter_context(served(write(*operations, **more)))
            return stack.enter_context(httpx.Client(base_url=running.url))

        yield start


def served(*documents: Path) -> contextlib.AbstractContextManager[Running]:
    """A gateway that serves documents from the sandbox."""
    return gateway(*documents, opening=OpenOptions(transport="sandbox"))


@pytest.fixture(name="served")
def served_fixture() -> Callable[..., contextlib.AbstractContextManager[Running]]:
    """A gateway that serves documents from the sandbox."""
    return served


@dataclass(frozen=True)
class Said:
    """An answer of the transport, its body read."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Direct:
    """The transport without a gateway: for what a gateway never sends, and for many requests in little time."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner
        self._stack = contextlib.AsyncExitStack()

    def open(self, at: TransportContext, offer: Transport) -> None:
        self.send = self.run(self._stack.enter_async_context(offer.open(at)))

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._stack.aclose())

    def __call__(self, method: str, target: str, json: Any = None, **more: Any) -> Said:
        return self.run(self.said(method, target, json, **more))

    async def said(
        self, method: str, target: str, data: Any = None, *, content: Any = None, kind: str = "application/json"
    ) -> Said:
        body = content if content is not None else b"" if data is None else json.dumps(data).encode()
        headers = ((b"Content-Type", kind.encode()),) if body else ()
        response: HttpResponse = await self.send(
            HttpRequest(method, (BASE + target).encode(), headers, body), Context("rest", "call")
        )
        whole = await collect(response.body, 10**8)
        assert whole is not None
        return Said(response.status, {n.decode(): v.decode() for n, v in response.headers}, whole)


@pytest.fixture(scope="session")
def registry() -> Registry:
    """What the installed plugins offer."""
    return loader.load()


@pytest.fixture
def operations(write: Callable[..., Path], registry: Registry) -> Callable[..., tuple[Operation, ...]]:
    """The operations that a document of these compiles to."""

    def compile(*texts: str, **more: Any) -> tuple[Operation, ...]:
        path = write(*texts, **more)
        plan = compile_source(DocumentSource("api", str(path), path), registry, CompileOptions()).plan
        assert plan is not None
        return plan.operations

    return compile


@pytest.fixture
def direct(operations: Callable[..., tuple[Operation, ...]]) -> Iterator[Callable[..., Direct]]:
    """Open the transport for some operations; a state file, an offer to share and a namespace may be given."""
    with asyncio.Runner() as runner, contextlib.ExitStack() as stack:

        def start(
            *texts: str,
            state: Path | None = None,
            offer: Transport | None = None,
            namespace: str = "api:api",
            **more: Any,
        ) -> Direct:
            upstream = Upstream("https", "api.example", 443)
            at = TransportContext(
                upstream=upstream,
                namespace=namespace,
                prefix=BASE,
                operations=operations(*texts, **more),
                state=state,
            )
            opened = Direct(runner)
            opened.open(at, offer or sandbox.cap_transports()[0])
            stack.callback(opened.close)
            return opened

        yield start


@pytest.fixture
def tool() -> Callable[..., Any]:
    """Call a tool of a gateway, and give its structured content, else its text; None where the call failed."""

    def call(url: str, name: str, arguments: Mapping[str, object] | None = None, path: str = "/mcp") -> Any:
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": name, "arguments": dict(arguments or {})},
        }
        headers = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"}
        response = httpx.post(url + path, json=message, headers=headers)
        assert 200 == response.status_code, response.text
        result = response.json()["result"]
        if result.get("isError"):
            return None
        return result.get("structuredContent") or result["content"][0]["text"]

    return call
