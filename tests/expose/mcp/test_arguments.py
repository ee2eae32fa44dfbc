"""What tools ask for, and what reaches the upstream of it, over a running gateway."""

from __future__ import annotations

import httpx
import pytest

from cap_core.testing import gateway, upstream

CONSUMES = """\
resources:
- path: /plain
  operations:
  - {name: plain, method: POST}
  - {name: replace, method: PUT}
  - {name: change, method: PATCH}
  - {name: remove, method: DELETE}
- path: /typed
  operations:
  - {name: csv, method: POST, inputParameters: [{name: Content-Type, in: header, value: text/csv}]}
  - {name: json, method: POST, inputParameters: [{name: Content-Type, in: header, value: application/json}]}
  - {name: form, method: POST, inputParameters: [{name: Content-Type, in: header, value: application/x-www-form-urlencoded}]}
  - {name: lines, method: POST, inputParameters: [{name: Content-Type, in: header, value: application/x-ndjson}]}
  - {name: parts, method: POST, inputParameters: [{name: Content-Type, in: header, value: multipart/form-data}]}
  - {name: caller, method: POST, inputParameters: [{name: Content-Type, in: header}]}
- path: /things/{owner}
  operations:
  - name: find
    method: GET
    inputParameters:
    - {name: q, in: query}
    - {name: X-Trace, in: header}
    - {name: session, in: cookie}
    - {name: size, in: query, enum: [1, 2]}
    - {name: ids, in: query, type: array}
    - {name: filter, in: query, type: object}
  - name: store
    method: POST
    inputParameters:
    - {name: any, in: body}
    - {name: tree, in: body, type: object}
    - {name: list, in: body, type: array}
    - {name: text, in: body, type: string}
"""
NAMES = ["plain", "replace", "change", "csv", "json", "form", "lines", "parts", "caller", "find", "store"]
TOOLS = "\n".join(f"- {{name: {name}, description: Do it., call: api.{name}}}" for name in [*NAMES, "remove"])
REST = "- {path: /plain, operations: [{method: POST, name: plain, call: api.plain}]}"


class Tools:
    """The tools of a running gateway, and the upstream behind them."""

    def __init__(self, url, api):
        self.url = url
        self.api = api

    def ask(self, method, params):
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(f"{self.url}/mcp", json=message).json()["result"]

    def schema(self, name):
        (found,) = (tool for tool in self.ask("tools/list", {})["tools"] if tool["name"] == name)
        return found["inputSchema"]["properties"]

    def sent(self, name, **arguments):
        """The request that a call sends."""
        before = len(self.api.requests)
        result = self.ask("tools/call", {"name": name, "arguments": arguments})
        assert "isError" not in result, result
        (request,) = self.api.requests[before:]
        return request

    def refused(self, name, **arguments):
        """Why a call sends nothing."""
        before = len(self.api.requests)
        result = self.ask("tools/call", {"name": name, "arguments": arguments})
        assert (result["isError"], len(self.api.requests)) == (True, before)
        return result["content"][0]["text"]


@pytest.fixture
def tools(things):
    with upstream() as api, gateway(things(CONSUMES, REST, TOOLS), base_uris={"api": api.url}) as cap:
        yield Tools(cap.url, api)


def types(request):
    return [value for name, value in request.headers if name.lower() == b"content-type"]


# --- bodies that the document does not declare --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["plain", "replace", "change", "remove", "caller"])
@pytest.mark.parametrize(
    ("body", "content", "media_type"),
    [
        ({"a": [1, None]}, b'{"a":[1,null]}', b"application/json"),
        ([1, "b"], b'[1,"b"]', b"application/json"),
        (5, b"5", b"application/json"),
        (False, b"false", b"application/json"),
        ("a,b\n1,2", b"a,b\n1,2", b"text/plain; charset=utf-8"),
        ("SELECT * WHERE { ?s ?p ?o }", b"SELECT * WHERE { ?s ?p ?o }", b"text/plain; charset=utf-8"),
        ("grün", "grün".encode(), b"text/plain; charset=utf-8"),
        ("5", b"5", b"text/plain; charset=utf-8"),
        (' {"a": 1.50} ', b'{"a": 1.50}', b"application/json"),
        ("{a}", b"{a}", b"text/plain; charset=utf-8"),
    ],
)
def test_an_undeclared_body_is_any_json_or_a_text(tools, name, body, content, media_type):
    request = tools.sent(name, body=body)

    assert (request.body, types(request)) == (content, [media_type])


@pytest.mark.parametrize("name", ["plain", "remove", "caller"])
def test_an_undeclared_body_may_be_left_out(tools, name):
    for arguments in ({}, {"body": None}):
        request = tools.sent(name, **arguments)
        assert (request.body, types(request)) == (b"", [])


