"""What a caller gives and no parameter takes: it is sent all the same, or, if it says which resource is meant, not lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.testing import Recorded, gateway, upstream

CONSUMES = """\
resources:
- name: all
  path: /data
  operations:
  - {name: delete-all, method: DELETE}
  - {name: put-all, method: PUT}
  - {name: patch-all, method: PATCH}
  - {name: post-all, method: POST}
  - {name: list, method: GET}
  - name: delete-some
    method: DELETE
    inputParameters: [{name: roles, in: body}]
  - name: delete-by-query
    method: DELETE
    inputParameters: [{name: id, in: query}, {name: X-Why, in: header}]
  - name: delete-by-template
    method: DELETE
    body: {type: json, data: {id: '{{tools.id}}'}}
  - name: put-template
    method: PUT
    body: {type: json, data: {a: '{{tools.a}}'}}
- name: one
  path: /data/{id}
  operations:
  - {name: put-one, method: PUT}
  - {name: patch-one, method: PATCH}
  - {name: delete-one, method: DELETE}
"""
ALIVE = "{method: GET, name: list, call: api.list}"


def rest(operation: str, path: str, resource: str = "") -> str:
    return f"- {{path: /alive, operations: [{ALIVE}]}}\n- {{path: '{path}', {resource} operations: [{{{operation}}}]}}"


def codes(response: httpx.Response) -> str:
    code: str = response.json()["diagnostic"]["code"]
    return code


def sent(document: Path, method: str, path: str, **how: object) -> tuple[httpx.Response, list[Recorded]]:
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        response = httpx.request(method, cap.url + path, **how)  # type: ignore[arg-type]
        return response, list(api.requests)


def rpc(url: str, method: str, **params: object) -> dict[str, object]:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    result: dict[str, object] = httpx.post(f"{url}/mcp/things", json=message).json()["result"]
    return result


def called(document: Path, **arguments: object) -> list[Recorded]:
    """What reaches the upstream when the tool `t` is called."""
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        rpc(cap.url, "tools/call", name="t", arguments=arguments)
        return list(api.requests)


LOST = [
    pytest.param("DELETE", "/d/{id}", "call: api.delete-all, with: {id: rest.id}", id="placeholder-by-with"),
    pytest.param("DELETE", "/d/{id}", "call: api.delete-all", id="placeholder"),
    pytest.param("DELETE", "/d/{id}", "call: api.delete-all, with: {id: 'a-{{rest.id}}'}", id="placeholder-in-a-text"),
    pytest.param("DELETE", "/d", "call: api.delete-all, with: {id: rest.id}", id="with-without-placeholder"),
    pytest.param("DELETE", "/d", "call: api.delete-all, with: {id: rest.body.id}", id="with-from-the-body"),
    pytest.param("DELETE", "/d", "call: api.delete-all, inputParameters: [{name: id, in: query}]", id="declared-query"),
    pytest.param("DELETE", "/d", "call: api.delete-all, inputParameters: [{name: id, in: body}]", id="declared-body"),
    pytest.param("DELETE", "/d/{id}", "call: api.delete-some, with: {id: rest.id}", id="beside-a-declared-member"),
    pytest.param("DELETE", "/d/{id}", "call: api.delete-one, with: {id: rest.id, force: rest.force}", id="second-key"),
    pytest.param("DELETE", "/d/{key}", "call: api.delete-by-query, with: {id: rest.i, k: rest.key}", id="by-query-too"),
    pytest.param("POST", "/d/{id}", "call: api.delete-all, with: {id: rest.id}", id="post-that-deletes"),
    pytest.param("PUT", "/d/{id}", "call: api.put-all, with: {id: rest.id}", id="put-by-with"),
    pytest.param("PUT", "/d", "call: api.put-all, inputParameters: [{name: id}]", id="put-declared"),
    pytest.param("PATCH", "/d", "call: api.patch-all, with: {id: rest.id}", id="patch-by-with"),
    pytest.param("PUT", "/d/{id}/{b}", "call: api.put-one, with: {id: rest.id, b: rest.b}", id="second-placeholder"),
    pytest.param(
        "DELETE", "/d/{id}", "steps: [{type: call, name: s, call: api.delete-all, with: {id: rest.id}}]", id="step"
    ),
    pytest.param(
        "DELETE",
        "/d/{id}",
        "inputParameters: [{name: why}], steps: [{type: call, name: s, call: api.delete-one, with: {id: rest.id}}]",
        id="input-that-no-step-reads",
    ),
]


@pytest.mark.parametrize(("method", "path", "operation"), LOST)
def test_what_says_which_resource_is_meant_does_not_become_a_member_of_a_body(
    things: Callable[..., Path], method: str, path: str, operation: str
) -> None:
    document = things(CONSUMES, rest(f"method: {method}, name: op, {operation}", path))

    response, requests = sent(document, method, path.replace("{id}", "5").replace("{b}", "6").replace("{key}", "7"))

    assert 501 == response.status_code
    assert "lost-identifier" in response.text
    assert [] == requests


@pytest.mark.parametrize(
    "tool",
    [
        "call: api.delete-all, with: {id: tools.record-id}, inputParameters: [{name: record-id, required: true}]",
        "call: api.delete-all, with: {id: tools.record-id}",
        "call: api.delete-all, inputParameters: [{name: id}]",
        "call: api.put-all, inputParameters: [{name: id}]",
        "call: api.patch-all, with: {id: things-mcp.id}",
        "call: api.delete-some, inputParameters: [{name: roles}, {name: id}]",
    ],
)
def test_a_tool_that_loses_an_identifier_is_not_listed(things: Callable[..., Path], tool: str) -> None:
    alive = "- {name: list, description: d, call: api.list}\n"
    document = things(CONSUMES, tools=f"{alive}- {{name: t, description: d, {tool}}}")

    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        listed = rpc(cap.url, "tools/list")["tools"]
        httpx.post(
            f"{cap.url}/mcp/things", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "t"}}
        )
        assert [] == api.requests

    assert ["list"] == [tool["name"] for tool in listed]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("method", "path", "operation", "asked", "target", "body"),
    [
        ("DELETE", "/d/{id}", "call: api.delete-by-query, with: {id: rest.id}", "/d/5", b"/data?id=5", b""),
        ("DELETE", "/d/{id}", "call: api.delete-by-template", "/d/5", b"/data", b'{"id":"5"}'),
        ("DELETE", "/d/{r}", "call: api.delete-some, with: {roles: rest.r}", "/d/5", b"/data", b'{"roles":"5"}'),
        ("DELETE", "/d", "call: api.delete-all", "/d", b"/data", b""),
        ("PUT", "/d/{id}", "call: api.put-one, with: {id: rest.id, b: rest.b}", "/d/5?b=6", b"/data/5", b'{"b":"6"}'),
        ("POST", "/d/{id}", "call: api.post-all, with: {id: rest.id}", "/d/5", b"/data", b'{"id":"5"}'),
        ("POST", "/d", "call: api.post-all, inputParameters: [{name: id}]", "/d?id=5", b"/data", b'{"id":"5"}'),
    ],
)
def test_what_has_a_place_is_sent_there(
    things: Callable[..., Path], method: str, path: str, operation: str, asked: str, target: bytes, body: bytes
) -> None:
    document = things(CONSUMES, rest(f"method: {method}, name: op, {operation}", path))

    response, requests = sent(document, method, asked)

    assert (200, [(target, body)]) == (response.status_code, [(one.target, one.body) for one in requests])


INHERITED = "inputParameters: [{name: lvl, in: query}],"


@pytest.mark.parametrize(
    ("method", "call", "body"),
    [
        ("PUT", "api.put-template", b"{}"),
        ("DELETE", "api.delete-all", b""),
        ("DELETE", "api.delete-by-template", b'{"id":"5"}'),
        ("PATCH", "api.patch-all", b'{"lvl":"3"}'),
    ],
)
def test_an_input_of_the_whole_resource_identifies_nothing(
    things: Callable[..., Path], method: str, call: str, body: bytes
) -> None:
    document = things(CONSUMES, rest(f"method: {method}, name: op, call: {call}", "/d", INHERITED))

    response, requests = sent(document, method, "/d?lvl=3&id=5")

    assert (200, [body]) == (response.status_code, [one.body for one in requests])


def test_an_input_of_the_whole_exposure_identifies_nothing(things: Callable[..., Path]) -> None:
    document = things(CONSUMES, rest("method: PUT, name: op, call: api.put-template", "/d"))
    text = document.read_text().replace(
        "    port: 8080\n", "    port: 8080\n    inputParameters: [{name: lvl, in: query}]\n"
    )
    document.write_text(text)

    response, requests = sent(document, "PUT", "/d?lvl=3&a=5")

    assert (200, [b'{"a":"5"}']) == (response.status_code, [one.body for one in requests])


def test_an_input_that_the_operation_declares_again_is_its_own(things: Callable[..., Path]) -> None:
    own = "method: PUT, name: op, call: api.put-template, inputParameters: [{name: lvl, in: query}]"

    response, requests = sent(things(CONSUMES, rest(own, "/d", INHERITED)), "PUT", "/d?lvl=3&a=5")

    assert (501, []) == (response.status_code, requests)


DECIDED = """\
resources:
- path: /a
  operations:
  - {name: plain, method: GET}
  - {name: open, method: GET, inputParameters: [{name: seen-by, in: query}]}
  - {name: fixed, method: GET, inputParameters: [{name: seen-by, in: query, value: us}]}
  - {name: open-body, method: POST, inputParameters: [{name: seen-by, in: body}]}
  - {name: fixed-body, method: POST, inputParameters: [{name: seen-by, in: body, value: us}]}
