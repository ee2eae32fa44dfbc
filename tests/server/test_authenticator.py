"""Credentials of callers, and those that are sent upstream (`docs/semantics.md`, callers)."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.errors import CapError
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

Things = Callable[..., Path]
REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"
TOOL = "- {name: get-thing, description: Get it., call: api.get-thing}"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.mark.parametrize(
    ("auth", "headers", "target"),
    [
        pytest.param("type: bearer, token: k", {"authorization": "Bearer k"}, b"/things/7", id="bearer"),
        pytest.param("type: bearer, value: k", {"authorization": "Bearer k"}, b"/things/7", id="bearer-value"),
        pytest.param("type: apikey, key: X-K, value: k, placement: header", {"x-k": "k"}, b"/things/7", id="apikey"),
        pytest.param("type: apiKey, name: X-K, value: k, in: header", {"x-k": "k"}, b"/things/7", id="apikey-name-in"),
        pytest.param("type: apikey, header: X-K, key: k", {"x-k": "k"}, b"/things/7", id="apikey-header-key"),
        pytest.param("type: apikey, headers: {A: 1, B: k}", {"a": "1", "b": "k"}, b"/things/7", id="apikey-headers"),
        pytest.param("type: apikey, key: k, value: v, placement: query", {}, b"/things/7?k=v", id="apikey-query"),
        pytest.param(
            "type: apikey, key: k, value: v, placement: cookie", {"cookie": "k=v"}, b"/things/7", id="apikey-cookie"
        ),
        pytest.param(
            "type: apikey, key: Authorization, value: 'Token token={{THINGS_KEY}}'",
            {"authorization": "Token token=s"},
            b"/things/7",
            id="text-around",
        ),
        pytest.param(
            "type: basic, username: u, password: '{{THINGS_KEY}}'",
            {"authorization": "Basic " + base64.b64encode(b"u:s").decode()},
            b"/things/7",
            id="basic",
        ),
    ],
)
def test_credentials_that_are_sent(
    things: Things, get_thing: str, auth: str, headers: dict[str, str], target: bytes
) -> None:
    document = things(f"authentication: {{{auth}}}\n{get_thing}", REST)
    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": "s"}) as cap:
        assert 200 == httpx.get(cap.url + "/things/7").status_code

    assert target == api.requests[0].target
    for name, value in headers.items():
        assert [value.encode()] == [v for n, v in api.requests[0].headers if n.decode().lower() == name]


def test_a_parameter_that_authentication_supplies_is_no_input(things: Things, get_thing: str) -> None:
    inputs = get_thing + "    - {name: api_key, in: query, type: string}\n"
    document = things(f"authentication: {{type: apikey, key: api_key, value: k, placement: query}}\n{inputs}", REST)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/things/7?api_key=mine")

    assert b"/things/7?api_key=k" == api.requests[0].target


@pytest.fixture(params=["flag-bearer", "flag-apikey", "document"])
def guarded(request: pytest.FixtureRequest, things: Things, get_thing: str) -> tuple[Path, str | None, dict[str, str]]:
    """A document whose callers must know `sesame`: by which flag, if any, and with which headers."""
    document = things(get_thing, REST, TOOL)
    if request.param == "document":
        text = document.read_text()
        for port in ("8080", "9090"):
            text = text.replace(
                f"port: {port}", f"port: {port}\n    authentication: {{type: bearer, token: '{{{{THINGS_KEY}}}}'}}"
            )
        document.write_text(text)
        return document, None, {"authorization": "Bearer sesame"}
    if request.param == "flag-apikey":
        return document, "apikey:X-Door:THINGS_KEY", {"x-door": "sesame"}
    return document, "bearer:THINGS_KEY", {"authorization": "Bearer sesame"}


def test_callers_are_checked_on_every_face(guarded) -> None:
    document, flag, good = guarded
    with (
        upstream() as api,
        gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": "sesame"}, caller_auth=flag) as cap,
    ):
        for headers in ({}, {"authorization": "Bearer wrong", "x-door": "wrong"}):
            for answer in (
                httpx.get(cap.url + "/things/7", headers=headers),
                httpx.post(cap.url + "/mcp", json=LIST, headers=headers),
                httpx.get(cap.url + "/openapi.json", headers=headers),
            ):
                assert 401 == answer.status_code
                assert answer.headers["www-authenticate"]
                assert "sesame" not in answer.text
        assert [] == api.requests
        assert 200 == httpx.get(cap.url + "/things/7", headers=good).status_code
        assert "get-thing" in httpx.post(cap.url + "/mcp", json=LIST, headers=good).text
        assert 200 == httpx.get(cap.url + "/openapi.json", headers=good).status_code
        assert 200 == httpx.get(cap.url + "/health/live").status_code


@pytest.mark.parametrize("value", [None, ""])
def test_an_expected_credential_that_is_not_set_matches_nobody(
    things, get_thing, monkeypatch, value: str | None
) -> None:
    monkeypatch.delenv("DOOR", raising=False)
    if value is not None:
        monkeypatch.setenv("DOOR", value)
    with gateway(things(get_thing, REST), caller_auth="bearer:DOOR") as cap:
        for token in ("-", "None", "***"):
            assert 401 == httpx.get(cap.url + "/things/7", headers={"authorization": f"Bearer {token}"}).status_code


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("type: apikey, key: X-K, value: '{{THINGS_KEY}}', placement: query", "must be one header"),
        ("type: apikey, headers: [{name: X-K, valu: v}]", "has 'name' and 'value'"),
        ("type: bearer", "'token'"),
    ],
)
def test_options_that_no_caller_can_meet_are_told_without_serving(
    things: Things, get_thing: str, options: str, says: str
) -> None:
    document = things(get_thing, REST)
    text = document.read_text().replace("port: 8080", f"port: 8080\n    authentication: {{{options}}}")
    document.write_text(text)

    out = compile_source(DocumentSource("things", "things.yaml", document), loader.load(), CompileOptions())

    assert out.refusal is not None
    assert ("bad-auth", "authentication") == (
        out.refusal.code,
        text.splitlines()[out.refusal.at.line - 1].strip().partition(":")[0],
    )
    assert says in out.refusal.message


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("bearer:a b", "'a b' is no name of a variable"),
        ("bearer:{{K}}", "'{{K}}' is no name of a variable"),
        ("bearer:K}}", "'K}}' is no name of a variable"),
        ("apikey:X-Gw:a b", "'a b' is no name of a variable"),
        ("apikey:X-Gw:", "'X-Gw:' is not HEADER:NAME"),
        ("apikey:X K:K", "a caller's apikey cannot stand in 'X K', which is no name of a header"),
        ("apikey:Host:K", "a caller's apikey cannot stand in 'Host', which has another meaning"),
        ("apikey:cookie:K", "a caller's apikey cannot stand in 'cookie', which has another meaning"),
        ("apikey:Content-Type:K", "a caller's apikey cannot stand in 'Content-Type', which has another meaning"),
        ("apikey:Transfer-Encoding:K", "cannot stand in 'Transfer-Encoding', which has another meaning"),
    ],
)
def test_a_flag_that_could_never_let_anybody_in_stops_the_start(thing: Path, flag: str, said: str) -> None:
    with pytest.raises(CapError) as refused, gateway(thing, caller_auth=flag, values={"K": "sesame"}):
        pass

    assert said in str(refused.value)


def test_a_document_whose_check_could_never_let_anybody_in_is_not_served(things: Things, get_thing: str) -> None:
    document = things(get_thing, REST)
    auth = "namespace: things-rest\n    authentication: {type: apikey, key: Host, value: k, placement: header}"
    document.write_text(document.read_text().replace("namespace: things-rest", auth))
    with pytest.raises(CapError, match=r"things\.yaml:\d+:\d+: error\[bad-auth\]: .* in 'Host'"), gateway(document):
        pass
