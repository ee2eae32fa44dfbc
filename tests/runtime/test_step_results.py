"""What a later step does with what an earlier one gave: types that stay, values that are not there, what nobody can
send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import Answered, Recorded, gateway, upstream

DOCUMENT = """\
ikanos: 1.0.0-beta5
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
      things:
        path: /things
        operations:
          find: {method: GET}
          search:
            method: GET
            inputParameters: {id: {in: query, required: true}, also: {in: query}, X-Id: {in: header}, crumb: {in: cookie}}
          make:
            method: POST
            inputParameters: {id: {in: body, required: true}, more: {in: body}}
          remove: {method: DELETE, inputParameters: {id: {in: query}}}
          remove-some: {method: DELETE, inputParameters: {ids: {in: body}}}
      thing:
        path: /things/{id}
        operations:
          get: {method: GET}
          write: {method: POST, body: {type: json, data: {id: '{{id}}', text: 'id {{id}}'}}}
          put: {method: PUT, inputParameters: {body: {in: body}}}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
      go:
        path: /go
        operations:
          go:
            method: POST
            steps:
              found: {call: api.find}
              went: {call: api.TARGET, with: WITH}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
      go:
        description: Go.
        steps:
          found: {call: api.find}
          went: {call: api.TARGET, with: WITH}
"""
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "0"},
}
Go = Callable[..., tuple[httpx.Response, list[Recorded]]]


def call_tool(url: str, era: str) -> Any:
    headers = {"mcp-protocol-version": era}
    params: dict[str, object] = {"name": "go", "arguments": {}}
    if era == "2026-07-28":
        params["_meta"] = MODERN
        headers |= {"mcp-method": "tools/call", "mcp-name": "go"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return httpx.post(url + "/mcp", json=message, headers=headers).json()["result"]


@pytest.fixture
def go(document: Callable[..., Path]) -> Go:
    """Call the flow whose second step is `target`, where the first one's upstream answers `found`."""

    def run(target: str, with_: str, found: bytes) -> tuple[httpx.Response, list[Recorded]]:
        path = document(DOCUMENT.replace("TARGET", target).replace("WITH", with_))
        answers: Iterator[Answered] = iter([Answered(body=found)])
        with (
            upstream(lambda request: next(answers, Answered())) as api,
            gateway(path, base_uris={"api": api.url}) as cap,
        ):
            return httpx.post(cap.url + "/go"), list(api.requests)

    return run


SENT = {
    "an integer in a path": ("get", "{id: found.id}", b'{"id": 7}', b"/things/7", None),
    "a long integer": (
        "get",
        "{id: found.id}",
        b'{"id": 123456789012345678901}',
        b"/things/123456789012345678901",
        None,
    ),
    "a text that is to be escaped": ("get", "{id: found.id}", b'{"id": "a/b c"}', b"/things/a%2Fb%20c", None),
    "a list in the query": ("search", "{id: found.ids}", b'{"ids": [1, 2]}', b"/things?id=1&id=2", None),
    "what a wildcard finds": (
        "search",
        "{id: 'found.all[*].id'}",
        b'{"all": [{"id": 1}, {"id": 2}]}',
        b"/things?id=1&id=2",
        None,
    ),
    "members": (
        "make",
        "{id: found.id, more: found.more}",
        b'{"id": 7, "more": [true, null, 1.5]}',
        b"/things",
        {
            "id": 7,
            "more": [True, None, 1.5],
        },
    ),
    "a template of a body": ("write", "{id: found.id}", b'{"id": 7}', b"/things/7", {"id": 7, "text": "id 7"}),
    "all of it": ("put", "{id: '1', body: '{{found}}'}", b'{"a": null}', b"/things/1", {"a": None}),
    "an optional one that is not there": (
        "search",
        "{id: found.id, also: found.no}",
        b'{"id": 1}',
        b"/things?id=1",
        None,
    ),
    "an optional member that is null": (
        "make",
        "{id: found.id, more: found.no}",
        b'{"id": 1, "no": null}',
        b"/things",
        {"id": 1},
    ),
    "a name in another spelling": ("get", "{id: Found.id}", b'{"id": 7}', b"/things/7", None),
    "an older spelling": ("get", "{id: $this.found.id}", b'{"id": 7}', b"/things/7", None),
}


@pytest.mark.parametrize("name", SENT)
def test_what_a_step_gave_is_sent_as_it_is(go: Go, name: str) -> None:
    target, with_, found, line, body = SENT[name]
    answer, (_, sent) = go(target, with_, found)

    assert 200 == answer.status_code
    assert line == sent.target
    assert body == (json.loads(sent.body) if sent.body else None)


