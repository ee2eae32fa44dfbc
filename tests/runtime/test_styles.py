"""Lists, objects, numbers and empty values land as they are declared to, whoever gives them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest

from cap_core.testing import Recorded, gateway, upstream

Things = Callable[..., Path]
JSON = {"content-type": "application/json"}


def written(
    things: Things, consumed: str, *, path: str = "/things", exposed: str = "/things", method: str = "GET"
) -> Path:
    return things(
        f"resources: [{{path: '{path}', name: all, operations: [{{name: op, method: {method}, {consumed}}}]}}]",
        f"- {{path: '{exposed}', operations: [{{method: {method}, name: op, call: api.op}}]}}",
        "- {name: op, description: d, call: api.op}",
    )


def asked(document: Path, arguments: object) -> tuple[dict[str, Any], list[Recorded]]:
    """The result of one call of the tool, and what reaches the upstream."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "op", "arguments": arguments}}
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        return httpx.post(f"{cap.url}/mcp/things", json=message).json()["result"], list(api.requests)


def got(document: Path, target: str, method: str = "GET", **request: Any) -> tuple[int, list[Recorded]]:
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        answer = httpx.request(method, httpx.URL(cap.url).copy_with(raw_path=target.encode()), **request)
        return answer.status_code, list(api.requests)


def explained(document: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "cap_core", "explain", str(document), "op", *arguments, "--format", "json"]
    out = json.loads(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    return str(out["request"]["target"]).removeprefix("/base")


# --- lists and objects --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "sent"), [(["a", "b"], "/items/a,b"), (["a,b", "c/d"], "/items/a%2Cb,c%2Fd"), (["x y"], "/items/x%20y")]
)
def test_a_list_in_a_path_has_commas_between_its_items(things: Things, items: list[str], sent: str) -> None:
    parameter = "inputParameters: [{name: ids, in: path, type: array}]"
    document = written(things, parameter, path="/items/{ids}", exposed="/items/{ids}")

    _, by_tool = asked(document, {"ids": items})
    _, by_rest = got(document, sent)

    assert [sent.encode()] == [one.target for one in by_tool]
    assert [sent.encode()] == [one.target for one in by_rest]
    assert sent == explained(document, f"ids:={json.dumps(items)}")


def test_items_of_a_list_in_a_path_are_checked_on_both_faces(things: Things) -> None:
    parameter = "inputParameters: [{name: ids, in: path, type: array, items: {type: integer}}]"
    document = written(things, parameter, path="/items/{ids}", exposed="/items/{ids}")

    assert (400, []) == got(document, "/items/1,x")
    assert [b"/items/1,02"] == [one.target for one in got(document, "/items/1,02")[1]]
    assert asked(document, {"ids": [1, "x"]})[0]["isError"]


@pytest.mark.parametrize("ids", ["", ".", ".."])
def test_a_list_in_a_path_cannot_name_another_resource(things: Things, ids: str) -> None:
    parameter = "inputParameters: [{name: ids, in: path, type: array}]"
    document = written(things, parameter, path="/items/{ids}", exposed="/items")

    result, requests = asked(document, {"ids": [ids]})

    assert ([], True) == (requests, result["isError"])
    assert "argument ids must not be" in result["content"][0]["text"]
    assert (400, []) == got(document, f"/items?ids={ids}")