- path: /a?seen-by=us
  operations: [{name: in-path, method: GET}]
"""


@pytest.mark.parametrize("name", ["seen-by", "seenBy", "SEEN_BY"])
@pytest.mark.parametrize(
    ("call", "place", "line", "body"),
    [
        ("api.fixed", "query", b"GET /a?seen-by=us", b""),
        ("api.in-path", "query", b"GET /a?seen-by=us", b""),
        ("api.open, with: {seen-by: us}", "query", b"GET /a?seen-by=us", b""),
        ("api.plain, with: {seen-by: us}", "query", b"GET /a?seen-by=us", b""),
        ("api.fixed-body", "body", b"POST /a", b'{"seen-by":"us"}'),
        ("api.open-body, with: {seen-by: us}", "body", b"POST /a", b'{"seen-by":"us"}'),
    ],
)
def test_what_a_document_decides_is_not_decided_anew_by_callers(
    things: Callable[..., Path], call: str, place: str, line: bytes, body: bytes, name: str
) -> None:
    method = line.partition(b" ")[0].decode()
    operation = f"method: {method}, name: op, call: {call}, inputParameters: [{{name: {name}, in: {place}}}]"
    tool = f"- {{name: t, description: d, call: {call}, inputParameters: [{{name: {name}, type: string}}]}}"
    document = things(DECIDED, rest(operation, "/x"), tools=tool)
    given = {"params" if place == "query" else "json": {name: "them"}}

    response, by_rest = sent(document, method, "/x", **given)
    by_tool = called(document, **{name: "them"})

    assert 200 == response.status_code
    assert [(line, body)] * 2 == [
        (request.method.encode() + b" " + request.target, request.body) for request in [*by_rest, *by_tool]
    ]
