"""What a bare name in `{{…}}` means where nothing declares it: an input, or a variable that is not set."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import gateway, upstream

Things = Callable[..., Path]


def written(things: Things, operation: str, *, path: str = "/things", before: str = "", with_: str = "") -> Path:
    return things(
        f"{before}resources: [{{path: '{path}', name: all, operations: [{{name: op, method: POST, {operation}}}]}}]",
        f"- {{path: /things, operations: [{{method: POST, name: op, call: api.op{with_}}}]}}",
        f"- {{name: op, description: d, call: api.op{with_}}}",
    )


def rpc(url: str, method: str, params: object = None) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return httpx.post(f"{url}/mcp/things", json=message).json()["result"]


def cap(*words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "cap_core", *words], capture_output=True, text=True, check=False
    ).stdout


@pytest.mark.parametrize(
    ("operation", "path", "sent"),
    [
        (
            "body: {type: json, data: {messages: [{content: '{{question}}'}]}}",
            "/things",
            b'{"messages":[{"content":"why"}]}',
        ),
        ("body: {type: text, data: 'ask {{question}}'}", "/things", b"ask why"),
        ("body: {type: form, data: {q: '{{question}}'}}", "/things", b"q=why"),
        (
            "inputParameters: [{name: q, in: query, value: 'a {{question}}'}], body: {type: text, data: x}",
            "/things",
            b"x",
        ),
        (
            "inputParameters: [{name: X-Q, in: header, value: '{{question}}'}], body: {type: text, data: x}",
            "/things",
            b"x",
        ),
        ("body: {type: text, data: x}", "/things/{{question}}", b"x"),
        ("body: {type: text, data: x}", "/things?q={{question}}", b"x"),
    ],
)
def test_a_bare_name_is_an_input(things: Things, operation: str, path: str, sent: bytes) -> None:
    document = written(things, operation, path=path)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        properties = rpc(running.url, "tools/list")["tools"][0]["inputSchema"]["properties"]
        rpc(running.url, "tools/call", {"name": "op", "arguments": {"question": "why"}})
        (request,) = api.requests

    assert ["question"] == [*properties]
    assert sent == request.body
    assert b"why" in request.target + request.body + (request.header("x-q") or b"")
    said = cap("check", str(document))
    assert "info[inferred-input]" in said
    assert "unbound-variable" not in said
    shown = json.loads(cap("explain", str(document), "op", "question=why", "--format", "json"))
    assert sent.decode() == shown["request"]["body"]


@pytest.mark.parametrize(
    ("operation", "before", "path"),
    [
        ("inputParameters: [{name: X-Api-Key, in: header, value: '{{mine}}'}]", "", "/things"),
        ("inputParameters: [{name: access_token, in: query, value: '{{mine}}'}]", "", "/things"),
        ("inputParameters: [{name: Authorization, in: header, value: 'Basic {{mine}}'}]", "", "/things"),
        (
            "body: {type: json, data: {}}",
            "inputParameters: [{name: X-App, in: header, value: '{{mine}}'}]\n",
            "/things",
        ),
        ("body: {type: json, data: {a: '{{MINE}}'}}", "", "/things"),
        ("inputParameters: [{name: q, in: query, value: '{{MY_OWN}}'}]", "", "/things"),
        ("body: {type: json, data: {}}", "", "/things/{{MY_OWN}}"),
        ("body: {type: json, data: {}}", "authentication: {type: bearer, token: '{{mine}}'}\n", "/things"),
        ("body: {type: json, data: {a: '{{env.mine}}'}}", "", "/things"),
    ],
)
def test_what_is_the_operators_is_a_variable_that_is_not_set(
    things: Things, operation: str, before: str, path: str
) -> None:
    document = written(things, operation, before=before, path=path)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        properties = rpc(running.url, "tools/list")["tools"][0]["inputSchema"]["properties"]
        answer = httpx.post(f"{running.url}/things")
        count = len(api.requests)

    assert set() == set(properties) - {"body"}
    assert (503, 0) == (answer.status_code, count)
    assert "unbound-variable" in cap("check", str(document))


def test_capitals_that_the_exposed_side_declares_are_an_input(things: Things) -> None:
    document = written(things, "body: {type: json, data: {a: '{{CITY}}'}}", with_=", inputParameters: [{name: CITY}]")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        rpc(running.url, "tools/call", {"name": "op", "arguments": {"CITY": "Bern"}})
        assert [b'{"a":"Bern"}'] == [request.body for request in api.requests]


def test_a_binding_counts_before_an_input(things: Things) -> None:
    document = written(things, "body: {type: json, data: {a: '{{THINGS_KEY}}', b: '{{x}}'}}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": "k"}) as running:
        rpc(running.url, "tools/call", {"name": "op", "arguments": {"x": 1}})
        assert [b'{"a":"k","b":1}'] == [request.body for request in api.requests]
