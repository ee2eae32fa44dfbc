"""What the tests of the vendor packages share: the table of operations, the doors they go through."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from cap_core.testing import Recorded
from published import SHARED

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
DOORS = ("rest", "2025-11-25", MODERN)


class Meaning(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of `operations.yaml`."""

    name: str
    rest: str
    tool: str
    sent: str
    arguments: dict[str, Any] = {}
    body: dict[str, Any] | None = None


class Said(msgspec.Struct, frozen=True):
    """What a caller got: whether the call went well, and the text of it."""

    ok: bool
    text: str


TABLE = msgspec.convert(
    yaml.safe_load((Path(__file__).parent / "operations.yaml").read_text()), dict[str, list[Meaning]]
)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `capability` and `meant` runs once per row of the table; one that takes `door`, per door."""
    if "meant" in metafunc.fixturenames:
        rows = [pytest.param(name, row, id=f"{name}, {row.name}") for name in TABLE for row in TABLE[name]]
        metafunc.parametrize(("capability", "meant"), rows, scope="module")
    if "door" in metafunc.fixturenames:
        metafunc.parametrize("door", DOORS)


@pytest.fixture(autouse=True, scope="session")
def environment() -> Iterator[None]:
    """No key of whoever runs the tests gets in."""
    pytest.importorskip("cap_portkey", reason="the vendor packages are not installed")
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("PORTKEY_", "AIMLAPI_")):
                patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """A published document or a vendor's description; skips where they are absent."""

    def find(name: str) -> Path:
        path = SHARED / name
        if not path.is_file():
            pytest.skip(f"the published material is not beside the checkout ({name})")
        return path

    return find


def rest(url: str, meant: Meaning, headers: Mapping[str, str]) -> Said:
    """Ask over REST."""
    method, path = meant.rest.split(" ")
    content = None if meant.body is None else json.dumps(meant.body)
    kind = {} if meant.body is None else {"content-type": "application/json"}
    response = httpx.request(method, url + path, content=content, headers={**kind, **headers})
    return Said(response.is_success, response.text)


def mcp(url: str, era: str, meant: Meaning, headers: Mapping[str, str]) -> Said:
    """Call the tool over MCP, with all that an era's clients send."""
    body = {} if meant.body is None else {"body": meant.body}
    params: dict[str, Any] = {"name": meant.tool, "arguments": {**meant.arguments, **body}}
    sent = {"accept": "application/json, text/event-stream", "mcp-protocol-version": era, **headers}
    if era == MODERN:
        params["_meta"] = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
        sent |= {"mcp-method": "tools/call", "mcp-name": meant.tool}
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    response = httpx.post(url + "/mcp", json=message, headers=sent)
    assert 200 == response.status_code, response.text
    result = response.json()["result"]
    return Said(not result.get("isError"), "".join(block.get("text", "") for block in result["content"]))


Ask = Callable[..., Said]


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Go through a door: a gateway's URL, the door, a row of the table, perhaps headers of the caller."""

    def through(url: str, door: str, meant: Meaning, headers: Mapping[str, str] | None = None) -> Said:
        return rest(url, meant, headers or {}) if door == "rest" else mcp(url, door, meant, headers or {})

    return through


@pytest.fixture(scope="session")
def row() -> Callable[[str, str], Meaning]:
    """A row of the table, for tests that need one operation."""
    return lambda capability, name: next(row for row in TABLE[capability] if row.name == name)


AssertSent = Callable[[Recorded, Meaning, str, Mapping[str, str]], None]


@pytest.fixture(scope="session")
def assert_sent() -> AssertSent:
    """Compare what an upstream got with a row: method, target, body, and every header there is."""

    def check(request: Recorded, meant: Meaning, door: str, credentials: Mapping[str, str]) -> None:
        assert meant.sent == f"{request.method} {request.target.decode()}"
        assert meant.body == (json.loads(request.body) if request.body else None)
        headers = {name.decode().lower(): value.decode() for name, value in request.headers}
        assert len(headers) == len(request.headers)
        expected = {"host", "user-agent", "accept-encoding", *credentials}
        expected |= {"accept"} if door == "rest" else set()
        expected |= {"content-length"} if request.method == "POST" else set()
        expected |= {"content-type"} if meant.body is not None else set()
        assert expected == set(headers)
        assert credentials == {name: headers[name] for name in credentials}
        assert "identity" == headers["accept-encoding"] or door == "rest"
        assert meant.body is None or "application/json" == headers["content-type"]

    return check
