"""The access log: what a request became."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import Answered, Recorded, Upstream, upstream
from waiting import until

Serving = Callable[..., Any]
Ask = Callable[..., dict[str, Any]]
HEADERS = {"accept": "application/json, text/event-stream"}
GOOD = {"authorization": "Bearer the-token"}


def answers(request: Recorded) -> Answered:
    """A status that the path names, or a redirect to one that works."""
    what = request.target.rpartition(b"/")[2].decode()
    if what == "moved":
        return Answered(status=302, headers=((b"location", b"/things/200"),))
    return Answered(status=int(what))


@pytest.fixture
def api() -> Any:
    with upstream(answers) as running:
        yield running


@pytest.fixture
def ask(serving: Serving, thing: Path, api: Upstream) -> Any:
    """Send a request to a gateway with an access log, and give its line."""
    flags = ("--port", "0", "--base-uri", f"api={api.url}", "--access-log", "--caller-auth", "bearer:GATEWAY_TOKEN")
    with serving(thing.name, *flags, GATEWAY_TOKEN="the-token") as server:

        def sent(path: str, **request: Any) -> dict[str, Any]:
            before = len(server.lines)
            method = "POST" if "json" in request else "GET"
            given = httpx.request(method, server.url + path, **request)
            until(lambda: any('"cap.access"' in line for line in server.lines[before:]))
            (line,) = [json.loads(one) for one in server.lines[before:] if '"cap.access"' in one]
            assert (given.status_code, len(given.content)) == (line["status"], line["bytes"])
            return line

        yield sent


def tool(name: str, **arguments: object) -> dict[str, Any]:
    params = {"name": name, "arguments": arguments}
    return {"headers": HEADERS | GOOD, "json": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}}


CALL = ("door", "capability", "tool", "operation", "caller", "error", "upstream_status")


def facts(line: dict[str, Any]) -> tuple[object, ...]:
    return tuple(line.get(name) for name in CALL)


def test_what_a_request_became(ask: Ask) -> None:
    line = ask("/things/200?secret=1", headers=GOOD)
    assert ("rest", "things", None, "api.get-thing", "bearer", None, 200) == facts(line)
    assert 0 < line["upstream_ms"] <= line["ms"]
    assert "/things/200" == line["path"]

    line = ask("/things/404", headers=GOOD)
    assert ("rest", "things", None, "api.get-thing", "bearer", "upstream-error", 404) == facts(line)

    line = ask("/things/200")
    assert (None, None, None, None, None, "unauthorized", None) == facts(line)

    line = ask("/health/live")
    assert (None,) * len(CALL) == facts(line)

    line = ask("/health/live", headers={"host": "evil.example"})
    assert "bad-host" == line["error"]


def test_what_a_tool_call_became(ask: Ask) -> None:
    assert ("mcp", "things", "get-thing", "api.get-thing", "bearer", None, 200) == facts(
        ask("/mcp", **tool("get-thing", id="200"))
    )
    line = ask("/mcp", **tool("get-thing", id="500"))
    assert ("mcp", "things", "get-thing", "api.get-thing", "bearer", "upstream-error", 500) == facts(line)
    assert 200 == line["status"]
    # The redirect is followed: what counts is what the upstream said last.
    assert 200 == ask("/mcp", **tool("get-thing", id="moved"))["upstream_status"]

    line = ask("/mcp", **tool("get-thing"))
    assert ("mcp", "things", "get-thing", "api.get-thing", "bearer", "invalid-input", None) == facts(line)

    line = ask("/mcp", **tool("no-such-tool"))
    assert (None, None, None, None, "bearer", "json-rpc -32602", None) == facts(line)


def test_the_id_is_that_of_the_problem_and_the_failure(serving: Serving, thing: Path) -> None:
    flags = ("--port", "0", "--base-uri", "api=http://127.0.0.1:1", "--access-log")
    with serving(thing.name, *flags) as server:
        given = httpx.get(server.url + "/things/1").json()
        access = json.loads(server.wait_for('"cap.access"'))
        failed = json.loads(server.wait_for('"call failed"'))

    assert given["trace_id"] == access["request_id"] == failed["request_id"]
    assert ("upstream-unreachable", 502) == (access["error"], access["status"])
    assert "upstream_status" not in access
