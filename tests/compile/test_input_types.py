"""What a document says of the values of inputs holds on every face, and is shown as it is checked."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.syntax.ecma_pattern import is_ecma
from cap_core.testing import Recorded, gateway, upstream

Things = Callable[..., Path]


def written(things: Things, parameter: str, *, method: str = "GET", extra: str = "") -> Path:
    """A document with one consumed parameter, exposed as `/things` and as the tool `op`; `extra` goes to both."""
    return things(
        f"""\
resources:
- path: /things
  name: all
  operations:
  - name: op
    method: {method}
    inputParameters: [{parameter}]
""",
        f"- {{path: /things, operations: [{{method: {method}, name: op, call: api.op{extra}}}]}}",
        f"- {{name: op, description: d, call: api.op{extra}}}",
    )


def tool(url: str, arguments: object) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "op", "arguments": arguments}}
    return httpx.post(f"{url}/mcp/things", json=message).json()["result"]


def schema(url: str) -> dict[str, Any]:
    listed = httpx.post(f"{url}/mcp/things", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).json()
    return listed["result"]["tools"][0]["inputSchema"]


def asked(document: Path, arguments: object = None, **request: Any) -> list[Recorded]:
    """What reaches the upstream of one call of the tool, or of one request."""
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        if arguments is not None:
            tool(cap.url, arguments)
        else:
            httpx.request(request.pop("method", "GET"), f"{cap.url}/things{request.pop('query', '')}", **request)
        return list(api.requests)


def explained(document: Path, *arguments: str, face: str = "op") -> dict[str, Any]:
    command = [sys.executable, "-m", "cap_core", "explain", str(document), face, *arguments, "--format", "json"]
    out: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return out


LIMITS = [
    ("type: integer, enum: ['1', '2']", 1, 3),
    ("type: integer, enum: [7, 8]", 7, 6),
    ("type: number, enum: [1.50]", 1.5, 2),
    ("type: string, enum: [1, 2.10]", "2.10", "2.1"),
    ("type: boolean, enum: ['true']", True, False),
    ("type: array, enum: [small, large]", ["small", "large"], ["small", "odd"]),
    ("type: array, items: {type: integer, maximum: 5}", [1, 5], [1, 6]),
    ("type: array, pattern: '^[a-z]$'", ["a"], ["A"]),
    ("type: integer, minimum: 2", 2, 1),
    ("type: number, maximum: 0.5", 0.5, 0.6),
    ("type: string, minLength: 2", "ab", "a"),
    ("minLength: 2", "ab", "a"),
    ("type: string, minimum: 3", "4", "2"),
]


@pytest.mark.parametrize(("limits", "good", "bad"), LIMITS)
@pytest.mark.parametrize("side", ["consumed", "exposed"])
def test_both_faces_and_explain_agree(things: Things, limits: str, good: Any, bad: Any, side: str) -> None:
    declared = f", inputParameters: [{{name: x, {limits}}}]" if side == "exposed" else ""
    parameter = f"{{name: x, in: query, {limits}}}" if side == "consumed" else "{name: x, in: query}"
    document = written(things, parameter, extra=declared)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        results = [tool(cap.url, {"x": value}).get("isError", False) for value in (good, bad)]
        texts = [value if isinstance(value, list) else [value] for value in (good, bad)]
        spelt = [[json.dumps(one) if not isinstance(one, str) else one for one in text] for text in texts]
        answers = [httpx.get(f"{cap.url}/things", params={"x": text}).status_code for text in spelt]
        sent = [request.target for request in api.requests]

    assert [False, True] == results
    assert [200, 400] == answers
    assert [sent[0]] * 2 == sent
    refused = [explained(document, f"x:={json.dumps(value)}").get("refused") for value in (good, bad)]
    assert [True, False] == [why is None for why in refused]


NESTED = """{name: order, in: body, type: object, required: true, properties: {city: {type: string, required: true},
      lines: {type: array, items: {type: object, required: [id], properties: {id: {type: integer, minimum: 1}}}}}}"""


@pytest.mark.parametrize(
    ("order", "fault"),
    [
        ({"city": "Bern", "lines": [{"id": 1}]}, None),
        ({"city": "Bern", "other": 1}, None),
        ({}, "member city is required and missing"),
        ({"city": 5}, "member city must be a string, not 5"),
        ({"city": "Bern", "lines": {}}, "member lines must be a list, not an object"),
        ({"city": "Bern", "lines": [{}]}, "member lines item 1 member id is required and missing"),
        (
            {"city": "Bern", "lines": [{"id": 1}, {"id": 0}]},
            "member lines item 2 member id must be at least 1, not 0",
        ),
    ],
)
def test_parts_are_checked_at_every_depth(things: Things, order: object, fault: str | None) -> None:
    document = written(things, NESTED, method="POST")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        answer = httpx.post(f"{cap.url}/things", json={"order": order})
        result = tool(cap.url, {"order": order})
        count = len(api.requests)

    assert (200 if fault is None else 400) == answer.status_code
    assert (2 if fault is None else 0) == count
    if fault is not None:
        assert f"body member order {fault}" == answer.json()["detail"]
        assert f"argument order {fault}" in result["content"][0]["text"]


def test_what_is_declared_is_shown(things: Things) -> None:
    document = written(things, NESTED, method="POST")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        shown = schema(cap.url)["properties"]["order"]
        described = httpx.get(f"{cap.url}/openapi.json").json()["paths"]["/things"]["post"]["requestBody"]

    line = {"type": "integer", "minimum": 1}
    item = {"type": "object", "properties": {"id": line}, "required": ["id"], "additionalProperties": True}
    order = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "lines": {"type": "array", "items": item}},
        "required": ["city"],
        "additionalProperties": True,
    }
    assert order == shown
    assert order == described["content"]["application/json"]["schema"]["properties"]["order"]
    assert order == explained(document)["input_schema"]["properties"]["order"]


@pytest.mark.parametrize("properties", ["{a: {type: integer}}", "[{name: a, type: integer}]"])
@pytest.mark.parametrize("place", ["query", "header"])
def test_members_are_a_map_or_a_list_and_also_come_as_text(things: Things, properties: str, place: str) -> None:
    document = written(things, f"{{name: X-Of, in: {place}, type: object, properties: {properties}}}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        given = [{place_of(place): {"X-Of": text}} for text in ('{"a":1}', '{"a":"b"}')]
        assert [200, 400] == [httpx.get(f"{cap.url}/things", **one).status_code for one in given]


def place_of(place: str) -> str:
    return "params" if place == "query" else "headers"


# --- defaults ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "extra", "line"),
    [
        ("{name: x, in: query, required: true, default: metric}", "", b"/things?x=metric"),
        ("{name: x, in: query, default: metric}", "", b"/things"),
        ("{name: x, in: query, required: true, type: number, default: 1.50}", "", b"/things?x=1.50"),
        ("{name: x, in: query, required: true, type: array, default: [a, b]}", "", b"/things?x=a&x=b"),
        ("{name: x, in: query}", ", inputParameters: [{name: x, default: 007, type: string}]", b"/things?x=007"),
        (
            "{name: x, in: query, default: vendor}",
            ", inputParameters: [{name: x, required: true, default: own}]",
            b"/things?x=own",
        ),
        ("{name: x, in: query, value: 'v{{tools.y}}'}", ", inputParameters: [{name: y, default: 2}]", b"/things?x=v2"),
    ],
)
def test_a_default_is_sent_where_nothing_is_given(things: Things, parameter: str, extra: str, line: bytes) -> None:
    document = written(things, parameter, extra=extra)

    assert [line] == [one.target for one in asked(document, {})]
    assert [line] == [one.target for one in asked(document)]
    assert line.decode() == explained(document)["request"]["target"].removeprefix("/base")


def test_what_is_given_counts_before_a_default_and_null_is_nothing(things: Things) -> None:
    document = written(things, "{name: x, in: query, required: true, default: a}")

    assert [[b"/things?x=b"], [b"/things?x=a"]] == [
        [one.target for one in asked(document, {"x": value})] for value in ("b", None)
    ]


def test_a_default_in_a_body_is_json_of_its_type(things: Things) -> None:
    extra = (
        ", inputParameters: [{name: n, in: body, type: number, default: 1.50}, {name: s, in: body, default: {a: [1]}}]"
    )
    document = written(things, "{name: n, in: body}, {name: s, in: body}", method="POST", extra=extra)

    (request,) = asked(document, {})

    assert b'{"n":1.50,"s":{"a":[1]}}' == request.body


@pytest.mark.parametrize(
    "parameter",
    ["type: integer, default: x", "enum: [a], default: b", "pattern: ^a, default: b", "minimum: 3, default: 2"],
)
def test_a_default_that_cannot_be_is_a_warning_and_neither(things: Things, parameter: str) -> None:
    document = written(
        things, f"{{name: x, in: query, {parameter}}}", extra=f", inputParameters: [{{name: x, {parameter}}}]"
    )

    (request,) = asked(document)
    command = [sys.executable, "-m", "cap_core", "check", str(document)]
    assert "warning[bad-default]" in subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert b"/things" == request.target
    assert "default" not in explained(document)["input_schema"]["properties"]["x"]


# --- null ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "body"),
    [
        ("type: string", b"{}"),
        ("type: string, nullable: true", b'{"note":null}'),
        ("type: [string, 'null']", b'{"note":null}'),
        ("type: string, nullable: true, enum: [a]", b'{"note":null}'),
    ],
)
def test_null_is_sent_where_the_type_has_it(things: Things, words: str, body: bytes) -> None:
    document = written(things, f"{{name: note, in: body, {words}}}", method="PATCH")

    (by_rest,) = asked(document, method="PATCH", json={"note": None})
    (by_tool,) = asked(document, {"note": None})

    assert body == by_rest.body
    assert (b"" if body == b"{}" else body) == by_tool.body


def test_null_has_no_spelling_in_a_query(things: Things) -> None:
    document = written(things, "{name: a, in: query, nullable: true}, {name: b, in: query, type: array}")

    (request,) = asked(document, {"a": None, "b": [1, None, "x"]})

    assert b"/things?b=1&b=x" == request.target


# --- spelling ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [
        "0.12345678901234567890123",
        "1e2",
        "[1e2, 0.10]",
        '"\\u00e9"',
        '{"a": 1.0}',
        "12345678901234567890123",
    ],
)
@pytest.mark.parametrize("template", [False, True])
def test_a_member_keeps_the_spelling_of_the_caller(things: Things, member: str, template: bool) -> None:
    text = "resources: [{path: /things, name: all, operations: [{name: op, method: POST, %s}]}]"
    part = (
        "body: {type: json, data: {amount: '{{tools.amount}}'}}"
        if template
        else "inputParameters: [{name: amount, in: body}]"
    )
    document = things(
        text % part,
        "- {path: /things, operations: [{method: POST, name: op, call: api.op}]}",
        "- {name: op, description: d, call: api.op}",
    )
    content = f'{{"amount":{member}}}'.encode()
    call = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"op","arguments":{content.decode()}}}}}'
    headers = {"content-type": "application/json"}
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.post(f"{cap.url}/things", content=content, headers=headers)
        httpx.post(f"{cap.url}/mcp/things", content=call.encode(), headers=headers)
        bodies = [request.body for request in api.requests]

    assert [content, content] == bodies


def test_a_number_keeps_its_digits_in_a_query_too(things: Things) -> None:
    document = written(things, "{name: x, in: query, type: number}, {name: y, in: query, type: array}")
    call = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"op","arguments":{"x":1.50,"y":[2.10]}}}'
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.post(f"{cap.url}/mcp/things", content=call, headers={"content-type": "application/json"})
        (request,) = api.requests

    assert b"/things?x=1.50&y=2.10" == request.target


@pytest.mark.parametrize("template", [False, True])
def test_an_empty_object_that_a_caller_sends_is_sent(things: Things, template: bool) -> None:
    part = "body: {type: json, data: {a: '{{tools.a}}'}}" if template else "inputParameters: [{name: a, in: body}]"
    document = things(
        f"resources: [{{path: /things, name: all, operations: [{{name: op, method: POST, {part}}}]}}]",
        "- {path: /things, operations: [{method: POST, name: op, call: api.op}]}",
        "- {name: op, description: d, call: api.op}",
    )

    (by_rest,) = asked(document, method="POST", json={})
    (by_tool,) = asked(document, {})

    assert b"{}" == by_rest.body
    assert (b"{}" if template else b"") == by_tool.body


# --- patterns -----------------------------------------------------------------------------------------------------

PORTABLE = [
    r"^[a-z]+$",
    r"\d{2,4}",
    r"(a)\1",
    r"(?<y>\d)\k<y>",
    r"[\w-]+",
    r"^\p{L}+$",
    r"a{2}?",
]
LOCAL = [
    r"(?i)^[a-z]{2}$",
    r"(?P<a>x)",
    r"\Aa\Z",
    r"a++",
    r"(?>a)",
    r"[[:alpha:]]{2",
    r"a{,3}",
    r"\_",
    r"[z-a]",
    r"x)",
    r"*",
]


@pytest.mark.parametrize("pattern", [*PORTABLE, *LOCAL])
def test_whether_clients_can_compile_a_pattern(pattern: str) -> None:
    assert (pattern in PORTABLE) == is_ecma(pattern)


def test_a_pattern_that_clients_cannot_compile_is_checked_and_not_shown(things: Things) -> None:
    document = written(things, "{name: c, in: query, type: string, pattern: '(?i)^[a-z]{2}$', enum: [de, AT, de]}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        shown = schema(cap.url)["properties"]["c"]
        answers = [httpx.get(f"{cap.url}/things?c={text}").status_code for text in ("AT", "de1")]

    assert {"type": "string", "enum": ["de", "AT"]} == shown
    assert [200, 400] == answers
    command = [sys.executable, "-m", "cap_core", "check", str(document)]
    assert "warning[local-pattern]" in subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize("limit", ["minimun: 1", "maximun: 3", "minLenght: 2", "items: {patern: '^a'}"])
@pytest.mark.parametrize("side", ["consumed", "exposed"])
def test_a_misspelt_limit_leaves_out_what_has_it(things: Things, limit: str, side: str) -> None:
    declared = f", inputParameters: [{{name: x, type: array, {limit}}}]" if side == "exposed" else ""
    parameter = f"{{name: x, in: query, {limit}}}" if side == "consumed" else "{name: x, in: query}"
    document = things(
        f"resources: [{{path: /things, name: a, operations: [{{name: op, method: GET, inputParameters: [{parameter}]}}]}},"
        " {path: /fine, name: b, operations: [{name: fine, method: GET}]}]",
        f"- {{path: /things, operations: [{{method: GET, name: op, call: api.op{declared}}}]}}\n"
        "- {path: /fine, operations: [{method: GET, name: fine, call: api.fine}]}",
    )
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        assert [501, 200] == [httpx.get(f"{cap.url}/{path}").status_code for path in ("things?x=a", "fine")]
