"""Operations and tools of several steps: what each sends, what the next one sees, and what ends a flow."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.plan.upstream import Timeouts
from cap_core.runtime.options import OpenOptions, UpstreamOptions
from cap_core.testing import Answered, Recorded, gateway, upstream

LISTS = """\
naftiko: 1.0.0-alpha2
binds:
- {namespace: env, keys: {FIRST_KEY: FIRST_KEY, SECOND_KEY: SECOND_KEY}}
capability:
  consumes:
  - type: http
    namespace: search
    baseUri: https://search.example
    authentication: {type: bearer, token: '{{FIRST_KEY}}'}
    resources:
    - path: /things
      name: things
      operations:
      - name: find
        method: GET
        inputParameters: [{name: word, in: query, type: string, required: true}]
        outputParameters: OUTPUTS
  - type: http
    namespace: store
    baseUri: https://store.example
    authentication: {type: apikey, key: X-Key, value: '{{SECOND_KEY}}', placement: header}
    resources:
    - path: /things/{id}
      name: thing
      operations:
      - {name: get, method: GET}
      - name: paint
        method: PATCH
        inputParameters: [{name: color, in: body, type: string}, {name: was, in: body}]
  exposes:
  - type: rest
    namespace: shop-rest
    port: 8080
    resources:
    - path: /by-word/{word}
      name: by-word
      operations:
      - method: GET
        name: get-by-word
        steps:
        - {type: call, name: found, call: search.find, with: {word: rest.word}}
        - {type: call, name: got, call: store.get, with: {id: found.id}}
      - method: PATCH
        name: paint-by-word
        inputParameters: [{name: color, in: body, type: string}]
        steps:
        - {name: found, call: search.find}
        - {name: painted, call: store.paint, with: {id: '{{found.id}}', was: found.id, color: rest.color}}
        outputParameters: [{name: painted, type: string, mapping: $.name}]
  - type: mcp
    namespace: shop-mcp
    port: 9090
    tools:
    - name: get-by-word
      description: Get a thing by a word.
      steps:
      - {name: found, call: search.find}
      - {name: got, call: store.get, with: {id: found.id}}
