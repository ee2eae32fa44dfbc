"""What fails is in the log by default: one line each, with the id that the caller was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.logging import log
from cap_core.server.failure_log import MOST, Summed
from cap_core.testing import Answered, Recorded, Upstream, upstream

Serving = Callable[..., Any]
HEADERS = {"accept": "application/json, text/event-stream"}
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


def call(name: str = "get-thing", **arguments: object) -> dict[str, object]:
    params = {"name": name, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def logged(server: Any, event: str) -> list[dict[str, Any]]:
    return [line for line in map(json.loads, server.lines) if line["event"].startswith(event)]


def waited(server: Any, event: str) -> dict[str, Any]:
    server.wait_for(f'"{event}"')
    (line,) = logged(server, event)
    return line


def answers(request: Recorded) -> Answered:
    """A status that the path names; "cut" begins an answer and breaks it off."""
    what = request.target.rpartition(b"/")[2].decode()
    if what == "cut":
        return Answered(body=[b"one ", b"two"], cut=1)
    return Answered(status=int(what), body=b'{"secret": "not in the log"}')


@pytest.fixture
def api() -> Any:
    with upstream(answers) as running:
        yield running


@pytest.fixture
def served(serving: Serving, thing: Path, api: Upstream) -> Callable[..., Any]:
    """Serve the smallest document, without any flag about logs."""
    return lambda *more, **variables: serving(
        thing.name, "--port", "0", "--base-uri", f"api={api.url}", *more, **variables
    )


@pytest.mark.parametrize("status", [500, 503, 401, 403, 429])
def test_an_upstream_that_fails_is_one_warning(served: Callable[..., Any], status: int) -> None:
    with served() as server:
        assert status == httpx.get(f"{server.url}/things/{status}", headers=TRACED).status_code
        line = waited(server, "call failed")

    assert ("warning", "cap.failure") == (line["level"], line["logger"])
    assert ("upstream-error", f"api answered {status}", status) == (line["error"], line["detail"], line["status"])
    assert ("things", "api.get-thing", "rest") == (line["capability"], line["operation"], line["door"])
    assert TRACE == line["request_id"]
    assert not any("not in the log" in one for one in server.lines)


def test_a_tool_that_fails_is_named(served: Callable[..., Any]) -> None:
    with served() as server:
        assert httpx.post(server.url + "/mcp", json=call(id="503"), headers=HEADERS).json()["result"]["isError"]
        line = waited(server, "call failed")

    assert ("get-thing", "things", "mcp", 503) == tuple(line[k] for k in ("tool", "capability", "door", "status"))


@pytest.mark.parametrize("tool", [False, True], ids=["rest", "mcp"])
def test_an_upstream_that_is_not_there(serving: Serving, thing: Path, tool: bool) -> None:
    with serving(thing.name, "--port", "0", "--base-uri", "api=http://127.0.0.1:1") as server:
        if tool:
            httpx.post(server.url + "/mcp", json=call(id="1"), headers=HEADERS)
            line = waited(server, "call failed")
        else:
            problem = httpx.get(server.url + "/things/1").json()
            line = waited(server, "call failed")
            assert problem["trace_id"] == line["request_id"]

    assert ("upstream-unreachable", 502) == (line["error"], line["status"])


def test_what_is_not_configured(serving: Serving, things: Callable[..., Path], get_thing: str) -> None:
    path = things("authentication: {type: bearer, token: '{{THINGS_KEY}}'}\n" + get_thing, REST)
    with serving(path.name, "--port", "0") as server:
        problem = httpx.get(server.url + "/things/1").json()
        line = waited(server, "call failed")

    assert ("not-configured", problem["trace_id"]) == (line["error"], line["request_id"])


REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"


@pytest.mark.parametrize("tool", [False, True], ids=["rest", "mcp"])
def test_an_answer_that_is_cut_short_is_logged_with_its_call(served: Callable[..., Any], tool: bool) -> None:
    with served() as server:
        if tool:
            httpx.post(server.url + "/mcp", json=call(id="cut"), headers=HEADERS | TRACED)
        else:
            with pytest.raises(httpx.RemoteProtocolError):
                httpx.get(server.url + "/things/cut", headers=TRACED)
        line = waited(server, "answer cut short")

    assert TRACE == line["request_id"]
    assert line["call"].startswith("things/")


@pytest.mark.parametrize("path", ["404", "409", "422", "200"])
def test_what_only_concerns_the_caller_is_not_there(served: Callable[..., Any], path: str) -> None:
    with served() as server:
        httpx.get(f"{server.url}/things/{path}")
        httpx.get(server.url + "/nowhere")
        httpx.get(server.url + "/things/500")
        line = waited(server, "call failed")

    assert 500 == line["status"]
    assert not logged(server, "caller refused")


GUARDED = ("--caller-auth", "bearer:GATEWAY_TOKEN")


@pytest.mark.parametrize("token", [None, "wrong-token"])
@pytest.mark.parametrize("way", ["rest", "mcp", "page"])
def test_a_caller_who_is_refused_is_one_warning(served: Callable[..., Any], token: str | None, way: str) -> None:
    headers = HEADERS | TRACED | ({"authorization": f"Bearer {token}"} if token else {})
    with served(*GUARDED, GATEWAY_TOKEN="the-good-one") as server:
        if way == "mcp":
            answer = httpx.post(server.url + "/mcp", json=call(id="1"), headers=headers)
        else:
            answer = httpx.get(server.url + ("/things/1" if way == "rest" else "/openapi.json"), headers=headers)
        line = waited(server, "caller refused")

    assert 401 == answer.status_code
    assert TRACE == answer.json()["trace_id"] == line["request_id"]
    assert ("unauthorized", 401, "127.0.0.1") == (line["error"], line["status"], line["client"])
    assert line["exposure"].startswith("things/things-")
    assert not any("wrong-token" in one or "the-good-one" in one for one in server.lines)


def test_a_caller_whom_one_of_several_exposures_lets_in_is_not_refused(
    serving: Serving, things: Callable[..., Path], get_thing: str, api: Upstream
) -> None:
    tool = "- {name: get-thing, description: Get it., call: api.get-thing}"
    text = things(get_thing, tools=tool).read_text()
    guarded = "  - type: mcp\n    namespace: guarded\n    port: 9090\n    authentication: {type: bearer, token: k}\n"
    guarded += "    tools:\n    - {name: guarded-thing, description: Get it., call: api.get-thing}\n"
    for order in (text.replace("  exposes:\n", "  exposes:\n" + guarded), text + guarded):
        path = things(get_thing)
        path.write_text(order)
        with serving(path.name, "--port", "0", "--base-uri", f"api={api.url}") as server:
            listing = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
            assert 200 == httpx.post(server.url + "/mcp", json=listing, headers=HEADERS).status_code
            httpx.get(server.url + "/health/live", headers={"host": "evil.example"})
            assert "evil.example" == waited(server, "caller refused")["host"]


def test_a_foreign_host_and_a_foreign_origin_are_warnings(served: Callable[..., Any]) -> None:
    with served() as server:
        host = httpx.get(server.url + "/things/1", headers={"host": "evil.example"} | TRACED)
        assert "evil.example" == waited(server, "caller refused")["host"]
        origin = httpx.post(server.url + "/mcp", json=call(), headers={"origin": "https://evil.example"})
        server.wait_for("https://evil.example")
        first, second = logged(server, "caller refused")

    assert (421, TRACE) == (host.status_code, host.json()["trace_id"])
    assert (421, TRACE, "bad-host") == (first["status"], first["request_id"], first["error"])
    assert (403, origin.json()["trace_id"]) == (second["status"], second["request_id"])


def test_many_of_one_kind_become_one_line_with_their_number(capsys: pytest.CaptureFixture[str]) -> None:
    ends: list[Callable[[], None]] = []

    class Timer:
        def cancel(self) -> None: ...

    log.configure("json", "info")
    lines = Summed(later=lambda seconds, function: (ends.append(function), Timer())[1])  # type: ignore[arg-type]
    for number in range(MOST + 5):
        lines.warning("kind", "it failed", {"error": "x"}, number=number)
    lines.warning("other", "it failed", {"error": "y"}, number=0)
    ends[0]()
    lines.warning("kind", "it failed", {"error": "x"}, number=99)
    lines.close()

    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [*range(MOST), 0, None, 99] == [line.get("number") for line in said]
    assert "it failed, 5 more times in 10 s" == said[MOST + 1]["event"]
    assert "x" == said[MOST + 1]["error"]


def test_a_flood_is_bounded_and_its_sum_is_not_lost_at_the_end(served: Callable[..., Any]) -> None:
    with served() as server:
        with httpx.Client(base_url=server.url, headers={"host": "evil.example"}) as client:
            for number in range(60):
                client.get(f"/things/{number}")
        server.signal(15)
        assert 0 == server.ended()
        lines = logged(server, "caller refused")

    alone = [line for line in lines if line["event"] == "caller refused"]
    assert len(alone) <= 2 * MOST  # a span may end meanwhile
    assert 60 - len(alone) == sum(int(line["event"].split()[2]) for line in lines if line not in alone)


FAX = """
from cap_core.document.model import ExposesEntry
from cap_core.errors import Refusal
from cap_core.plan.exposed import ExposedOperation
from cap_core.plugins.context import Context
from cap_core.plugins.exposure import Exposure, MountedExposure, Route
from cap_core.plugins.hookspecs import hookimpl
from cap_core.server.asgi import answer
from cap_core.server.problems import problem

