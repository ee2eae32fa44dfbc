"""Whatever a credential looks like, and wherever a request carries it: an upstream that repeats it tells nobody."""

from __future__ import annotations

import base64
import re
import tempfile
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cap_core.logging.redaction import Redaction
from cap_core.testing import Answered, Recorded, gateway, upstream

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds: [{namespace: env, keys: {K: K}}]
capability:
  consumes:
  - {namespace: bearer, baseUri: UP, authentication: {type: bearer, token: '{{K}}'}, resources: &get [{path: /x, operations: [{name: get, method: GET}]}]}
  - {namespace: query, baseUri: UP, authentication: {type: apikey, key: k, value: '{{K}}', placement: query}, resources: *get}
  - {namespace: cookie, baseUri: UP, authentication: {type: apikey, key: k, value: '{{K}}', placement: cookie}, resources: *get}
  - {namespace: basic, baseUri: UP, authentication: {type: basic, username: u, password: '{{K}}'}, resources: *get}
  - namespace: own
    baseUri: UP
    resources:
    - {path: '/tok/{{K}}/end', operations: [{name: path, method: GET}]}
    - {path: /crumb, operations: [{name: crumb, method: GET, inputParameters: [{name: k, in: cookie, value: '{{K}}'}]}]}
    - {path: /head, operations: [{name: head, method: GET, inputParameters: [{name: X-K, in: header, value: '{{K}}'}]}]}
    - {path: /ask, operations: [{name: ask, method: GET, inputParameters: [{name: k, in: query, value: '{{K}}'}]}]}
    - {path: /json, operations: [{name: json, method: POST, body: {type: json, data: {k: '{{K}}'}}}]}
    - {path: /form, operations: [{name: form, method: POST, body: {type: formUrlEncoded, data: {k: '{{K}}'}}}]}
    - {path: /xml, operations: [{name: xml, method: POST, body: {type: xml, data: '<k>{{K}}</k>'}}]}
    - {path: /yaml, operations: [{name: yaml, method: POST, body: {type: yaml, data: {k: '{{K}}'}}}]}
  exposes:
  - type: mcp
    namespace: m
    port: 9090
    tools:
    - {name: bearer, description: d, call: bearer.get}
    - {name: query, description: d, call: query.get}
    - {name: cookie, description: d, call: cookie.get}
    - {name: basic, description: d, call: basic.get}
    - {name: path, description: d, call: own.path}
    - {name: crumb, description: d, call: own.crumb}
    - {name: head, description: d, call: own.head}
    - {name: ask, description: d, call: own.ask}
    - {name: json, description: d, call: own.json}
    - {name: form, description: d, call: own.form}
    - {name: xml, description: d, call: own.xml}
    - {name: yaml, description: d, call: own.yaml}
"""
SENT = {
    "bearer": rb"Authorization: Bearer (.*?)\r\n",
    "query": rb"GET /x\?k=(\S*) ",
    "cookie": rb"Cookie: k=(.*?)\r\n",
    "basic": rb"Authorization: Basic (.*?)\r\n",
    "path": rb"GET /tok/(\S*)/end ",
    "crumb": rb"Cookie: k=(.*?)\r\n",
    "head": rb"X-K: (.*?)\r\n",
    "ask": rb"GET /ask\?k=(\S*) ",
    "json": rb'\{"k":"(.*)"\}',
    "form": rb"\r\n\r\nk=(.*)",
    "xml": rb"<k>(.*)</k>",
    "yaml": rb"\r\n\r\nk: (.*)\n",
}
"""What stands around the credential in a request."""


def whole(request: Recorded) -> bytes:
    """A request as it went over the wire."""
    head = b"".join(name + b": " + value + b"\r\n" for name, value in request.headers)
    return request.method.encode() + b" " + request.target + b" HTTP/1.1\r\n" + head + b"\r\n" + request.body


secrets = st.text(
    st.one_of(
        st.sampled_from("abcXYZ0123456789"),
        st.sampled_from("+/=&%?#:;,.-_~!$'()*@ \"\\<>[]{}|^`"),
        st.characters(min_codepoint=0xA1, max_codepoint=0x1F6FF, categories=["L", "S", "N"]),
    ),
    min_size=8,
    max_size=24,
).filter(lambda secret: len(secret.strip()) >= 6 and not set(secret) <= set("* "))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(secrets, st.sampled_from(["utf-8", "iso-8859-1", "windows-1252"]))
def test_an_upstream_that_repeats_the_request_tells_no_caller_its_credential(secret: str, charset: str) -> None:
    def reflect(request: Recorded) -> Answered:
        return Answered(400, ((b"content-type", b"text/plain; charset=" + charset.encode()),), whole(request))

    with tempfile.TemporaryDirectory() as directory, upstream(reflect) as api:
        document = Path(directory, "places.yaml")
        document.write_text(DOCUMENT.replace("UP", api.url))
        with gateway(document, values={"K": secret}) as cap, httpx.Client() as client:
            for name, sent in SENT.items():
                call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {}}}
                before = len(api.requests)
                told = client.post(f"{cap.url}/mcp", json=call).json()["result"]["content"][0]["text"]
                if len(api.requests) == before:  # what cannot stand in its place is refused
                    assert "HTTP 503" in told or "Nothing was sent" in told or "cannot be sent" in told, told
                    continue
                found = re.search(sent, whole(api.requests[-1]), re.DOTALL)
                assert found, (name, api.requests[-1])
                spelling = found[1].strip(b"'\" ").decode(charset, "replace").strip()
                assert spelling not in told, name
                assert "***" in told, name


@pytest.mark.parametrize(
    "text",
    [
        "sk:live:0123+abc=",
        "SK:LIVE:0123+ABC=",
        "sk:live:0123%2Babc%3D",
        "sk%3alive%3a0123%2babc=",
        "sk%253Alive%253A0123%252Babc%253D",
        r"sk:live:0123\u002babc\u003D",
        r"sk:live:0123\\u002babc=",
        "sk&#58;live&#x3A;0123&#43;abc=",
        base64.b64encode(b"user:sk:live:0123+abc=").decode(),
        base64.b64encode(b"user:sk:live:0123+abc=").decode().lower(),
        base64.urlsafe_b64encode(b"it is sk:live:0123+abc=").decode(),
    ],
)
def test_a_spelling_is_masked(text: str) -> None:
    redaction = Redaction(["sk:live:0123+abc="])

    shown = redaction.text(f"<{text}>")
    assert "***" in shown
    assert "live" not in shown.lower()
    assert "live" not in base64.b64decode(re.sub(r"[^A-Za-z0-9+/]", "", shown) + "====").decode("latin-1").lower()


def test_secrets_that_overlap_are_one_mask() -> None:
    assert Redaction(["first-second", "second-third"]).text("<first-second-third>") == "<***>"


@pytest.mark.parametrize("place", range(60, 104))
def test_what_is_cut_is_masked_first(place: int) -> None:
    text = "x" * place + "plain0123456789abcdef" + "y" * 40

    shown = Redaction(["plain0123456789abcdef"]).excerpt(text, 100)
    assert "plain"[: max(1, min(5, 100 - place))] not in shown
    assert len(shown) <= 102
