"""The batch seed, whole: five operations over REST and over MCP in both eras, as the upstream gets them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cap_core.testing import Answered, Recorded, Running, Upstream, gateway, upstream

KEY = "canary-4f1d9a"
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"

# What each operation means, written by hand: REST request, tool and arguments, upstream method, target and body.
BATCH = {"input_file_id": "f", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
OPERATIONS = [
    pytest.param(
        ("POST", "/v1/batches", BATCH),
        ("creates-and-executes-batch-uploaded", {"body": BATCH}),
        ("POST", b"/v1/batches", BATCH),
        id="create",
    ),
    pytest.param(
        ("GET", "/v1/batches?limit=5&after=batch_1", None),
        ("list-your-organization-s-batches", {"limit": 5, "after": "batch_1"}),
        ("GET", b"/v1/batches?after=batch_1&limit=5", None),
        id="list",
    ),
    pytest.param(
        ("GET", "/v1/batches", None),
        ("list-your-organization-s-batches", {}),
        ("GET", b"/v1/batches", None),
        id="list-without-options",
    ),
    pytest.param(
        ("GET", "/v1/batches/batch_1", None),
        ("retrieves-batch", {"batch_id": "batch_1"}),
        ("GET", b"/v1/batches/batch_1", None),
        id="retrieve",
    ),
    pytest.param(
        ("POST", "/v1/batches/batch_1/cancel", None),
        ("cancels-progress-batch-batch-will", {"batch_id": "batch_1"}),
        ("POST", b"/v1/batches/batch_1/cancel", None),
        id="cancel",
    ),
    pytest.param(
        ("GET", "/v1/batches/batch_1/output", None),
        ("returns-batch-output-stream", {"batch_id": "batch_1"}),
        ("GET", b"/v1/batches/batch_1/output", None),
        id="output",
    ),
]


def answer(request: Recorded) -> Answered:
    if request.target.endswith(b"/output"):
        lines = (b'{"custom_id":"a"}\n', b'{"custom_id":"b"}\n')
        return Answered(headers=((b"content-type", b"application/jsonl"),), body=lines)
    return Answered(
        body=b'{"id":"batch_1","object":"batch"}',
        headers=((b"content-type", b"application/json"), (b"set-cookie", b"a=b")),
    )


@pytest.fixture
def api() -> Iterator[Upstream]:
    with upstream(answer) as running:
        yield running


@pytest.fixture
def cap(api: Upstream, seed: Callable[[str], Path]) -> Iterator[Running]:
    with gateway(
        seed("portkey-batch"), base_uris={"portkey-batch": api.url + "/v1"}, values={"env.PORTKEY_API_KEY": KEY}
    ) as running:
        yield running


def tool_call(url: str, era: str, name: str, arguments: dict[str, object]) -> dict[str, object]:
    params: dict[str, object] = {"name": name, "arguments": arguments}
    headers = {"accept": "application/json, text/event-stream"}
    if era == MODERN:
        params["_meta"] = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
        headers |= {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": name}
    else:
        headers["mcp-protocol-version"] = era
    message = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}
    response = httpx.post(url + "/mcp", json=message, headers=headers)
    assert 200 == response.status_code, response.text
    result: dict[str, object] = response.json()["result"]
    return result


def assert_meant(request: Recorded, meant: tuple[str, bytes, object], extra: frozenset[bytes] = frozenset()) -> None:
    method, target, body = meant
    assert (method, target) == (request.method, request.target)
    assert f"Bearer {KEY}".encode() == request.header("authorization")
    assert (json.loads(request.body) if request.body else None) == body
    names = {name.lower() for name, _ in request.headers}
    allowed = {b"host", b"authorization", b"user-agent", b"accept-encoding"}
    allowed |= {b"content-length"} if method == "POST" else set()
    allowed |= {b"content-type"} if body is not None else set()
    assert names - extra == allowed
    if body is not None:
        assert b"application/json" == request.header("content-type")


@pytest.mark.parametrize(("rest", "tool", "meant"), OPERATIONS)
def test_rest_sends_what_the_document_means(cap: Running, api: Upstream, rest, tool, meant) -> None:
    method, path, body = rest
    headers = {"authorization": "Bearer the-caller's", "cookie": "caller=1"}
    response = httpx.request(method, cap.url + path, json=body, headers=headers)

    assert 200 == response.status_code
    assert "set-cookie" not in response.headers
    assert_meant(api.requests[-1], meant, extra=frozenset({b"accept"}))
    assert b"caller" not in b"".join(value for _, value in api.requests[-1].headers)


@pytest.mark.parametrize("era", ["2025-03-26", "2025-06-18", "2025-11-25", MODERN])
@pytest.mark.parametrize(("rest", "tool", "meant"), OPERATIONS)
def test_mcp_sends_what_the_document_means(cap: Running, api: Upstream, era: str, rest, tool, meant) -> None:
    result = tool_call(cap.url, era, *tool)

    assert not result.get("isError")
    assert_meant(api.requests[-1], meant)


def test_json_lines_arrive_as_they_are(cap: Running) -> None:
    response = httpx.get(cap.url + "/v1/batches/batch_1/output")

    assert "application/jsonl" == response.headers["content-type"]
    assert '{"custom_id":"a"}\n{"custom_id":"b"}\n' == response.text


def test_the_body_of_a_create_is_forwarded_byte_for_byte(cap: Running, api: Upstream) -> None:
    spelled = b'{ "n": 1.50, "big": 12345678901234567890123, "s": "\\u00e9" }'
    httpx.post(cap.url + "/v1/batches", content=spelled, headers={"content-type": "application/json"})

    assert spelled == api.requests[-1].body


@pytest.mark.parametrize(
    ("path", "on_the_wire"),
    [
        ("/v1/batches/a%2Fb", b"/v1/batches/a%2Fb"),
        ("/v1/batches/%F0%9F%8D%95", b"/v1/batches/%F0%9F%8D%95"),
        ("/v1/batches/a%20b%3Fc%23d%25", b"/v1/batches/a%20b%3Fc%23d%25"),
    ],
)
def test_an_identifier_stays_in_its_segment(cap: Running, api: Upstream, path: str, on_the_wire: bytes) -> None:
    assert 200 == httpx.get(cap.url + path).status_code
    assert on_the_wire == api.requests[-1].target


@pytest.mark.parametrize("identifier", ["..", "."])
def test_an_identifier_that_would_climb_is_refused(cap: Running, api: Upstream, identifier: str) -> None:
    result = tool_call(cap.url, MODERN, "retrieves-batch", {"batch_id": identifier})

    assert result["isError"]
    assert "batch_id" in str(result)
    assert [] == api.requests
