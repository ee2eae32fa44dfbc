"""Operations and tools that call nothing: fixed answers, on both faces and in both dialects."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import gateway

LISTS = """\
naftiko: 1.0.0-alpha2
capability:
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
    - path: /hello/{who}
      name: hello
      operations:
      - method: GET
        name: hello
        inputParameters: [{name: times, in: query, type: integer}]
        outputParameters:
OUTPUTS
      - {method: POST, name: make, outputParameters: [{name: made, type: boolean, value: true}]}
  - type: mcp
    namespace: m
    port: 9090
    tools:
    - name: hello
      description: Say hello.
      inputParameters:
      - {name: who, type: string, required: true}
      - {name: times, type: integer}
      outputParameters:
OUTPUTS
"""
MAPS = """\
ikanos: 1.0.0-beta5
capability:
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
      hello:
        path: /hello/{who}
        operations:
          hello:
            method: GET
            inputParameters: {times: {in: query, type: integer}}
            outputParameters:
OUTPUTS
          make: {method: POST, outputParameters: {made: {type: boolean, value: true}}}
  - type: mcp
    namespace: m
    port: 9090
    tools:
      hello:
        description: Say hello.
        inputParameters: {who: {type: string, required: true}, times: {type: integer}}
        outputParameters:
OUTPUTS
"""
GREETING = {"name": "greeting", "type": "string", "value": "Hello {{who}}"}
Write = Callable[..., Path]


def written(document: Write, *outputs: dict[str, Any], dialect: str = "lists") -> Path:
    """The document with these outputs on the operation and on the tool."""
    if dialect == "lists":
        text = LISTS.replace("OUTPUTS", "\n".join(f"        - {json.dumps(one)}" for one in outputs))
    else:
        named = (f"{one['name']}: {json.dumps({k: v for k, v in one.items() if k != 'name'})}" for one in outputs)
        text = MAPS.replace("OUTPUTS", "\n".join(f"              {line}" for line in named))
    return document(text, "hello.yaml")


def call_tool(url: str, **arguments: object) -> Any:
    params = {"name": "hello", "arguments": arguments}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    answer = httpx.post(url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"})
    return answer.json()["result"]


def both(path: Path, times: int | None = None) -> tuple[Any, Any]:
    """What the operation answers, and what the tool does."""
    with gateway(path) as cap:
        given = {} if times is None else {"times": times}
        rest = httpx.get(cap.url + "/hello/Ada", params=given)
        assert (200, "application/json") == (rest.status_code, rest.headers["content-type"])
        result = call_tool(cap.url, who="Ada", **given)
    assert json.loads(result["content"][0]["text"]) == rest.json()
    return rest.json(), result["structuredContent"]


@pytest.mark.parametrize("dialect", ["lists", "maps"])
def test_values_become_the_types_of_their_outputs(document: Write, dialect: str) -> None:
    outputs = (
        GREETING,
        {"name": "times", "type": "integer", "value": "{{times}}"},
        {"name": "price", "type": "string", "value": 2.5},
        {"name": "count", "type": "number", "value": "42"},
        {"name": "open", "type": "boolean", "value": "true"},
        {"name": "dollars", "type": "string", "value": "$42"},
    )
    rest, tool = both(written(document, *outputs, dialect=dialect), times=3)

    expected = {"greeting": "Hello Ada", "times": 3, "price": "2.5", "count": 42, "open": True, "dollars": "$42"}
    assert expected == rest == tool


@pytest.mark.parametrize("dialect", ["lists", "maps"])
def test_objects_and_lists_nest(document: Write, dialect: str) -> None:
    inner = [{"name": "tag", "type": "string", "value": "{{who}}"}, {"name": "none", "type": "string"}]
    outputs = (
        {"name": "deep", "type": "object", "properties": inner},
        {"name": "list", "type": "array", "items": {"type": "object", "properties": inner}},
        {"name": "words", "type": "array", "items": {"type": "string", "value": "x"}},
    )
    rest, tool = both(written(document, *outputs, dialect=dialect))
    one = {"tag": "Ada", "none": None}

    assert {"deep": one, "list": [one], "words": ["x"]} == rest == tool


def test_a_text_is_as_its_author_spelled_it(document: Write) -> None:
    path = written(document, GREETING)
    text = path.read_text().replace(json.dumps(GREETING), "{name: version, type: string, value: 2.10}")
    path.write_text(text)

    assert {"version": "2.10"} == both(path)[0]


def test_an_output_whose_optional_input_is_absent_is_null(document: Write) -> None:
    rest, tool = both(written(document, GREETING, {"name": "times", "type": "integer", "value": "{{times}}"}))

    assert {"greeting": "Hello Ada", "times": None} == rest == tool


def test_one_output_without_a_name_is_the_whole_answer(document: Write) -> None:
    with gateway(written(document, {"type": "string", "value": "Hello {{rest.who}}"})) as cap:
        assert "Hello Ada" == httpx.get(cap.url + "/hello/Ada").json()


def test_where_nothing_is_left_there_is_no_content(document: Write) -> None:
    with gateway(written(document, {"name": "times", "type": "integer", "value": "{{times}}"})) as cap:
        answer = httpx.get(cap.url + "/hello/Ada")
        result = call_tool(cap.url, who="Ada")

    assert (204, b"") == (answer.status_code, answer.content)
    assert ["204 No Content: done, no content."] == [block["text"] for block in result["content"]]


def test_inputs_are_checked_as_anywhere(document: Write) -> None:
    with gateway(written(document, GREETING)) as cap:
        wrong = httpx.get(cap.url + "/hello/Ada?times=often")
        result = call_tool(cap.url, times=1)

    assert (400, "query times") == (wrong.status_code, wrong.json()["errors"][0]["where"])
    assert result["isError"]
    assert "argument who is required and missing" in result["content"][0]["text"]


def test_a_write_takes_the_body_that_it_would_send(document: Write) -> None:
    with gateway(written(document, GREETING)) as cap:
        answers = [httpx.post(cap.url + "/hello/Ada", json={"any": 1}), httpx.post(cap.url + "/hello/Ada")]

    assert [(200, {"made": True})] * 2 == [(one.status_code, one.json()) for one in answers]


def test_head_options_and_the_description_know_it(document: Write) -> None:
    with gateway(written(document, GREETING)) as cap:
        head = httpx.head(cap.url + "/hello/Ada")
        options = httpx.options(cap.url + "/hello/Ada")
        described = httpx.get(cap.url + "/openapi.json").json()["paths"]["/hello/{who}"]["get"]
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        headers = {"mcp-protocol-version": "2025-11-25"}
        listed = httpx.post(cap.url + "/mcp", json=message, headers=headers).json()["result"]["tools"]

    assert (200, b"") == (head.status_code, head.content)
    assert {"GET", "HEAD", "POST", "OPTIONS"} == set(options.headers["allow"].split(", "))
    schema = described["responses"]["2XX"]["content"]["application/json"]["schema"]
    assert ["greeting"] == list(schema["properties"])
    assert [("who", "path"), ("times", "query")] == sorted(
        ((one["name"], one["in"]) for one in described["parameters"]), key=lambda pair: pair[1]
    )
    assert {"readOnlyHint": True, "idempotentHint": True} == listed[0]["annotations"]


def test_check_explain_and_call_know_it(document: Write, cap: Any) -> None:
    path = written(document, GREETING)
    checked = cap("check", path.name, "--strict")
    explained = cap("explain", path.name, "GET /hello/{who}", "who=Ada")
    called = cap("call", path.name, "hello", "who=Ada")

    assert (0, "1 document: 0 errors, 0 warnings, 0 info") == (checked.returncode, checked.stdout.strip())
    assert explained.stdout.startswith("GET /hello/{who} of hello answers by itself\n")
    assert (0, {"greeting": "Hello Ada"}) == (called.returncode, json.loads(called.stdout))


@pytest.mark.parametrize(
    "output",
    [
        {"name": "n", "type": "number", "value": "many"},
        {"name": "n", "type": "integer", "value": 1.5},
        {"name": "n", "type": "boolean", "value": "perhaps"},
        {"name": "n", "type": "object", "properties": [{"name": "m", "type": "integer", "value": "x"}]},
    ],
)
def test_a_value_that_is_not_of_its_type_leaves_it_out(document: Write, cap: Any, output: dict[str, Any]) -> None:
    path = written(document, output)
    printed = json.loads(cap("check", path.name, "--format", "json").stdout)

    assert ["bad-output-value"] * 2 == [one["code"] for one in printed if one["severity"] != "info"]
    with gateway(path) as running:
        assert 501 == httpx.get(running.url + "/hello/Ada").status_code
        assert 200 == httpx.post(running.url + "/hello/Ada").status_code


def test_what_has_nothing_to_act_upon_is_reported(document: Write, cap: Any) -> None:
    path = written(document, GREETING, {"name": "other", "type": "string", "mapping": "$.other"})
    path.write_text(
        path.read_text().replace("name: hello\n        input", "name: hello\n        with: {a: b}\n        input")
    )
    printed = json.loads(cap("check", path.name, "--format", "json").stdout)

    (message,) = [one["message"] for one in printed if one["code"] == "not-acted-on"]

    assert "'with' has no effect where nothing is called" in message
    assert "the mapping '$.other' finds nothing where nothing is called; null is answered" in message


def test_a_path_and_no_call_is_a_slip_and_no_mock(document: Write, cap: Any) -> None:
    path = written(document, {"name": "n", "type": "string", "value": "$.name"})
    printed = json.loads(cap("check", path.name, "--format", "json").stdout)

    assert ["no-call", "no-call"] == [one["code"] for one in printed if one["severity"] != "info"]


def test_the_older_spelling_const_is_a_value_too(document: Write) -> None:
    path = written(document, {"name": "n", "type": "number", "const": "42"})
    path.write_text(path.read_text().replace("1.0.0-alpha2", "1.0.0-alpha1"))

    assert {"n": 42} == both(path)[0]


def test_a_value_may_be_an_object_or_a_list_with_variables_in_it(document: Write) -> None:
    outputs = (
        {"name": "thing", "type": "object", "value": {"for": "{{who}}", "n": 1, "none": "{{times}}"}},
        {"name": "words", "type": "array", "value": ["a", "{{who}}"]},
    )

    assert {"thing": {"for": "Ada", "n": 1}, "words": ["a", "Ada"]} == both(written(document, *outputs))[0]


@pytest.mark.parametrize("value", ["{{who}}", "{{rest.who}}", "{{tools.who}}"])
def test_an_input_has_three_spellings(document: Write, value: str) -> None:
    assert {"n": "Ada"} == both(written(document, {"name": "n", "type": "string", "value": value}))[0]


def test_a_value_that_needs_a_variable_is_refused_while_it_is_not_set(document: Write) -> None:
    path = written(document, {"name": "n", "type": "string", "value": "{{TENANT_OF_TESTS}}"})
    text = path.read_text()
    path.write_text(text.replace("capability:", "binds: [{namespace: env, keys: {TENANT_OF_TESTS: }}]\ncapability:", 1))
    with gateway(path) as cap:
        refused = httpx.get(cap.url + "/hello/Ada")
    with gateway(path, values={"TENANT_OF_TESTS": "us"}) as cap:
        answer = httpx.get(cap.url + "/hello/Ada")

    assert (503, "TENANT_OF_TESTS is not set") == (refused.status_code, refused.json()["detail"].partition(";")[0])
    assert {"n": "us"} == answer.json()


def test_the_newest_era_gets_the_same(document: Write) -> None:
    about = {"protocolVersion": "2026-07-28", "clientCapabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
    meta = {f"io.modelcontextprotocol/{key}": value for key, value in about.items()}
    params = {"name": "hello", "arguments": {"who": "Ada"}, "_meta": meta}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "hello"}
    with gateway(written(document, GREETING)) as cap:
        result = httpx.post(cap.url + "/mcp", json=message, headers=headers).json()["result"]

    assert {"greeting": "Hello Ada"} == result["structuredContent"]


def test_the_sandbox_serves_it_as_it_is(document: Write, cap: Any) -> None:
    called = cap("call", written(document, GREETING).name, "hello", "who=Ada", "--sandbox")

    assert (0, {"greeting": "Hello Ada"}) == (called.returncode, json.loads(called.stdout))
