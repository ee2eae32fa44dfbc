"""A location in front of a name counts where an author writes it as a source, and nowhere else; on every face alike."""

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


def written(
    things: Things, consumed: str, exposed: str, *, path: str = "/things", with_: str = "", tool: str = ""
) -> Path:
    return things(
        f"resources: [{{path: '{path}', name: all, operations: [{{name: op, method: GET{consumed}}}]}}]",
        f"- {{path: '{exposed}', operations: [{{method: GET, name: op, call: api.op{with_}}}]}}",
        f"- {{name: op, description: d, call: api.op{tool or with_}}}",
    )


def rpc(url: str, method: str, params: object = None) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
    return httpx.post(f"{url}/mcp/things", json=message).json()["result"]


def cap(*words: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "cap_core", *words], capture_output=True, text=True, check=False
    ).stdout


DOTTED = (
    "{name: query.term, in: query}, {name: header.y, in: header}, {name: path.x, in: query}, {name: body.z, in: query}"
)


def test_names_of_parameters_that_look_like_locations_stay_whole(things: Things) -> None:
    document = written(things, f", inputParameters: [{DOTTED}]", "/things")
    given = {"query.term": "1", "header.y": "2", "path.x": "3", "body.z": "4"}
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        properties = rpc(running.url, "tools/list")["tools"][0]["inputSchema"]["properties"]
        rpc(running.url, "tools/call", {"name": "op", "arguments": given})
        answer = httpx.get(f"{running.url}/things", params=given)
        by_tool, by_rest = api.requests

    assert [*given] == [*properties]
    assert 200 == answer.status_code
    assert by_tool.target == by_rest.target == b"/things?query.term=1&path.x=3&body.z=4"
    assert b"2" == by_tool.header("header.y") == by_rest.header("header.y")
    shown = json.loads(
        cap("explain", str(document), "GET /things", *(f"{k}={v}" for k, v in given.items()), "--format", "json")
    )
    assert "/base/things?query.term=1&path.x=3&body.z=4" == shown["request"]["target"]


@pytest.mark.parametrize(
    ("place", "target", "headers"),
    [("query", "/t?id=7", {}), ("header", "/t", {"id": "7"}), ("cookie", "/t", {"cookie": "id=7"})],
)
def test_a_location_that_an_author_writes_is_no_part_of_the_name(
    things: Things, place: str, target: str, headers: dict[str, str]
) -> None:
    document = written(
        things,
        ", inputParameters: [{name: n, in: query}]",
        "/t",
        with_=f", with: {{n: rest.{place}.id}}",
        tool=f", with: {{n: tools.{place}.id}}",
    )
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        properties = rpc(running.url, "tools/list")["tools"][0]["inputSchema"]["properties"]
        rpc(running.url, "tools/call", {"name": "op", "arguments": {"id": "7"}})
        httpx.get(running.url + target, headers=headers)
        sent = [request.target for request in api.requests]

    assert ["id"] == [*properties]
    assert [b"/things?n=7"] * 2 == sent
    for face in ("op", "GET /t"):
        shown = json.loads(cap("explain", str(document), face, "id=7", "--format", "json"))
        assert "/base/things?n=7" == shown["request"]["target"]


def test_a_path_that_an_author_names_is_its_placeholder_everywhere(things: Things) -> None:
    document = written(things, "", "/t/{id}", path="/things/{n}", with_=", with: {n: rest.path.id}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        assert 200 == httpx.get(f"{running.url}/t/7").status_code
        assert [b"/things/7"] == [request.target for request in api.requests]

    shown = json.loads(cap("explain", str(document), "GET /t/{id}", "id=7", "--format", "json"))
    assert "/base/things/7" == shown["request"]["target"]


def test_one_name_in_two_places_is_two_inputs(things: Things) -> None:
    document = written(
        things,
        ", inputParameters: [{name: a, in: query}, {name: b, in: query}]",
        "/t/{id}",
        with_=", with: {a: rest.path.id, b: rest.query.id}",
    )
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        httpx.get(f"{running.url}/t/7?id=8")
        assert [b"/things?a=7&b=8"] == [request.target for request in api.requests]


def test_a_declared_input_of_the_place_is_that_input(things: Things) -> None:
    document = written(
        things,
        ", inputParameters: [{name: n, in: query}]",
        "/t",
        with_=", inputParameters: [{name: id, in: query, type: integer}], with: {n: rest.query.id}",
    )
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as running:
        assert [200, 400] == [httpx.get(f"{running.url}/t?id={text}").status_code for text in ("7", "x")]
        assert [b"/things?n=7"] == [request.target for request in api.requests]