NOTHING = {
    "nothing for a path": ("get", "{id: found.id}", b"{}", "id, which api.get needs"),
    "null for a path": ("get", "{id: found.id}", b'{"id": null}', "id, which api.get needs"),
    "no text for a path": ("get", "{id: found.id}", b'{"id": ""}', "id, which api.get needs"),
    "a dot for a path": ("get", "{id: found.id}", b'{"id": ".."}', "id, which api.get needs"),
    "nothing in a template": ("get", "{id: 'x-{{found.id}}'}", b"{}", "id, which api.get needs"),
    "an empty answer": ("get", "{id: found.id}", b"", "id, which api.get needs"),
    "a required query value": ("search", "{id: found.id}", b"{}", "id, which api.search needs"),
    "a required list of none": ("search", "{id: found.id}", b'{"id": []}', "id, which api.search needs"),
    "a required member": ("make", "{id: found.id, more: found.more}", b'{"more": 1}', "id, which api.make needs"),
    "what would be removed": ("remove", "{id: found.id}", b"{}", "id, which api.remove needs"),
    "what would be removed, by a body": ("remove-some", "{ids: found.ids}", b"{}", "ids, which api.remove-some needs"),
}


@pytest.mark.parametrize("name", NOTHING)
def test_what_a_step_did_not_give_is_no_fault_of_the_caller_and_nothing_is_sent(go: Go, name: str) -> None:
    target, with_, found, needed = NOTHING[name]
    answer, sent = go(target, with_, found)

    assert (502, "urn:cap:problem:upstream-malformed") == (answer.status_code, answer.json()["type"])
    assert f"the step found gave nothing for {needed}" == answer.json()["detail"]
    assert 1 == len(sent)


@pytest.mark.parametrize("text", ["a\r\nX-Other: b", "a\u0001b", "a\u007f"])
def test_what_no_header_can_hold_is_no_fault_of_the_caller(go: Go, text: str) -> None:
    answer, sent = go("search", "{id: '1', X-Id: found.id}", json.dumps({"id": text}).encode())

    assert 502 == answer.status_code
    assert "what the step found gave for X-Id of api.search cannot be sent" == answer.json()["detail"]
    assert 1 == len(sent)


def test_an_input_that_is_missing_beside_a_result_is_the_callers(go: Go) -> None:
    answer, sent = go("get", "{id: '{{rest.more}}{{found.id}}'}", b'{"id": 1}')

    assert (400, "query more") == (answer.status_code, answer.json()["errors"][0]["where"])
    assert [] == sent


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
def test_a_tool_says_which_step_gave_nothing(document: Callable[..., Path], era: str) -> None:
    path = document(DOCUMENT.replace("TARGET", "get").replace("WITH", "{id: found.id}"))
    answers = iter([Answered(body=b'{"id": 7}'), Answered(body=b'{"name": "Lamp"}')])
    with upstream(lambda request: next(answers, Answered())) as api, gateway(path, base_uris={"api": api.url}) as cap:
        fine, failed = call_tool(cap.url, era), call_tool(cap.url, era)

    assert {"name": "Lamp"} == fine["structuredContent"]
    assert failed["isError"]
    assert "the step found gave nothing for id, which api.get needs" in failed["content"][0]["text"]


OUTPUTS = {
    "a list": ("{ids: {type: array, value: $.all, items: {value: $.id}}}", "found.ids", b"id=1&id=2"),
    "an object": (
        "{thing: {type: object, value: '$.all[1]', properties: {key: {type: string, value: $.id}}}}",
        "found.thing.key",
        b"id=2",
    ),
    "a list of objects": (
        "{all: {type: array, value: $.all, items: {type: object, properties: {key: {value: $.id}}}}}",
        "'found.all[*].key'",
        b"id=1&id=2",
    ),
    "what is no output": ("{all: {type: array, value: $.all, items: string}}", "'found.all[0].id'", b"id=1"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_step_sees_nested_outputs(document: Callable[..., Path], name: str) -> None:
    outputs, source, query = OUTPUTS[name]
    text = DOCUMENT.replace("find: {method: GET}", f"find: {{method: GET, outputParameters: {outputs}}}")
    path = document(text.replace("TARGET", "search").replace("WITH", f"{{id: {source}}}"))
    found = Answered(body=b'{"all": [{"id": 1}, {"id": 2}]}')
    with upstream(lambda request: found) as api, gateway(path, base_uris={"api": api.url}) as cap:
        httpx.post(cap.url + "/go")

    assert b"/things?" + query == api.requests[-1].target
