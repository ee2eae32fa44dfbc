"""Authentication wins: what names a parameter that it supplies changes nothing, wherever it stands."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import Recorded, gateway, upstream

KEY = "the-gateways-own-key"
AUTHENTICATION = {
    "header": "{type: apikey, key: X-Key, value: '{{THINGS_KEY}}', placement: header}",
    "query": "{type: apikey, key: X-Key, value: '{{THINGS_KEY}}', placement: query}",
    "cookie": "{type: apikey, key: X-Key, value: '{{THINGS_KEY}}', placement: cookie}",
    "body": "{type: apikey, key: X-Key, value: '{{THINGS_KEY}}', placement: body}",
    "bearer": "{type: bearer, token: '{{THINGS_KEY}}'}",
}


def consumes(placement: str, method: str, declared: bool, body: str = "") -> str:
    name = "Authorization" if placement == "bearer" else "X-Key"
    place = "header" if placement == "bearer" else placement
    parameter = f"{{name: {name}, in: {place}, required: true}}, " if declared else ""
    return f"""\
authentication: {AUTHENTICATION[placement]}
resources:
- path: /things
  name: all
  operations:
  - {{name: op, method: {method}, {body} inputParameters: [{parameter}{{name: q, in: query}}]}}
"""


def written(things: Callable[..., Path], upstream_side: str, method: str, entry: str, name: str) -> Path:
    rest = f"- {{path: /things, operations: [{{method: {method}, name: op, call: api.op, {entry}}}]}}"
    return things(upstream_side, rest, f"- {{name: op, description: d, call: api.op, {entry}}}", name)


def rpc(url: str, document: Path, method: str, **params: object) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx.post(f"{url}/mcp/{document.stem}", json=message).json()["result"]


def seen(request: Recorded) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    skipped = (b"host", b"user-agent", b"accept", b"content-length")
    headers = sorted((name.lower(), value) for name, value in request.headers if name.lower() not in skipped)
    return request.target, headers, request.body


def exchange(document: Path, method: str, arguments: Mapping[str, object]) -> tuple[list[Any], Any]:
    """What the upstream gets over REST and for the tool, and the tool's schema; callers try a key of their own."""
    own = {"x-key": "the-callers", "authorization": "the-callers"}
    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": KEY}) as cap:
        response = httpx.request(method, f"{cap.url}/things?q=1&X-Key=the-callers", headers=own, cookies={"X-Key": "c"})
        assert 200 == response.status_code, response.text
        schema = rpc(cap.url, document, "tools/list")["tools"][0]["inputSchema"]
        rpc(cap.url, document, "tools/call", name="op", arguments=arguments)
        assert 2 == len(api.requests)
        return [seen(request) for request in api.requests], schema


ENTRIES = [
    pytest.param("with: {NAME: tools.secret, q: tools.q}", id="with"),
    pytest.param("with: {NAME: rest.header.NAME, q: tools.q}", id="with-from-a-header"),
    pytest.param("with: {NAME: rest.body.NAME, q: tools.q}", id="with-from-the-body"),
    pytest.param("with: {NAME: a-literal, q: tools.q}", id="literal"),
    pytest.param(
        "with: {NAME: tools.secret, q: tools.q}, inputParameters: [{name: secret, required: true}]", id="both"
    ),
    pytest.param("with: {q: tools.q}, inputParameters: [{name: NAME, required: true}]", id="declared"),
    pytest.param("with: {q: tools.q}, inputParameters: [{name: NAME, in: header, required: true}]", id="in-a-header"),
]


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize(
    ("placement", "method", "declared"),
    [
        ("query", "GET", True),
        ("header", "GET", True),
        ("bearer", "GET", False),
        ("bearer", "POST", True),
        ("query", "POST", False),
        ("cookie", "POST", True),
        ("body", "POST", True),
        ("query", "DELETE", True),
    ],
)
def test_what_names_a_supplied_parameter_changes_nothing(
    things: Callable[..., Path], entry: str, placement: str, method: str, declared: bool
) -> None:
    named = entry.replace("NAME", "Authorization" if placement == "bearer" else "X-Key")
    side = consumes(placement, method, declared)
    plain = written(things, side, method, "with: {q: tools.q}", "plain.yaml")
    document = written(things, side, method, named, "named.yaml")

    expected, schema = exchange(plain, method, {"q": "1"})
    got, shown = exchange(document, method, {"q": "1"})

    assert (expected, schema) == (got, shown)
    assert "the-callers" not in repr(got)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_tool_keeps_its_body(things: Callable[..., Path], method: str) -> None:
    side = consumes("query", method, True)
    document = written(things, side, method, "with: {X-Key: tools.body.key, q: tools.q}", "kept.yaml")

    requests, schema = exchange(document, method, {"q": "1", "body": {"a": 1}})

    assert {"q", "body"} == schema["properties"].keys()
    assert b'{"a":1}' == requests[1][2]


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("{type: json, data: {key: '{{tools.X-Key}}', q: '{{tools.q}}'}}", b'{"q":"1"}'),
        ("{type: json, data: {deep: {list: ['{{tools.X-Key}}']}, q: '{{tools.q}}'}}", b'{"q":"1"}'),
        ("{type: json, data: {key: 'k {{tools.X-Key}}', n: 1}}", b'{"n":1}'),
        ("{type: json, data: {key: '{{tools.X-Key}}'}}", b"{}"),
        ("{type: form, data: {key: '{{tools.X-Key}}', q: '{{tools.q}}'}}", b"q=1"),
    ],
)
def test_a_template_that_names_a_supplied_parameter_goes_without(
    things: Callable[..., Path], body: str, sent: bytes
) -> None:
    document = written(things, consumes("query", "POST", True, f"body: {body},"), "POST", "label: l", "template.yaml")

    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": KEY}) as cap:
        schema = rpc(cap.url, document, "tools/list")["tools"][0]["inputSchema"]
        rpc(cap.url, document, "tools/call", name="op", arguments={"q": "1"})

        assert [sent] == [request.body for request in api.requests]
    assert "X-Key" not in schema["properties"]


