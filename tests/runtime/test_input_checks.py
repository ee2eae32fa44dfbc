"""Whatever an input may be and whatever is given: every face takes the same values and sends the same, once or never."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cap_core.cli import main
from cap_core.testing import Recorded, Running, Upstream, gateway, upstream

BOUNDED = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TEXTS = st.sampled_from(
    ["", "a", "ab", "red", "7", "00", "1.50", "true", "null", "a,b", "a b", "ü/?#", "[1]", "{}", ";x"]
)
NUMBERS = st.sampled_from([0, 1, -1, 7, 10**20, 0.5, -2.25])
SCALARS = st.one_of(TEXTS, NUMBERS, st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("ab"), inner, max_size=2)),
    max_leaves=5,
)
LIMITS: dict[str, Any] = {
    "enum": st.lists(st.sampled_from(["a", "7", "red", 7, 0.5, True]), min_size=1, max_size=3),
    "minLength": st.integers(0, 2),
    "maxLength": st.integers(0, 3),
    "minimum": st.sampled_from([0, 0.5, 7]),
    "maximum": st.sampled_from([0, 0.5, 7]),
    "pattern": st.sampled_from(["^a", "^[0-9.]+$", "x"]),
    "nullable": st.booleans(),
    "required": st.booleans(),
}
SCALAR_TYPES = ("string", "integer", "number", "boolean")


def of_scalars(types: tuple[str | None, ...]) -> st.SearchStrategy[dict[str, Any]]:
    limited = st.fixed_dictionaries({"type": st.sampled_from(types)}, optional=LIMITS)
    return limited.map(lambda words: {key: word for key, word in words.items() if word is not None})


def parts(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.fixed_dictionaries({"type": st.just("array")}, optional={"items": inner, "enum": LIMITS["enum"]})
    members = st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    objects = st.fixed_dictionaries(
        {"type": st.just("object"), "properties": members}, optional={"nullable": st.booleans()}
    )
    return st.one_of(lists, objects)


TYPES = st.recursive(of_scalars((None, *SCALAR_TYPES)), parts, max_leaves=4)


class World:
    """One gateway and one upstream; each document takes over from the one before, as a reload does."""

    def __init__(self, path: Path, api: Upstream, running: Running, client: httpx.Client) -> None:
        self.path, self.api, self.running, self.client = path, api, running, client

    def serve(self, parameter: dict[str, Any], path: str) -> None:
        operation = {"name": "op", "method": "POST", "inputParameters": [{"name": "x", **parameter}]}
        rest = {"method": "POST", "name": "op", "call": "api.op"}
        consumed = {
            "namespace": "api",
            "baseUri": self.api.url,
            "resources": [{"path": path, "operations": [operation]}],
        }
        exposes = [
            {"type": "rest", "namespace": "r", "port": 8080, "resources": [{"path": path, "operations": [rest]}]},
            {"type": "mcp", "namespace": "m", "port": 9090, "tools": [{"name": "op", "call": "api.op"}]},
        ]
        capability = {"consumes": [consumed], "exposes": exposes}
        self.path.write_text(yaml.safe_dump({"naftiko": "1.0.0-alpha2", "capability": capability}, sort_keys=False))
        self.running.replace(self.path)

    def tool(self, arguments: object) -> tuple[bool, list[Recorded]]:
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "op", "arguments": arguments}}
        before = len(self.api.requests)
        result = self.client.post(f"{self.running.url}/mcp", json=message).json()["result"]
        return not result.get("isError", False), self.api.requests[before:]

    def rest(self, target: str, **request: Any) -> tuple[bool, list[Recorded]]:
        before = len(self.api.requests)
        url = httpx.URL(self.running.url).copy_with(raw_path=target.encode())
        answer = self.client.post(url, **request)
        assert answer.status_code in (200, 400), answer.text
        return answer.status_code == 200, self.api.requests[before:]

    def explain(self, *arguments: str) -> dict[str, Any]:
        out = io.TextIOWrapper(io.BytesIO(), "utf-8")
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main(["explain", str(self.path), "op", *arguments, "--format", "json"])
        out.seek(0)
        shown: dict[str, Any] = json.loads(out.read())
        return shown


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    path = tmp_path_factory.mktemp("agree") / "agree.yaml"
    path.write_text(
        "naftiko: 1.0.0-alpha2\ncapability:\n  consumes: [{namespace: api, baseUri: http://127.0.0.1:9, resources:"
        " [{path: /, operations: [{name: a, method: GET}]}]}]\n  exposes: [{type: rest, namespace: r, port: 8080,"
        " resources: [{path: /idle, operations: [{method: GET, call: api.a}]}]}]\n"
    )
    with upstream() as api, gateway(path) as running, httpx.Client(timeout=10, trust_env=False) as client:
        yield World(path, api, running, client)


def seen(requests: list[Recorded]) -> list[tuple[bytes, bytes]]:
    return [(request.target, request.body) for request in requests]


@BOUNDED
@given(parameter=TYPES, value=VALUES)
def test_members_of_a_body(world: World, parameter: dict[str, Any], value: object) -> None:
    world.serve({"in": "body", **parameter}, "/t")

    by_tool, sent_by_tool = world.tool({"x": value})
    by_rest, sent_by_rest = world.rest("/t", json={"x": value})
    # On the command line one item of a list stands for the list, as it may be repeated.
    alone = parameter.get("type") == "array" and not isinstance(value, list)
    given = value if not alone else [value]
    shown = world.explain(f"x:={json.dumps(given, ensure_ascii=False, separators=(',', ':'))}")

    assert by_tool == by_rest
    assert alone or by_rest == (shown.get("refused") is None)
    assert [b"/t"] * by_tool == [target for target, _ in seen(sent_by_tool)]
    assert len(sent_by_rest) == by_rest
    if by_tool:
        (tool,), (rest,) = sent_by_tool, sent_by_rest
        # A caller's object without a member is sent; a tool without arguments sends no body.
        assert (tool.body or b"{}") == rest.body
        assert (shown["request"]["body"] or "{}").encode() == rest.body


def of_type(parameter: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A value of the declared type, which its limits may refuse: text has no types by which to tell others."""
    kinds: dict[str | None, st.SearchStrategy[Any]] = {
        "integer": st.sampled_from([0, 1, -1, 7, 10**20]),
        "number": NUMBERS,
        "boolean": st.booleans(),
    }
    return kinds.get(parameter.get("type"), TEXTS)


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, dict[str, Any], object, str]:
    place = draw(st.sampled_from(["query", "path", "header"]))
    parameter = draw(of_scalars((None, *SCALAR_TYPES)))
    value = draw(of_type(parameter))
    text = value if isinstance(value, str) else json.dumps(value)
    if place == "header" and not text.isascii():
        text = value = "a"
    return place, parameter, value, text


@BOUNDED
@given(example=texts())
def test_texts(world: World, example: tuple[str, dict[str, Any], object, str]) -> None:
    place, parameter, value, text = example
    world.serve({"in": place, **parameter}, "/t/{x}" if place == "path" else "/t")
    escaped = quote(text, safe="")
    target = {"query": f"/t?x={escaped}", "path": f"/t/{escaped}", "header": "/t"}[place]

    by_tool, sent_by_tool = world.tool({"x": value})
    shown = world.explain(f"x:={json.dumps(value)}")

    assert by_tool == (shown.get("refused") is None)
    assert len(sent_by_tool) == by_tool
    if place == "path" and not text:
        return  # no request of that shape reaches the operation
    by_rest, sent_by_rest = world.rest(target, headers={"x": text} if place == "header" else {})
    assert by_tool == by_rest
    assert seen(sent_by_tool) == seen(sent_by_rest)
    if by_tool:
        assert shown["request"]["target"].encode() == sent_by_tool[0].target
        assert sent_by_tool[0].header("x") == sent_by_rest[0].header("x")
