"""Who owns an upstream's body: after every failure, a pool of one connection serves the next call."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

import httpx
import pytest

from cap_core.plan.upstream import Timeouts
from cap_core.runtime.options import OpenOptions, UpstreamOptions
from cap_core.testing import Answered, Recorded, Running, Upstream, gateway, upstream

JSON = (b"content-type", b"application/json")
BIG = [b"x" * 70_000] * 40
"""More than fits into the buffers on the way, so that it is unread when the answer is refused."""

DOCUMENT = """\
naftiko: 1.0.0-alpha2
info: {label: Things, description: Things for tests.}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - path: /things/{id}
      operations:
      - {name: get-thing, method: GET, outputRawFormat: json}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - path: /things/{id}
      operations:
      - {method: GET, name: get-thing, call: api.get-thing}
    - path: /mapped/{id}
      operations:
      - method: GET
        name: map-thing
        call: api.get-thing
        outputParameters: [{name: v, type: integer, mapping: $.v}]
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - {name: get-thing, description: Get it., call: api.get-thing}
    - name: map-thing
      description: Map it.
      call: api.get-thing
      outputParameters: [{name: v, type: integer, mapping: $.v}]
"""


def redirect(location: bytes) -> Answered:
    return Answered(302, (JSON, (b"location", location)), BIG)


def encoded(coding: bytes, body: bytes | list[bytes]) -> Answered:
    return Answered(headers=(JSON, (b"content-encoding", coding)), body=body)


WHOLE = gzip.compress(b'{"v":1}' + b" " * 100_000)

ANSWERS = {
    "ok": Answered(body=b'{"v":1}'),
    "unknown-coding": encoded(b"br", BIG),
    "one-unknown-coding-of-two": encoded(b"gzip, br", BIG),
    "control-character": Answered(headers=(JSON, (b"x-a", b"a\x01b")), body=BIG),
    "status-600": Answered(600, (JSON,), BIG),
    "malformed-redirect": redirect(b"/things/a blank"),
    "redirect-elsewhere": redirect(b"https://elsewhere.example/things/ok"),
    "redirect-in-a-loop": redirect(b"/things/redirect-in-a-loop"),
    "redirect-to-no-answer": redirect(b"/things/no-status"),
    "redirect-to-an-unknown-coding": redirect(b"/things/unknown-coding"),
    "no-status": Answered(1, (JSON,), b""),
    "too-large": Answered(body=[b" " * 1_000_000] * 12),
    "no-json": Answered(body=[b"<html>"]),
    "cut-body": Answered(body=[b'{"v":', b"1}"], cut=1),
    "cut-gzip": encoded(b"gzip", [WHOLE[: len(WHOLE) // 2]]),
    "cut-gzip-and-cut-body": Answered(
        headers=(JSON, (b"content-encoding", b"gzip")), body=[WHOLE[:20], WHOLE[20:]], cut=1
    ),
    "gzip-that-is-none": encoded(b"gzip", BIG),
    "slow-head": Answered(pause=30),
    "slow-body": Answered(body=[b"{", b"}"], pause=30),
    "redirect-to-a-slow-head": redirect(b"/things/slow-head"),
}

ONE = OpenOptions(upstreams={"api": UpstreamOptions(connections=1, timeouts=Timeouts(connect=3.0))})


def answer(request: Recorded) -> Answered:
    return ANSWERS[request.target.removeprefix(b"/things/").decode()]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Upstream]]:
    """A gateway with one connection to its upstream."""
    path = tmp_path_factory.mktemp("send") / "things.yaml"
    path.write_text(DOCUMENT)
    with upstream(answer) as api, gateway(path, base_uris={"api": api.url}, opening=ONE) as cap:
        yield cap, api


def call_tool(url: str, name: str, id: str, timeout: float = 10) -> dict[str, object]:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {"id": id}}}
    headers = {"mcp-protocol-version": "2025-11-25"}
    result: dict[str, object] = httpx.post(url + "/mcp", json=message, headers=headers, timeout=timeout).json()[
        "result"
    ]
    return result


def rest(url: str, path: str, id: str, timeout: float = 10) -> httpx.Response:
    return httpx.get(f"{url}/{path}/{id}", timeout=timeout)


def mapped(url: str, id: str, timeout: float = 10) -> int:
    return rest(url, "mapped", id, timeout).status_code


def tool(url: str, id: str, timeout: float = 10) -> bool:
    return bool(call_tool(url, "get-thing", id, timeout).get("isError"))


def mapped_tool(url: str, id: str, timeout: float = 10) -> bool:
    return bool(call_tool(url, "map-thing", id, timeout).get("isError"))


REDIRECTS = {"malformed-redirect", "redirect-elsewhere", "redirect-in-a-loop"}
UNREADABLE = [name for name in ANSWERS if name != "ok" and "slow" not in name]


@pytest.mark.parametrize("id", UNREADABLE)
@pytest.mark.parametrize("face", [mapped, mapped_tool], ids=["rest", "tool"])
def test_a_mapped_call_that_fails_keeps_no_connection(served, face: Callable[[str, str], object], id: str) -> None:
    cap, _ = served
    failed = face(cap.url, id)

    assert (302 if id in REDIRECTS else 502) == failed if face is mapped else id in REDIRECTS or failed
    assert 200 == mapped(cap.url, "ok")


@pytest.mark.parametrize("id", [name for name in UNREADABLE if name != "no-json"])
def test_a_tool_call_that_fails_keeps_no_connection(served, id: str) -> None:
    cap, _ = served

    assert tool(cap.url, id) or id in REDIRECTS
    assert not tool(cap.url, "ok")


@pytest.mark.parametrize("id", ["control-character", "status-600", "no-status"])
def test_an_untouched_answer_that_is_refused_keeps_no_connection(served, id: str) -> None:
    cap, _ = served

    assert 502 == rest(cap.url, "things", id).status_code
    assert 200 == rest(cap.url, "things", "ok").status_code


@pytest.mark.parametrize("id", ["slow-head", "slow-body", "redirect-to-a-slow-head"])
@pytest.mark.parametrize("face", [mapped, tool, mapped_tool])
def test_a_caller_who_has_gone_keeps_no_connection(served, face: Callable[..., object], id: str) -> None:
    cap, api = served
    api.gone.clear()
    with pytest.raises(httpx.ReadTimeout):
        face(cap.url, id, 0.4)

    assert api.gone.wait(3.0)
    assert 200 == mapped(cap.url, "ok")


def test_a_redirect_in_a_loop_is_followed_five_times(served) -> None:
    cap, api = served
    before = len(api.requests)
    mapped(cap.url, "redirect-in-a-loop")

    assert 6 == len(api.requests) - before