@pytest.mark.parametrize(
    ("words", "value", "query"),
    [
        ("", ["a", "b"], "x=a&x=b"),
        (", explode: false", ["a", "b,c"], "x=a,b%2Cc"),
        (", style: form, explode: true", ["a", "b"], "x=a&x=b"),
        (", style: spaceDelimited", ["a", "b"], "x=a%20b"),
        (", style: pipeDelimited", ["a", "b"], "x=a%7Cb"),
        (", explode: false", [], ""),
        ("", {"k": "v"}, "x=%7B%22k%22:%22v%22%7D"),
        (", style: form", {"k": "v", "l": 1}, "k=v&l=1"),
        (", explode: false", {"k": "v", "l": 1}, "x=k,v,l,1"),
        (", style: deepObject", {"k": "v", "l": {"m": [1, 2]}}, "x%5Bk%5D=v&x%5Bl%5D%5Bm%5D=1&x%5Bl%5D%5Bm%5D=2"),
        ("", [{"k": 1}, {"k": 2}], "x=%5B%7B%22k%22:1%7D,%7B%22k%22:2%7D%5D"),
    ],
)
def test_a_query_is_written_in_its_style(things: Things, words: str, value: object, query: str) -> None:
    type_ = "array" if isinstance(value, list) else "object"
    document = written(things, f"inputParameters: [{{name: x, in: query, type: {type_}{words}}}]")

    _, requests = asked(document, {"x": value})

    assert [f"/things?{query}".removesuffix("?").encode()] == [one.target for one in requests]
    assert f"/things?{query}".removesuffix("?") == explained(document, f"x:={json.dumps(value)}")


BLOCKS = [{"type": "a"}, {"type": "b"}]


@pytest.mark.parametrize(
    ("words", "value", "pairs"),
    [
        ("type: array, items: {type: object}", BLOCKS, [("x", json.dumps(BLOCKS, separators=(",", ":")))]),
        ("type: array", ["a", "b"], [("x", "a"), ("x", "b")]),
        ("type: array, explode: false", ["a", "b"], [("x", "a,b")]),
        ("type: object, style: deepObject", {"city": "Bern"}, [("x[city]", "Bern")]),
    ],
)
@pytest.mark.parametrize("template", [False, True])
def test_a_form_is_written_in_the_style_of_its_members(
    things: Things, words: str, value: object, pairs: list[tuple[str, str]], template: bool
) -> None:
    parameter = f"{{name: x, in: body, {words}}}"
    header = "{name: Content-Type, in: header, value: application/x-www-form-urlencoded}, "
    body = ", body: {type: form, data: {x: '{{tools.x}}'}}" if template else ""
    parameters = f"inputParameters: [{'' if template else header}{parameter}]{body}"
    document = written(things, parameters, method="POST")

    (by_tool,) = asked(document, {"x": value})[1]
    _, (by_rest,) = got(document, "/things", "POST", json={"x": value})

    assert pairs == parse_qsl(by_tool.body.decode())
    assert template is False or by_rest.body == by_tool.body


def test_callers_give_a_list_of_objects_as_one_text_too(things: Things) -> None:
    parameter = "inputParameters: [{name: x, in: query, type: array, items: {type: object, required: [k]}}]"
    document = written(things, parameter)

    sent = [got(document, f"/things?x={text}") for text in ("[{%22k%22:1}]", "{%22k%22:1}", "[{%22j%22:1}]", "[1]")]

    assert [200, 200, 400, 400] == [status for status, _ in sent]
    assert sent[0][1][0].target == sent[1][1][0].target == b"/things?x=%5B%7B%22k%22:1%7D%5D"


def test_an_unknown_style_is_said(things: Things) -> None:
    document = written(things, "inputParameters: [{name: x, in: query, type: array, style: matrix}]")
    command = [sys.executable, "-m", "cap_core", "check", str(document)]

    assert "warning[bad-style]" in subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "/things?x=a&x=b" == explained(document, 'x:=["a","b"]')


# --- constants ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["0x1F", "0o17", ".5", "1e3", "0123", "1.50"])
@pytest.mark.parametrize("place", ["query", "header"])
def test_a_number_of_the_document_keeps_its_spelling(things: Things, number: str, place: str) -> None:
    document = written(things, f"inputParameters: [{{name: X-N, in: {place}, value: {number}}}]")

    (request,) = asked(document, {})[1]

    found = request.header("x-n") if place == "header" else request.target.partition(b"X-N=")[2]
    assert number.encode() == found


