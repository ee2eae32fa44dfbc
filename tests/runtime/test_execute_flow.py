"""Flows of several steps: connections that stay usable, callers who leave, interceptors, credentials over plain http."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.plan.upstream import Timeouts
from cap_core.plugins.exposure import Limits
from cap_core.runtime.options import OpenOptions, UpstreamOptions
from cap_core.testing import Answered, Recorded, gateway, upstream
from cap_core.testing.loops import PATIENCE

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds:
- {namespace: env, keys: {KEY: KEY}}
capability:
  consumes:
  - type: http
    namespace: first
    baseUri: https://first.example
    resources:
    - path: /things
      operations:
      - {name: find, method: GET, inputParameters: [{name: word, in: query}]}
  - type: http
    namespace: second
    baseUri: http://second.example
    authentication: {type: bearer, token: '{{KEY}}'}
    resources:
    - path: /things/{id}
      operations:
      - {name: get, method: GET}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - path: /go
      operations:
      - method: GET
        name: go
        steps:
        - {name: found, call: first.find, with: {word: rest.word}}
        - {name: again, call: first.find, with: {word: found.next}}
        - {name: got, call: second.get, with: {id: again.id}}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - name: go
      description: Go.
      steps:
      - {name: found, call: first.find, with: {word: tools.word}}
      - {name: again, call: first.find, with: {word: found.next}}
      - {name: got, call: second.get, with: {id: again.id}}
"""
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "0"},
}
FOUND = Answered(body=b'{"next": "lamp", "id": 7}')
JSON = (b"content-type", b"application/json")


@pytest.fixture
def flow(document: Callable[..., Path]) -> Path:
    return document(DOCUMENT)


