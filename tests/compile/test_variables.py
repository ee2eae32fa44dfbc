"""Which values reach a request from outside, and which never do (`docs/semantics.md`, bindings)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.errors import CapError
from cap_core.testing import gateway, upstream
from effort import at_most

BEARER = "authentication: {type: bearer, token: '{{env.THINGS_KEY}}'}\n"


def test_the_environment_supplies_what_binds_declare(things, get_thing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS_KEY", "from-the-environment")
    document = things(BEARER + get_thing, REST)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/things/7")

    assert b"Bearer from-the-environment" == api.requests[0].header("authorization")


def test_an_undeclared_name_never_reaches_into_the_environment(
    things, get_thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDECLARED", "canary")
    document = things(BEARER.replace("env.THINGS_KEY", "UNDECLARED") + get_thing, REST)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (503, []) == (response.status_code, api.requests)
    assert "UNDECLARED is not set" in response.json()["detail"]


@pytest.mark.parametrize("value", [None, ""])
def test_an_unset_key_serves_and_answers_503_naming_it(things, get_thing, monkeypatch, value: str | None) -> None:
    monkeypatch.delenv("THINGS_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("THINGS_KEY", value)
    document = things(BEARER + get_thing, REST, TOOL)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")
        called = httpx.post(cap.url + "/mcp", json=CALL, headers={"mcp-protocol-version": "2025-11-25"}).json()

    assert (503, []) == (response.status_code, api.requests)
    assert "THINGS_KEY is not set" in response.json()["detail"]
    assert called["result"]["isError"]
    assert "THINGS_KEY is not set" in str(called)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("keys.json", '{"THE_KEY": "from-a-file"}'),
        ("keys.yaml", "THE_KEY: from-a-file"),
        ("keys.env", "# keys\nTHE_KEY='from-a-file'\n"),
    ],
)
def test_a_file_of_bindings(things, get_thing, name: str, content: str) -> None:
    document = things(BEARER + get_thing, REST)
    located = f"- namespace: env\n  location: file:///{name}\n  keys: {{THINGS_KEY: THE_KEY}}"
    document.write_text(document.read_text().replace("- namespace: env\n  keys: {THINGS_KEY: THINGS_KEY}", located))
    (document.parent / name).write_text(content)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/things/7")

    assert b"Bearer from-a-file" == api.requests[0].header("authorization")


@pytest.mark.parametrize("location", ["file:///../outside.json", "file:../outside.json", "vault://secret/x"])
def test_a_location_that_may_not_be_read_refuses_the_file(things, get_thing, location: str) -> None:
    document = things(BEARER + get_thing, REST)
    (document.parent.parent / "outside.json").write_text('{"THINGS_KEY": "canary"}')
    located = f"- namespace: env\n  location: {location}\n  keys:"
    document.write_text(document.read_text().replace("- namespace: env\n  keys:", located))

    with pytest.raises(CapError, match=r"things\.yaml:5:13: error\[unknown-location\]"), gateway(document):
        pass


@pytest.mark.parametrize("name", ["THINGS_KEY", "env.THINGS_KEY"])
def test_set_goes_before_the_environment(things, get_thing, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("THINGS_KEY", "from-the-environment")
    document = things(BEARER + get_thing, REST)
    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={name: "given"}) as cap:
        httpx.get(cap.url + "/things/7")

    assert b"Bearer given" == api.requests[0].header("authorization")


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_base_uri_variable_with_and_without_a_scheme(things, get_thing, scheme: str) -> None:
    document = things(get_thing, REST)
    document.write_text(document.read_text().replace("https://api.example/base", "http://{{host}}/v1"))
    with upstream() as api, gateway(document, values={"host": scheme + api.url.removeprefix("http://")}) as cap:
        httpx.get(cap.url + "/things/7")

    assert b"/v1/things/7" == api.requests[0].target


def test_an_unset_base_uri_variable_names_both_remedies(things, get_thing) -> None:
    document = things(get_thing, REST)
    document.write_text(document.read_text().replace("https://api.example/base", "http://{{host}}/v1"))
    with gateway(document) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert 503 == response.status_code
    assert "host is not set" in response.json()["detail"]
    assert "--base-uri api=URL" in response.json()["detail"]
    assert "--set host=VALUE" in response.json()["detail"]


def test_a_credential_never_goes_over_plain_http_to_another_machine(things, get_thing) -> None:
    document = things(BEARER + get_thing, REST)
    with gateway(document, base_uris={"api": "http://api.example"}, values={"THINGS_KEY": "canary"}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (503, "urn:cap:problem:plaintext") == (response.status_code, response.json()["type"])
    assert "--allow-plaintext api" in response.json()["detail"]
    assert "canary" not in response.text


REST = """\
- path: /things/{id}
  operations:
  - {method: GET, name: get-thing, call: api.get-thing}
"""
TOOL = "- {name: get-thing, description: Get it., call: api.get-thing}"
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get-thing", "arguments": {"id": "7"}}}
Things = Callable[..., Path]


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BOMB + "THE_KEY: *i", id="asked-for"),
        pytest.param(BOMB + "THE_KEY: x", id="beside-what-is-asked-for"),
        pytest.param("THE_KEY: " + "[" * 100 + "]" * 100, id="depth"),
        pytest.param(f"a: &a {'x' * 100_000}\nTHE_KEY: [{','.join(['*a'] * 1000)}]", id="a-long-text-again-and-again"),
        pytest.param("a: " + "x" * 5_000_000, id="a-large-file"),
    ],
)
def test_a_file_of_bindings_is_bounded(things, get_thing, content: str) -> None:
    document = things(BEARER + get_thing, REST)
    located = "- namespace: env\n  location: file:///keys.yaml\n  keys: {THINGS_KEY: THE_KEY}"
    document.write_text(document.read_text().replace("- namespace: env\n  keys: {THINGS_KEY: THINGS_KEY}", located))
    (document.parent / "keys.yaml").write_text(content)
    with at_most(4000), pytest.raises(CapError, match=r"the file of bindings keys\.yaml"), gateway(document):
        pass


def test_what_nobody_asks_for_in_a_file_of_bindings_is_not_read(things, get_thing) -> None:
    """Files of others have more in them than what a document names."""
    document = things(BEARER + get_thing, REST)
    located = "- namespace: env\n  location: file:///keys.yaml\n  keys: {THINGS_KEY: THE_KEY}"
    document.write_text(document.read_text().replace("- namespace: env\n  keys: {THINGS_KEY: THINGS_KEY}", located))
    (document.parent / "keys.yaml").write_text("other: [1, {a: b}]\nTHE_KEY: 007\nnothing:\n")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/things/7")

    assert b"Bearer 007" == api.requests[0].header("authorization")