@pytest.mark.parametrize("empty", ["", "~", "null"])
@pytest.mark.parametrize("place", ["query", "header", "cookie", "body"])
def test_an_empty_value_sends_nothing(things: Things, empty: str, place: str) -> None:
    document = written(things, f"inputParameters: [{{name: X-Channel, in: {place}, value: {empty}}}]", method="POST")

    (request,) = asked(document, {})[1]

    assert b"null" not in request.target + request.body
    assert (None, None) == (request.header("x-channel"), request.header("cookie"))
    command = [sys.executable, "-m", "cap_core", "check", str(document)]
    assert "warning[empty-value]" in subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ('/a"<b>^|', b"/a%22%3Cb%3E%5E%7C"),
        ("/a b[1]", b"/a%20b%5B1%5D"),
        ("/a%20b%zz", b"/a%20b%25zz"),
        ("/a;b=c,d:e@f", b"/a;b=c,d:e@f"),
    ],
)
def test_what_no_address_may_hold_is_escaped(things: Things, path: str, sent: bytes) -> None:
    document = written(things, "inputParameters: []", path=path)

    (request,) = asked(document, {})[1]

    assert sent == request.target


# --- headers and bodies -------------------------------------------------------------------------------------------


def test_cookies_are_one_line(things: Things) -> None:
    document = written(
        things,
        "inputParameters: [{name: Cookie, in: header, value: a=1}, {name: b, in: cookie}, {name: c, in: cookie, value: 3}]",
    )

    (request,) = asked(document, {"b": "2"})[1]

    assert [b"a=1; b=2; c=3"] == [value for name, value in request.headers if name.lower() == b"cookie"]


@pytest.mark.parametrize("text", ["a\x01b", "a\x0bb", "\ufffe"])
def test_control_characters_are_refused_in_xml(things: Things, text: str) -> None:
    document = written(things, "body: {type: xml, data: '<a>{{tools.v}}</a>'}", method="POST")

    result, requests = asked(document, {"v": text})

    assert ([], True) == (requests, result["isError"])
    assert (400, []) == got(document, "/things", "POST", json={"v": text})
    assert [b"<a>x\ty</a>"] == [one.body for one in asked(document, {"v": "x\ty"})[1]]


PART = "body: {type: multipart, data: [{name: f, value: '{{tools.v}}', contentType: application/x-thing%s}]}"


@pytest.mark.parametrize("text", ["hello!", "abcd"])
def test_a_part_is_text_unless_its_encoding_is_declared(things: Things, text: str) -> None:
    document = written(things, PART % "", method="POST")

    (request,) = asked(document, {"v": text})[1]

    assert b"\r\n\r\n" + text.encode() + b"\r\n" in request.body


def test_a_part_in_base64_is_bytes_or_refused(things: Things) -> None:
    document = written(things, PART % ", encoding: base64", method="POST")

    (request,) = asked(document, {"v": "abcd"})[1]

    assert b"\r\n\r\ni\xb7\x1d\r\n" in request.body
    result, requests = asked(document, {"v": "hello!"})
    assert ([], True) == (requests, result["isError"])
    assert (400, []) == got(document, "/things", "POST", json={"v": "hello!"})


def test_another_encoding_of_a_part_leaves_it_out(things: Things) -> None:
    document = written(things, PART % ", encoding: hex", method="POST")
    command = [sys.executable, "-m", "cap_core", "check", str(document)]

    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout

    assert "[unsupported-body]" in said
    assert "can be base64" in said


# --- the place that a message names -------------------------------------------------------------------------------


def test_messages_name_the_place_that_the_caller_used(things: Things) -> None:
    document = things(
        "resources: [{path: '/t/{team-id}', name: a, operations: [{name: op, method: GET}]}]",
        "- {path: /teams, operations: [{method: GET, name: op, call: api.op}]}",
        "- {name: op, description: d, call: api.op}",
    )
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        refused = httpx.get(f"{cap.url}/teams?team-id=")
        described = httpx.get(f"{cap.url}/openapi.json").json()["paths"]["/teams"]["get"]["parameters"]

    assert (400, "query team-id must not be empty") == (refused.status_code, refused.json()["detail"].partition(",")[0])
    assert [{"type": "string", "minLength": 1}] == [one["schema"] for one in described]
    assert "argument team-id must not be empty" in asked(document, {"team-id": ""})[0]["content"][0]["text"]
