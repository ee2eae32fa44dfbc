"""What goes wrong in practice: a wrong key, an address not set, identifiers that climb, bodies that are none."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from cap_core.errors import CapError
from cap_core.testing import Answered, Recorded, Running, Upstream, gateway, upstream

KEY = "canary-4f1d9a"
VALUES = {"PORTKEY_API_KEY": KEY, "PORTKEY_CONFIG": "pc-canary-1"}
INVALID = b'{"status":"failure","message":"Invalid API key canary-4f1d9a"}'
MODERN = "2026-07-28"


def answer(request: Recorded) -> Answered:
    if request.target == b"/v1/batches/refused":
        return Answered(401, body=INVALID)
    if request.target == b"/v1/batches/dies/output":
        lines = (b'{"custom_id":"a"}\n', b'{"custom_id":', b'"b"}\n')
        return Answered(headers=((b"content-type", b"application/jsonl"),), body=lines, cut=2)
    return Answered()


@pytest.fixture(scope="module")
def api() -> Iterator[Upstream]:
    with upstream(answer) as running:
        yield running


@pytest.fixture(scope="module")
def cap(api: Upstream) -> Iterator[Running]:
    with gateway("portkey-batch", base_uris={"portkey-batch": f"{api.url}/v1"}, values=VALUES) as running:
        yield running


@pytest.fixture(autouse=True)
def forgotten(api: Upstream) -> None:
    api.requests.clear()


# --- a wrong key --------------------------------------------------------------------------------------------------


def test_the_vendors_401_is_kept_on_rest(cap: Running) -> None:
    said = httpx.get(cap.url + "/v1/batches/refused")

    assert (401, INVALID) == (said.status_code, said.content)


@pytest.mark.parametrize("era", ["2025-11-25", MODERN])
def test_a_tool_names_the_credential_that_was_refused_and_never_its_value(cap: Running, era: str, row, ask) -> None:
    said = ask(cap.url, era, replace(row("portkey-batch", "retrievebatch"), arguments={"batch_id": "refused"}))

    assert not said.ok
    assert "HTTP 401 from portkey-batch" in said.text
    assert "The portkey credential the gateway has for portkey-batch was refused" in said.text
    assert "canary" not in said.text


def test_a_key_that_ends_with_a_line_break_is_refused_at_start() -> None:
    with (
        pytest.raises(CapError, match="the header x-portkey-api-key would hold a line break") as caught,
        gateway("portkey-batch", values=VALUES | {"PORTKEY_API_KEY": KEY + "\n"}),
    ):
        pass

    assert "canary" not in str(caught.value)


# --- an address that has to be given ------------------------------------------------------------------------------


@pytest.fixture
def aimlapi(shared: Callable[[str], Path]) -> Path:
    return shared("seeds/aimlapi-threads-runs.yaml")


def test_without_baseurl_a_call_says_how_to_give_it(aimlapi: Path, door: str, row, ask) -> None:
    with gateway(aimlapi, values={"AIMLAPI_API_KEY": KEY}) as cap:
        said = ask(cap.url, door, row("aimlapi-threads-runs", "get run"))

    assert not said.ok
    for hint in ("503", "baseurl is not set", "--base-uri aimlapi-threads-runs=URL", "--set baseurl=VALUE"):
        assert hint in said.text


@pytest.mark.parametrize("scheme", ["", "http://"], ids=["without-scheme", "with-scheme"])
def test_baseurl_may_carry_its_scheme(aimlapi: Path, api: Upstream, scheme: str, row, ask) -> None:
    values = {"AIMLAPI_API_KEY": KEY, "baseurl": scheme + api.url.removeprefix("http://") + "/v1"}
    with gateway(aimlapi, values=values) as cap:
        said = ask(cap.url, "rest", row("aimlapi-threads-runs", "get run"))

    assert said.ok
    assert [b"/v1/threads/thread_1/runs/run_1"] == [request.target for request in api.requests]


@pytest.mark.parametrize(
    "baseurl", ["api.example/v1", "http://api.example/v1"], ids=["by-the-document", "by-the-value"]
)
def test_a_key_does_not_leave_the_machine_in_the_clear(aimlapi: Path, baseurl: str, door: str, row, ask) -> None:
    with gateway(aimlapi, values={"AIMLAPI_API_KEY": KEY, "baseurl": baseurl}) as cap:
        said = ask(cap.url, door, row("aimlapi-threads-runs", "get run"))

    assert not said.ok
    assert "a credential of aimlapi-threads-runs would go to api.example over plain http" in said.text
    assert "--allow-plaintext aimlapi-threads-runs" in said.text


def test_the_package_knows_its_address() -> None:
    with gateway("aimlapi-threads-runs", values={"AIMLAPI_API_KEY": KEY}) as cap:
        shown = {(one.variable, one.host) for one in cap.gateway.destinations}

    assert ("AIMLAPI_API_KEY", "api.aimlapi.com") in shown


# --- identifiers --------------------------------------------------------------------------------------------------


def raw_get(cap: Running, target: str) -> tuple[int, bytes]:
    """A GET of exactly this target; HTTP libraries tidy `..` away."""
    connection = http.client.HTTPConnection("127.0.0.1", cap.port, timeout=10)
    try:
        connection.request("GET", target)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


@pytest.mark.parametrize("spelled", ["..", ".", "%2e%2e", "%2E.", "%2e"])
def test_an_identifier_that_would_climb_is_refused(cap: Running, api: Upstream, spelled: str) -> None:
    status, body = raw_get(cap, f"/v1/batches/{spelled}/output")

    assert 400 == status
    assert "names another resource" in json.loads(body)["detail"]
    assert [] == api.requests


def test_a_slash_in_a_path_is_another_address(cap: Running, api: Upstream) -> None:
    status, _ = raw_get(cap, "/v1/batches/a/b")

    assert 404 == status
    assert [] == api.requests


@pytest.mark.parametrize(
    ("identifier", "path"),
    [("a/b", "a%2Fb"), ("%2e%2e", "%252e%252e"), ("🍕", "%F0%9F%8D%95"), ("a?b#c", "a%3Fb%23c")],
)
def test_an_identifier_stays_in_its_segment(
    cap: Running, api: Upstream, identifier: str, path: str, door: str, row, ask
) -> None:
    meant = row("portkey-batch", "retrievebatch")
    said = ask(cap.url, door, replace(meant, rest=f"GET /v1/batches/{path}", arguments={"batch_id": identifier}))

    assert said.ok
    assert [f"/v1/batches/{path}"] == [request.target.decode() for request in api.requests]


@pytest.mark.parametrize("identifier", ["..", "."])
def test_an_argument_that_would_climb_is_refused(cap: Running, api: Upstream, identifier: str, row, ask) -> None:
    said = ask(cap.url, MODERN, replace(row("portkey-batch", "retrievebatch"), arguments={"batch_id": identifier}))

    assert not said.ok
    assert "batch_id must not be" in said.text
    assert [] == api.requests


# --- bodies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param(b"{'not': 'json'}", 400, "JSON", id="not-json"),
        pytest.param(b'{"a": 1} {"b": 2}', 400, "JSON", id="two-documents"),
        pytest.param(b'{"a": "\xff"}', 400, "", id="not-utf-8"),
        pytest.param(b'["a list"]', 400, "object", id="list"),
        pytest.param(b'"text"', 400, "object", id="text"),
        pytest.param(b"", 400, "required", id="nothing"),
        pytest.param(b'{"a": "' + b"x" * 11 * 1024 * 1024 + b'"}', 413, "10", id="11-MiB"),
    ],
)
def test_a_body_that_is_no_object_is_refused(cap: Running, api: Upstream, body: bytes, status: int, says: str) -> None:
    answer = httpx.post(cap.url + "/v1/batches", content=body, headers={"content-type": "application/json"})

    assert status == answer.status_code, answer.text
    assert "application/problem+json" == answer.headers["content-type"]
    assert says in answer.json()["detail"]
    assert [] == api.requests


def test_a_body_of_another_media_type_is_refused(cap: Running, api: Upstream) -> None:
    answer = httpx.post(cap.url + "/v1/batches", content=b"<a/>", headers={"content-type": "application/xml"})

    assert 415 == answer.status_code
    assert [] == api.requests


@pytest.mark.parametrize("body", ["text", ["a list"], 7], ids=["text", "list", "number"])
def test_an_argument_that_is_no_object_is_refused(cap: Running, api: Upstream, body: object, row, ask) -> None:
    said = ask(cap.url, MODERN, replace(row("portkey-batch", "createbatch"), body=None, arguments={"body": body}))

    assert not said.ok
    assert "argument body must be an object, not" in said.text
    assert [] == api.requests


# --- an upstream that dies ----------------------------------------------------------------------------------------


def test_json_lines_that_break_off_are_not_taken_for_whole(cap: Running) -> None:
    got = bytearray()

    def read() -> None:
        with httpx.stream("GET", cap.url + "/v1/batches/dies/output") as answer:
            for chunk in answer.iter_bytes():
                got.extend(chunk)

    with pytest.raises(httpx.RemoteProtocolError):
        read()

    assert got.startswith(b'{"custom_id":"a"}\n')


def test_a_tool_says_that_json_lines_broke_off(cap: Running, row, ask) -> None:
    said = ask(cap.url, MODERN, replace(row("portkey-batch", "getbatchoutput"), arguments={"batch_id": "dies"}))

    assert not said.ok
    assert "broke off in the middle of its answer" in said.text