@pytest.mark.parametrize(
    ("name", "body", "content", "media_type"),
    [
        ("csv", "a,b\n1,2", b"a,b\n1,2", b"text/csv"),
        ("csv", '{"a":1}', b'{"a":1}', b"text/csv"),
        ("json", {"a": 1}, b'{"a":1}', b"application/json"),
        ("json", "hello", b'"hello"', b"application/json"),
        ("json", '{"a":1}', b'{"a":1}', b"application/json"),
        ("form", {"a": "x y", "b": [1, 2]}, b"a=x+y&b=1&b=2", b"application/x-www-form-urlencoded"),
        ("form", "a=x+y", b"a=x+y", b"application/x-www-form-urlencoded"),
        ("lines", [{"a": 1}, {"b": 2}], b'{"a":1}\n{"b":2}\n', b"application/x-ndjson"),
        ("lines", '{"a":1}\n', b'{"a":1}\n', b"application/x-ndjson"),
    ],
)
def test_a_content_type_of_the_document_decides_how_the_argument_is_sent(tools, name, body, content, media_type):
    request = tools.sent(name, body=body)

    assert (request.body, types(request)) == (content, [media_type])


def test_parts_get_the_boundary_of_the_gateway(tools):
    request = tools.sent("parts", body={"a": "1"})
    (media_type,) = types(request)

    boundary = media_type.partition(b"boundary=")[2].strip(b'"')
    assert media_type.startswith(b"multipart/form-data")
    assert boundary
    assert request.body.count(b"--" + boundary) == 2


@pytest.mark.parametrize(("name", "body"), [("csv", {"a": 1}), ("csv", 5), ("parts", "a"), ("parts", [1])])
def test_what_the_content_type_cannot_hold_is_refused(tools, name, body):
    assert "argument body must be a JSON" in tools.refused(name, body=body)


def test_a_content_type_of_the_caller_goes_with_a_text(tools):
    request = tools.sent("caller", **{"body": "a,b", "Content-Type": "text/csv"})

    assert (request.body, types(request)) == (b"a,b", [b"text/csv"])


def test_what_rest_takes_the_tool_takes(tools):
    by_rest = httpx.post(f"{tools.url}/plain", content="a,b\n1,2", headers={"content-type": "text/plain"})
    by_tool = tools.sent("plain", body="a,b\n1,2")

    assert by_rest.status_code == 200
    assert tools.api.requests[0].body == by_tool.body


def test_the_argument_says_what_it_is_and_a_delete_that_it_is_rarely_taken(tools):
    plain, remove, csv = (tools.schema(name)["body"] for name in ("plain", "remove", "csv"))

    assert "POST /plain" in plain["description"]
    assert "Most vendors take none" not in plain["description"]
    assert "Most vendors take none" in remove["description"]
    assert "text/csv" in csv["description"]
    assert [branch["type"] for branch in plain["anyOf"]] == ["object", "array", "string", "number", "boolean"]
    assert csv["type"] == "string"
    assert tools.schema("parts")["body"]["type"] == "object"


# --- types --------------------------------------------------------------------------------------------------------


def test_what_is_sent_as_text_and_has_no_type_is_listed_as_a_string(tools):
    find = tools.schema("find")

    assert {name: find[name].get("type") for name in ("owner", "q", "X-Trace", "session")} == dict.fromkeys(
        ("owner", "q", "X-Trace", "session"), "string"
    )
    assert "type" not in find["size"]  # its own values are numbers
    assert find["ids"] == {"type": "array", "items": {}}
    assert tools.schema("store")["any"] == {}


@pytest.mark.parametrize(("value", "text"), [("a", b"a"), (7, b"7"), (1.5, b"1.5"), ("007", b"007"), (True, b"true")])
def test_numbers_are_taken_for_it(tools, value, text):
    request = tools.sent("find", owner=value, q=value, **{"X-Trace": value, "session": value})

    assert request.target == b"/things/%b?q=%b" % (text, text)
    assert (b"X-Trace", text) in request.headers
    assert (b"Cookie", b"session=" + text) in request.headers


@pytest.mark.parametrize("name", ["owner", "q", "X-Trace", "session"])
def test_objects_are_not(tools, name):
    assert f"argument {name} must be a string, not an object" in tools.refused("find", **{"owner": "a", name: {}})


def test_a_list_is_no_placeholder(tools):
    assert "argument owner must be a string, not a list" in tools.refused("find", owner=["a"])


@pytest.mark.parametrize("items", [["a"], [1, {"b": 2}], []])
def test_a_list_without_declared_items_has_any(tools, items):
    assert tools.sent("store", owner="a", list=items).body


# --- objects and lists that a client has made text of -------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        ({"tree": '{"a": 1}'}, b'{"tree":{"a":1}}'),
        ({"list": " [1,2]\n"}, b'{"list":[1,2]}'),
        ({"text": '{"a": 1}'}, b'{"text":"{\\"a\\": 1}"}'),
        ({"any": '{"a": 1}'}, b'{"any":"{\\"a\\": 1}"}'),
    ],
)
def test_a_text_of_the_declared_container_is_taken_for_it(tools, arguments, body):
    assert tools.sent("store", owner="a", **arguments).body == body


def test_so_it_is_in_a_query(tools):
    request = tools.sent("find", owner="a", ids='["x","y"]', filter='{"a":1}')

    assert request.target == b"/things/a?ids=x&ids=y&filter=%7B%22a%22:1%7D"


@pytest.mark.parametrize(
    ("name", "value", "noun"),
    [
        ("tree", "[1]", "an object"),
        ("tree", "{", "an object"),
        ("tree", "", "an object"),
        ("list", '{"a":1}', "a list"),
        ("list", "a", "a list"),
    ],
)
def test_a_text_of_anything_else_is_not(tools, name, value, noun):
    assert f"argument {name} must be {noun}" in tools.refused("store", owner="a", **{name: value})