def test_a_parameter_of_that_name_elsewhere_is_an_input(things: Callable[..., Path]) -> None:
    side = consumes("query", "POST", True).replace("{name: q, in: query}", "{name: X-Key, in: body}")
    document = written(things, side, "POST", "with: {X-Key: tools.k}", "other.yaml")

    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": KEY}) as cap:
        rpc(cap.url, document, "tools/call", name="op", arguments={"k": "1"})

        assert [(b"/things?X-Key=" + KEY.encode(), b'{"X-Key":"1"}')] == [(r.target, r.body) for r in api.requests]


def test_a_placeholder_of_that_name_identifies_nothing(things: Callable[..., Path]) -> None:
    document = things(
        consumes("query", "DELETE", True),
        "- {path: '/{X-Key}/things', operations: [{method: DELETE, name: op, call: api.op, with: {X-Key: rest.X-Key}}]}",
    )

    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": KEY}) as cap:
        assert 200 == httpx.delete(f"{cap.url}/abc/things").status_code
        assert [b"/things?X-Key=" + KEY.encode()] == [request.target for request in api.requests]


def test_a_step_sends_no_second_credential(things: Callable[..., Path]) -> None:
    entry = "inputParameters: [{name: token, required: true}], steps: [{type: call, name: s, call: api.op, with: {X-Key: tools.token}}]"
    document = things(consumes("query", "POST", True), tools=f"- {{name: op, description: d, {entry}}}")

    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": KEY}) as cap:
        schema = rpc(cap.url, document, "tools/list")["tools"][0]["inputSchema"]
        rpc(cap.url, document, "tools/call", name="op", arguments={})

        assert [(b"/things?X-Key=" + KEY.encode(), b"")] == [(r.target, r.body) for r in api.requests]
    assert "token" not in schema["properties"]


def test_explain_shows_one_credential(things: Callable[..., Path]) -> None:
    document = written(things, consumes("query", "GET", True), "GET", "with: {X-Key: tools.key}", "shown.yaml")
    words = ["explain", str(document), "GET /things", "--set", f"THINGS_KEY={KEY}", "--format", "json"]
    run = subprocess.run([sys.executable, "-m", "cap_core", *words], capture_output=True, text=True, timeout=60)
    shown = json.loads(run.stdout)

    assert 1 == shown["request"]["url"].count("X-Key")
    assert ["q"] == [one["name"] for one in shown["inputs"]]


def test_a_header_of_the_gateway_is_not_sent_elsewhere(things: Callable[..., Path]) -> None:
    side = consumes("query", "GET", False).replace("{name: q, in: query}", "{name: Host, in: header}")
    document = written(things, side, "GET", "with: {Host: tools.h}", "host.yaml")

    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": KEY}) as cap:
        rpc(cap.url, document, "tools/call", name="op", arguments={})

        assert [b"/things?X-Key=" + KEY.encode()] == [request.target for request in api.requests]


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_is_reported_once(things: Callable[..., Path], entry: str) -> None:
    rest = (
        f"- {{path: /things, operations: [{{method: GET, name: op, call: api.op, {entry.replace('NAME', 'X-Key')}}}]}}"
    )
    document = things(consumes("query", "GET", True), rest)
    out = compile_source(DocumentSource("d", "d.yaml", document), loader.load(), CompileOptions())

    (one,) = [found for found in out.diagnostics if found.code == "auth-supplies"]
    assert "X-Key' has no effect: the authentication supplies query 'X-Key'" in one.message
    assert [] == [found for found in out.diagnostics if found.code == "unknown-parameter"]
