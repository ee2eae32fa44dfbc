"""No value of a path changes which resource a request is for, whatever a server makes of `;` and dots."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from cap_core.testing import Answered, gateway, upstream

CONSUMES = """\
resources:
- path: /things/{id}/{part}
  name: part
  operations: [{name: get, method: GET}]
- path: /things/{id}
  name: thing
  operations: [{name: delete, method: DELETE}]
- path: /files/{name}.json
  name: file
  operations: [{name: file, method: GET}]
- path: /files/.{name}
  name: hidden
  operations: [{name: hidden, method: GET}]
- path: /pairs/{a}{b}
  name: pair
  operations: [{name: pair, method: GET}]
- path: /matrix/{id};v={v}
  name: matrix
  operations: [{name: matrix, method: GET}]
- path: /session/s;v={v}
  name: session
  operations: [{name: session, method: GET}]
- path: /first
  name: first
  operations: [{name: first, method: GET}]
"""
OPERATIONS = {
    "get": ("GET", "/things/{id}/{part}"),
    "delete": ("DELETE", "/things/{id}"),
    "file": ("GET", "/files/{name}.json"),
    "hidden": ("GET", "/files/.{name}"),
    "pair": ("GET", "/pairs/{a}/{b}"),
    "matrix": ("GET", "/matrix/{id}/{v}"),
    "session": ("GET", "/session/{v}"),
}
REST = "\n".join(
    f"- {{path: '{path}', operations: [{{method: {method}, name: {name}, call: api.{name}}}]}}"
    for name, (method, path) in OPERATIONS.items()
)
TOOLS = "\n".join(f"- {{name: {name}, description: d, call: api.{name}}}" for name in OPERATIONS)


@pytest.fixture
def served(things: Callable[..., Path]) -> Path:
    return things(CONSUMES, REST, TOOLS)


def asked(port: int, method: str, target: str) -> int:
    """The status for a target that no client has normalised."""
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return int(raw.makefile("rb").read().split(b" ", 2)[1])


def tool(url: str, name: str, arguments: dict[str, str]) -> dict[str, object]:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    result: dict[str, object] = httpx.post(f"{url}/mcp/things", json=message).json()["result"]
    return result


def explained(document: Path, name: str, values: dict[str, str]) -> subprocess.CompletedProcess[str]:
    words = [f"{key}={value}" for key, value in values.items()]
    command = [sys.executable, "-m", "cap_core", "explain", str(document), name, *words, "--format", "json"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


REFUSED = [
    ("get", {"id": "..;", "part": "admin"}),
    ("get", {"id": "..;a", "part": "admin"}),
    ("get", {"id": ".;a=b", "part": "admin"}),
    ("get", {"id": ";x", "part": "admin"}),
    ("get", {"id": "a", "part": "..;"}),
    ("delete", {"id": ";"}),
    ("delete", {"id": "..;"}),
    ("delete", {"id": "..;/x"}),
    ("hidden", {"name": ".;x"}),
    ("hidden", {"name": ";x"}),
    ("pair", {"a": ".", "b": ".;"}),
    ("matrix", {"id": "..", "v": "1"}),
    ("matrix", {"id": ".", "v": "1"}),
]


@pytest.mark.parametrize(("name", "values"), REFUSED)
def test_a_value_that_climbs_in_front_of_a_semicolon_is_refused(
    served: Path, name: str, values: dict[str, str]
) -> None:
    method, path = OPERATIONS[name]
    for key, value in values.items():
        path = path.replace(f"{{{key}}}", quote(value, safe=";"))
    with upstream() as api, gateway(served, base_uris={"api": api.url}) as cap:
        assert 400 == asked(cap.port, method, path)
        assert 400 == asked(cap.port, method, path.replace(";", "%3B"))
        assert tool(cap.url, name, values)["isError"]

        assert [] == api.requests


@pytest.mark.parametrize(
    ("name", "values", "target"),
    [
        ("get", {"id": "a;b=c", "part": "p;"}, b"/things/a%3Bb=c/p%3B"),
        ("get", {"id": "...;", "part": "..a;"}, b"/things/...%3B/..a%3B"),
        ("get", {"id": "a%3B", "part": "b"}, b"/things/a%253B/b"),
        ("delete", {"id": "1;2"}, b"/things/1%3B2"),
        ("file", {"name": "a;"}, b"/files/a%3B.json"),
        ("hidden", {"name": "a;"}, b"/files/.a%3B"),
        ("pair", {"a": ".", "b": "a;"}, b"/pairs/.a%3B"),
        ("matrix", {"id": "1", "v": "..;"}, b"/matrix/1;v=..%3B"),
        ("session", {"v": "1;2"}, b"/session/s;v=1%3B2"),
    ],
)
def test_a_semicolon_of_a_value_is_escaped(served: Path, name: str, values: dict[str, str], target: bytes) -> None:
    method, path = OPERATIONS[name]
    for key, value in values.items():
        path = path.replace(f"{{{key}}}", quote(value, safe=""))
    with upstream() as api, gateway(served, base_uris={"api": api.url}) as cap:
        assert 200 == asked(cap.port, method, path)
        tool(cap.url, name, values)

        assert [target, target] == [request.target for request in api.requests]


def test_what_an_author_writes_behind_a_value_does_not_hide_dots(served: Path) -> None:
    with upstream() as api, gateway(served, base_uris={"api": api.url}) as cap:
        assert 400 == asked(cap.port, "GET", "/files/..%3B.json")
        assert tool(cap.url, "file", {"name": "..;"})["isError"]
        assert [] == api.requests


def test_explain_agrees(served: Path) -> None:
    shown = explained(served, "get", {"id": "a;b", "part": "c"})
    refused = explained(served, "get", {"id": "..;", "part": "admin"})

    assert "/things/a%3Bb/c" in json.loads(shown.stdout)["request"]["url"]
    assert "names another resource" in refused.stdout + refused.stderr


def test_a_step_does_not_climb_either(things: Callable[..., Path]) -> None:
    steps = "[{type: call, name: s, call: api.first}, {type: call, name: d, call: api.delete, with: {id: s.id}}]"
    document = things(CONSUMES, tools=f"- {{name: t, description: d, steps: {steps}}}")

    with upstream(lambda request: Answered(body=b'{"id":"..;x"}')) as api:
        with gateway(document, base_uris={"api": api.url}) as cap:
            assert tool(cap.url, "t", {})["isError"]
        assert [b"/first"] == [request.target for request in api.requests]