def tool(url: str, era: str = "2025-11-25", **more: Any) -> Any:
    headers = {"mcp-protocol-version": era}
    params: dict[str, object] = {"name": "go", "arguments": {"word": "a"}}
    if era == "2026-07-28":
        params["_meta"] = MODERN
        headers |= {"mcp-method": "tools/call", "mcp-name": "go"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return httpx.post(url + "/mcp", json=message, headers=headers, **more).json()["result"]


def rest(url: str) -> httpx.Response:
    return httpx.get(url + "/go?word=a")


FAILURES: dict[str, tuple[Answered, int]] = {
    "400": (Answered(status=400, body=b'{"wrong": "word"}'), 400),
    "500 in chunks": (Answered(status=500, body=[b"oh", b" no"]), 500),
    "302": (Answered(status=302, headers=((b"location", b"https://elsewhere.example/"),), body=b"moved"), 502),
    "304": (Answered(status=304, body=b""), 502),
    "cut": (Answered(headers=(JSON,), body=[b'{"next": "', b'lamp"}'], cut=1), 502),
    "malformed": (Answered(body=b'{"next": '), 502),
    "no UTF-8": (Answered(body=b'{"next": "\xff"}'), 502),
    "too large": (Answered(body=b'"' + b"x" * 70_000 + b'"'), 502),
    "too large, in chunks": (Answered(body=[b"x" * 7000] * 10), 502),
    "too large when decoded": (
        Answered(headers=(JSON, (b"content-encoding", b"gzip")), body=gzip.compress(b" " * 70_000 + b"1")),
        502,
    ),
    "an unknown coding": (Answered(headers=(JSON, (b"content-encoding", b"x-own")), body=b"{}"), 502),
    "a bad coding": (Answered(headers=(JSON, (b"content-encoding", b"gzip")), body=b"{}"), 502),
}


@pytest.mark.parametrize("step", [0, 1])
@pytest.mark.parametrize("name", FAILURES)
def test_a_step_that_fails_leaves_the_only_connection_usable(flow: Path, name: str, step: int) -> None:
    answer, status = FAILURES[name]
    order = iter(([FOUND] * step + [answer]) * 3)  # for REST, and for a tool in each era; then all is well
    one = UpstreamOptions(connections=1, timeouts=Timeouts(connect=2.0))
    opening = OpenOptions(upstreams={"first": one, "second": one}, limits=Limits(answer=60_000))
    with upstream(lambda request: next(order, FOUND)) as first, upstream() as second:
        uris = {"first": first.url, "second": second.url}
        with gateway(flow, base_uris=uris, values={"KEY": "k"}, opening=opening) as cap:
            failed = rest(cap.url)
            results = [tool(cap.url, era) for era in ("2025-11-25", "2026-07-28")]
            fine = rest(cap.url)

    assert (status, 200) == (failed.status_code, fine.status_code)
    assert [True, True] == [result["isError"] for result in results]
    assert 1 == len(second.requests)
    assert 3 * (step + 1) + 2 == len(first.requests)


def test_two_steps_may_call_one_operation(flow: Path) -> None:
    answers = iter([Answered(body=b'{"next": "second word"}'), FOUND])
    with upstream(lambda request: next(answers)) as first, upstream() as second:
        uris = {"first": first.url, "second": second.url}
        with gateway(flow, base_uris=uris, values={"KEY": "k"}) as cap:
            rest(cap.url)

    assert [b"/things?word=a", b"/things?word=second%20word"] == [one.target for one in first.requests]
    assert [b"/things/7"] == [one.target for one in second.requests]


@pytest.mark.parametrize("waiting", [0, 1])
@pytest.mark.parametrize("face", ["rest", "tool"])
def test_a_caller_who_leaves_in_the_middle_frees_the_upstream_and_nothing_more_is_sent(
    flow: Path, face: str, waiting: int
) -> None:
    order = iter([FOUND] * waiting + [Answered(pause=30)])
    one = UpstreamOptions(connections=1, timeouts=Timeouts(connect=2.0))
    opening = OpenOptions(upstreams={"first": one, "second": one})
    with upstream(lambda request: next(order, FOUND)) as first, upstream() as second:
        uris = {"first": first.url, "second": second.url}
        with gateway(flow, base_uris=uris, values={"KEY": "k"}, opening=opening) as cap:
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(cap.url + "/go?word=a", timeout=0.5) if face == "rest" else tool(cap.url, timeout=0.5)
            assert first.gone.wait(PATIENCE)
            sent = (len(first.requests), len(second.requests))
            fine = rest(cap.url)

    assert (waiting + 1, 0) == sent
    assert 200 == fine.status_code


def test_the_credential_of_a_later_step_never_goes_over_plain_http_and_nothing_is_sent_before_it(flow: Path) -> None:
    with upstream(lambda request: FOUND) as first:
        with gateway(flow, base_uris={"first": first.url}, values={"KEY": "k"}) as cap:
            answer, result = rest(cap.url), tool(cap.url)

    assert (503, "urn:cap:problem:plaintext") == (answer.status_code, answer.json()["type"])
    assert "a credential of second would go to second.example over plain http" in answer.json()["detail"]
    assert result["isError"]
    assert [] == first.requests


PLUGIN = """
from cap_core import Interceptor, hookimpl

async def note(run, word, *arguments):
    with open(r"{log}", "a") as log:
        print(word, file=log)
    return await run(*arguments)

def wrap_call(call, run):
    return lambda values, context: note(run, f"call {call.exposed.name}", values, context)

def wrap_send(operation, send):
    return lambda request, context: note(send, f"send {operation.name}", request, context)

@hookimpl
def cap_interceptors():
    return [Interceptor(key="noting", wrap_call=wrap_call, wrap_send=wrap_send)]
"""


def test_interceptors_see_a_flow_once_and_each_of_its_requests(flow: Path, tmp_path: Path) -> None:
    log, plugin = tmp_path / "log.txt", tmp_path / "noting.py"
    plugin.write_text(PLUGIN.replace("{log}", str(log)))
    with upstream(lambda request: FOUND) as first, upstream() as second:
        uris = {"first": first.url, "second": second.url}
        with gateway(flow, base_uris=uris, values={"KEY": "k"}, plugin_files=[plugin]) as cap:
            rest(cap.url)

    assert ["call go", "send find", "send find", "send get"] == log.read_text().splitlines()


def test_the_last_answer_streams_as_it_arrives_in_an_ordinary_call(flow: Path) -> None:
    def answer(request: Recorded) -> Answered:
        return Answered(headers=((b"content-type", b"text/csv"),), body=[b"a,b\n", b"1,2\n"])

    with upstream(lambda request: FOUND) as first, upstream(answer) as second:
        uris = {"first": first.url, "second": second.url}
        with gateway(flow, base_uris=uris, values={"KEY": "k"}) as cap:
            got = rest(cap.url)

    assert ("text/csv", b"a,b\n1,2\n") == (got.headers["content-type"], got.content)