"""
SEEN = "[{name: id, type: integer, value: '$.items[0].id'}]"


def found(request: Recorded) -> Answered:
    if request.target.startswith(b"/things?"):
        return Answered(body=b'{"id": "whole", "items": [{"id": 7}]}')
    return Answered(body=b'{"name": "Lamp"}')


def shop(write: Callable[..., Path], outputs: str = SEEN, dialect: str = "lists") -> Path:
    text = LISTS.replace("OUTPUTS", outputs)
    if dialect == "maps":
        text = text.replace("naftiko: 1.0.0-alpha2", "ikanos: 1.0.0-beta5")
        text = text.replace("        - {type: call, name: found, ", "          found: {").replace(
            "        - {type: call, name: got, ", "          got: {"
        )
    return write(text, "shop.yaml")


def serve(path: Path, search: Any, store: Any, opening: OpenOptions | None = None, **more: Any) -> Any:
    values = {"FIRST_KEY": "one", "SECOND_KEY": "two", **more}
    uris = {"search": search.url, "store": store.url}
    return gateway(path, base_uris=uris, values={k: v for k, v in values.items() if v}, opening=opening)


def call_tool(url: str, name: str, arguments: dict[str, object]) -> Any:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    answer = httpx.post(url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"})
    return answer.json()["result"]


@pytest.mark.parametrize("dialect", ["lists", "maps"])
def test_a_later_step_is_sent_what_an_earlier_one_gave(document_: Any, dialect: str) -> None:
    with upstream(found) as search, upstream(found) as store:
        with serve(shop(document_, dialect=dialect), search, store) as cap:
            answer = httpx.get(cap.url + "/by-word/lamp")

    assert (200, {"name": "Lamp"}) == (answer.status_code, answer.json())
    assert [b"/things?word=lamp"] == [one.target for one in search.requests]
    assert [b"/things/7"] == [one.target for one in store.requests]


def test_each_step_has_the_credential_of_its_own_upstream(document_: Any) -> None:
    with upstream(found) as search, upstream(found) as store:
        with serve(shop(document_), search, store) as cap:
            httpx.get(cap.url + "/by-word/lamp", headers={"authorization": "Bearer the-callers"})

    assert (b"Bearer one", None) == (search.requests[0].header("authorization"), search.requests[0].header("x-key"))
    assert (None, b"two") == (store.requests[0].header("authorization"), store.requests[0].header("x-key"))


def test_results_keep_their_types_and_the_last_answer_is_mapped(document_: Any) -> None:
    with upstream(found) as search, upstream(found) as store:
        with serve(shop(document_), search, store) as cap:
            answer = httpx.patch(cap.url + "/by-word/lamp", json={"color": "red"})

    assert {"painted": "Lamp"} == answer.json()
    assert {"color": "red", "was": 7} == json.loads(store.requests[0].body)
    assert (b"PATCH", b"/things/7") == (store.requests[0].method.encode(), store.requests[0].target)


@pytest.mark.parametrize(("outputs", "target"), [("[]", b"/things/whole"), (SEEN, b"/things/7")])
def test_a_step_sees_the_outputs_of_the_operation_or_the_whole_answer(
    document_: Any, outputs: str, target: bytes
) -> None:
    with upstream(found) as search, upstream(found) as store:
        with serve(shop(document_, outputs), search, store) as cap:
            httpx.get(cap.url + "/by-word/lamp")

    assert [target] == [one.target for one in store.requests]


def test_a_tool_takes_the_inputs_of_all_steps_and_gives_the_last_answer(document_: Any) -> None:
    with upstream(found) as search, upstream(found) as store:
        with serve(shop(document_), search, store) as cap:
            listed = httpx.post(
                cap.url + "/mcp",
                json={"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}},
                headers={"mcp-protocol-version": "2025-11-25"},
            ).json()["result"]["tools"]
            result = call_tool(cap.url, "get-by-word", {"word": "lamp"})
            missing = call_tool(cap.url, "get-by-word", {})

    assert {"word": {"type": "string"}} == listed[0]["inputSchema"]["properties"]
    assert ["word"] == listed[0]["inputSchema"]["required"]
    assert {"readOnlyHint": True, "idempotentHint": True} == listed[0]["annotations"]
    assert {"name": "Lamp"} == result["structuredContent"]
    assert missing["isError"]
    assert (1, 1) == (len(search.requests), len(store.requests))


FAILURES: dict[str, tuple[Answered, int]] = {
    "refused": (Answered(status=403, body=b'{"no": 1}'), 403),
    "broken": (Answered(status=500, body=b"oh"), 500),
    "moved": (Answered(status=302, headers=((b"location", b"https://elsewhere.example/"),)), 502),
    "not json": (Answered(body=b"<html>"), 502),
    "cut": (Answered(body=[b'{"items": [', b"1"], cut=1), 502),
    "encoded": (Answered(headers=((b"content-encoding", b"br"),), body=[b"x" * 70_000] * 40), 502),
    "nothing there": (Answered(body=b'{"items": []}'), 502),
    "empty": (Answered(body=b""), 502),
    "climbing": (Answered(body=b'{"items": [{"id": ".."}]}'), 502),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_step_that_fails_ends_the_flow_and_leaves_its_connection_usable(document_: Any, name: str) -> None:
    answer, status = FAILURES[name]
    answers = iter([answer, answer])
    one = UpstreamOptions(connections=1, timeouts=Timeouts(connect=2.0))
    opening = OpenOptions(upstreams={"search": one, "store": one})
    path = shop(document_, "[{name: id, value: '$.items[0].id'}]")
    with upstream(lambda request: next(answers, found(request))) as search, upstream(found) as store:
        with serve(path, search, store, opening) as cap:
            failed = httpx.get(cap.url + "/by-word/lamp")
            told = call_tool(cap.url, "get-by-word", {"word": "lamp"})
            fine = httpx.get(cap.url + "/by-word/lamp")

    assert status == failed.status_code
    assert told["isError"]
    assert 200 == fine.status_code
    assert [b"/things/7"] == [one.target for one in store.requests]  # nothing was sent on for the failed ones
    if status in (403, 500):
        assert answer.body == failed.content
        assert f"HTTP {status} from search" in told["content"][0]["text"]
    else:
        assert "application/problem+json" == failed.headers["content-type"]


@pytest.mark.parametrize("unset", ["FIRST_KEY", "SECOND_KEY"])
def test_what_is_not_set_for_any_step_refuses_before_the_first(document_: Any, unset: str, monkeypatch: Any) -> None:
    monkeypatch.delenv(unset, raising=False)
    with upstream(found) as search, upstream(found) as store:
        with serve(shop(document_), search, store, **{unset: ""}) as cap:
            answer = httpx.get(cap.url + "/by-word/lamp")

    assert 503 == answer.status_code
    assert f"{unset} is not set" in answer.json()["detail"]
    assert ([], []) == (search.requests, store.requests)


def test_head_runs_the_flow_and_drops_the_body(document_: Any) -> None:
    with upstream(found) as search, upstream(found) as store:
        with serve(shop(document_), search, store) as cap:
            answer = httpx.head(cap.url + "/by-word/lamp")

    assert (200, b"") == (answer.status_code, answer.content)
    assert ["GET", "GET"] == [one.method for one in (*search.requests, *store.requests)]


BAD = {
    "without a name": ("- {call: search.find}", "bad-step"),
    "of no type": ("- {name: a, type: dance}", "bad-step"),
    "no mapping": ("- words", "bad-step"),
    "a dot in its name": ("- {name: a.b, call: search.find}", "bad-step"),
    "a name twice": (
        "- {name: found, call: search.find}\n        - {name: found, call: search.find}",
        "duplicate-name",
    ),
    "a call to nothing": ("- {name: a, call: search.nothing}", "dangling-call"),
    "without a call": ("- {name: a}", "no-call"),
    "a lookup": ("- {name: a, type: lookup}", "not-built-steps"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_step_that_cannot_be_run_leaves_out_its_operation_alone(document_: Any, name: str, cap: Any) -> None:
    steps, code = BAD[name]
    first = "- {type: call, name: found, call: search.find, with: {word: rest.word}}"
    second = "\n        - {type: call, name: got, call: store.get, with: {id: found.id}}"
    text = LISTS.replace("OUTPUTS", SEEN)
    assert first + second in text
    path = document_(text.replace(first + second, steps), "shop.yaml")
    printed = json.loads(cap("check", path.name, "--format", "json").stdout)

    assert [code] == [one["code"] for one in printed if one["severity"] == "warning"]
    with upstream(found) as search, upstream(found) as store, serve(path, search, store) as running:
        assert 501 == httpx.get(running.url + "/by-word/lamp").status_code
        assert 200 == httpx.patch(running.url + "/by-word/lamp", json={"color": "red"}).status_code


def test_an_input_that_no_step_reads_is_reported_and_accepted(document_: Any, cap: Any) -> None:
    text = LISTS.replace("OUTPUTS", SEEN).replace(
        "[{name: color, in: body, type: string}]\n        steps",
        "[{name: color, in: body, type: string}, {name: extra, in: query, type: string}]\n        steps",
    )
    path = document_(text, "shop.yaml")
    printed = json.loads(cap("check", path.name, "--format", "json").stdout)
    with upstream(found) as search, upstream(found) as store, serve(path, search, store) as running:
        answer = httpx.patch(running.url + "/by-word/lamp?extra=1", json={"color": "red"})

    assert ["no step reads the input 'extra'; it is not sent"] == [
        one["message"] for one in printed if one["code"] == "unknown-parameter"
    ]
    assert 200 == answer.status_code
    assert all(b"extra" not in one.target for one in (*search.requests, *store.requests))


NAMED = {
    "itself": ("{id: got.id}", "bad-step"),
    "a later one": ("{id: '{{got.id}}'}", "bad-step"),
    "no JSONPath": ("{id: 'found.a[['}", "bad-mapping"),
    "no JSONPath, in a template": ("{id: '{{found.a[[}}'}", "bad-mapping"),
}


@pytest.mark.parametrize("name", NAMED)
def test_a_result_that_cannot_be_there_leaves_out_the_operation_at_its_place(
    document_: Any, name: str, cap: Any
) -> None:
    with_, code = NAMED[name]
    first = "{type: call, name: got, call: store.get, with: {id: found.id}}"
    text = LISTS.replace("OUTPUTS", SEEN)
    assert first in text
    path = document_(text.replace(first, first.replace("{id: found.id}", with_)), "shop.yaml")
    printed = json.loads(cap("check", path.name, "--format", "json").stdout)
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if with_ in text)

    assert [(code, line)] == [(one["code"], one["line"]) for one in printed if one["severity"] == "warning"]


@pytest.mark.parametrize("name", ["rest", "shop-rest"])
def test_a_step_named_like_a_word_for_inputs_is_left_out_where_it_is_named(document_: Any, name: str, cap: Any) -> None:
    text = (
        LISTS.replace("OUTPUTS", SEEN)
        .replace(
            "name: found, call: search.find, with: {word: rest.word}",
            f"name: {name}, call: search.find, with: {{word: rest.word}}",
        )
        .replace(
            "{type: call, name: got, call: store.get, with: {id: found.id}}",
            f"{{type: call, name: got, call: store.get, with: {{id: {name}.id}}}}",
        )
    )
    path = document_(text, "shop.yaml")
    printed = json.loads(cap("check", path.name, "--format", "json").stdout)

    assert ["bad-step"] == [one["code"] for one in printed if one["severity"] == "warning"]


def test_a_slip_in_the_name_of_a_step_is_reported(document_: Any, cap: Any) -> None:
    with_ = "{type: call, name: got, call: store.get, with: {id: found.id}}"
    text = LISTS.replace("OUTPUTS", SEEN)
    slips = {
        "fuond.id": ("literal-source", "'fuond.id' is sent as that text", "did you mean 'found.id'?"),
        "Found.id": ("normalized-name", "'Found' is read as 'found'", None),
        "[found.id]": (
            "literal-source",
            "'found.id' inside a list or a mapping is sent as that text",
            "write '{{found.id}}' for the result of the step",
        ),
    }
    for slip, (code, message, hint) in slips.items():
        path = document_(text.replace(with_, with_.replace("found.id", slip)), "shop.yaml")
        printed = json.loads(cap("check", path.name, "--format", "json").stdout)
        found = [(one["message"], one["hint"]) for one in printed if one["code"] == code]
        assert message in [one[0] for one in found]
        assert hint is None or (message, hint) in found


def test_what_a_called_operation_says_of_itself_names_no_step(document_: Any) -> None:
    text = LISTS.replace("OUTPUTS", SEEN).replace(
        "{name: color, in: body, type: string}, {name: was, in: body}]",
        "{name: color, in: body, type: string}, {name: was, in: body}, {name: by, in: query, value: '{{found}}'}]",
    )
    text = text.replace("color: rest.color}}", "color: rest.color, found: rest.color}}")
    with upstream(found) as search, upstream(found) as store:
        with serve(document_(text, "shop.yaml"), search, store) as cap:
            answer = httpx.patch(cap.url + "/by-word/lamp", json={"color": "red"})

    assert 200 == answer.status_code
    assert b"/things/7?by=red" == store.requests[0].target


def test_call_and_with_beside_steps_have_no_effect_and_are_reported(document_: Any, cap: Any) -> None:
    text = LISTS.replace("OUTPUTS", SEEN).replace(
        "name: get-by-word\n        steps",
        "name: get-by-word\n        call: store.get\n        with: {a: b}\n        steps",
    )
    path = document_(text, "shop.yaml")
    (one,) = [
        one for one in json.loads(cap("check", path.name, "--format", "json").stdout) if one["code"] == "not-acted-on"
    ]

    assert "'call' has no effect beside 'steps'" in one["message"]
    assert "'with' has no effect beside 'steps'" in one["message"]


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
def test_cap_call_and_both_eras_run_a_flow(document_: Any, cap: Any, era: str) -> None:
    path = shop(document_)
    params: dict[str, Any] = {"name": "get-by-word", "arguments": {"word": "lamp"}}
    headers = {"mcp-protocol-version": era}
    if era == "2026-07-28":
        about = {"protocolVersion": era, "clientCapabilities": {}, "clientInfo": {"name": "t", "version": "0"}}
        params["_meta"] = {f"io.modelcontextprotocol/{key}": value for key, value in about.items()}
        headers |= {"mcp-method": "tools/call", "mcp-name": "get-by-word"}
    with upstream(found) as search, upstream(found) as store:
        with serve(path, search, store) as running:
            message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
            result = httpx.post(running.url + "/mcp", json=message, headers=headers).json()["result"]
        uris = ("--base-uri", f"search={search.url}", "--base-uri", f"store={store.url}")
        keys = ("--set", "FIRST_KEY=one", "--set", "SECOND_KEY=two")
        called = cap("call", path.name, "get-by-word", "word=lamp", *uris, *keys)

    assert {"name": "Lamp"} == result["structuredContent"]
    assert (0, {"name": "Lamp"}) == (called.returncode, json.loads(called.stdout))


@pytest.fixture
def document_(document: Callable[..., Path]) -> Callable[..., Path]:
    return document