class Entry(ExposesEntry, frozen=True, kw_only=True):
    call: str

def declared(entry, at):
    return [ExposedOperation(name="only", kind="fax", at=entry.at, call=entry.call, call_at=entry.mark("call"))]

def attach(at):
    exposure = at.exposures[0]
    run = at.runs[exposure.calls[0].key]
    async def endpoint(scope, receive, send, params):
        try:
            caller = await at.authenticator.authenticate(exposure.key, scope, dict(scope["headers"]))
        except Refusal as refusal:
            await answer(send, problem(refusal))
            return
        context = Context("fax", exposure.calls[0].key, caller=caller)
        await answer(send, await run({"id": scope["query_string"].decode()}, context))
    return MountedExposure(routes=(Route(method="POST", template="/fax", endpoint=endpoint, owner="x"),))

@hookimpl
def cap_exposures():
    return [Exposure(key="fax", options=Entry, default_port=7, declared=declared, attach=attach)]
"""
FAXED = """\
naftiko: 1.0.0-alpha2
binds:
- {namespace: env, keys: {KEY: KEY}}
capability:
  consumes:
  - namespace: api
    baseUri: https://x.example
    resources:
    - path: /things/{id}
      operations: [{name: get-thing, method: GET}]
  exposes:
  - {type: fax, namespace: f, port: 7, call: api.get-thing, authentication: {type: bearer, token: '{{KEY}}'}}
"""


def test_an_exposure_of_a_plugin_has_the_same_lines(
    serving: Serving, document: Callable[..., Path], api: Upstream
) -> None:
    document(FAX, "fax.py")
    path = document(FAXED)
    flags = ("--port", "0", "--base-uri", f"api={api.url}", "--plugin", "fax.py", "--access-log")
    with serving(path.name, *flags, KEY="the-key") as server:
        assert 401 == httpx.post(server.url + "/fax?503").status_code
        assert 503 == httpx.post(server.url + "/fax?503", headers={"authorization": "Bearer the-key"}).status_code
        refused, failed = waited(server, "caller refused"), waited(server, "call failed")
        server.wait_for('"status":503,"bytes"')
        first, second = logged(server, "request")

    assert ("things/f", "unauthorized") == (refused["exposure"], refused["error"])
    assert ("fax", "api.get-thing", "upstream-error") == (failed["door"], failed["operation"], failed["error"])
    assert (401, "unauthorized") == (first["status"], first["error"])
    assert ("fax", 503, 503) == (second["door"], second["status"], second["upstream_status"])
