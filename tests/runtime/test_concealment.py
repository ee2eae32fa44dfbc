"""An upstream that repeats the request learns nothing new, and neither do callers: no header holds a credential."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import httpx
import msgspec
import pytest

from cap_core.testing import Answered, Recorded, Running, gateway, upstream

SECRETS = {
    "BEARER": "sk:bearer:0123456789+abc=",
    "QUERY": "query!a(b) c/d+e=seven",
    "PASSWORD": "pass:word&with<all>\"kinds'",
    "HEADER": "header-K\u00e4se-key",
    "COOKIE": "cookie;one two",
    "PATH": "path/in+base==64",
    "BASE": "base-uri-bot-token:ABC_def",
}

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds:
- namespace: env
  keys: {KEYS}
capability:
  consumes:
  - namespace: bearer
    baseUri: UPSTREAM
    authentication: {type: bearer, token: '{{BEARER}}'}
    resources: [{path: '/bearer/{how}', operations: [{name: get, method: GET}]}]
  - namespace: query
    baseUri: UPSTREAM
    authentication: {type: apikey, key: api_key, value: '{{QUERY}}', placement: query}
    resources: [{path: '/query/{how}', operations: [{name: get, method: GET}]}]
  - namespace: basic
    baseUri: UPSTREAM
    authentication: {type: basic, username: user, password: '{{PASSWORD}}'}
    resources: [{path: '/basic/{how}', operations: [{name: get, method: GET}]}]
  - namespace: header
    baseUri: UPSTREAM
    resources:
    - path: /header/{how}
      operations:
      - {name: get, method: GET, inputParameters: [{name: X-Api-Key, in: header, value: '{{HEADER}}'}]}
  - namespace: cookie
    baseUri: UPSTREAM
    resources:
    - path: /cookie/{how}
      operations:
      - {name: get, method: GET, inputParameters: [{name: session, in: cookie, value: '{{COOKIE}}'}]}
  - namespace: path
    baseUri: UPSTREAM
    resources:
    - path: /path/{token}/{how}
      operations:
      - {name: get, method: GET, inputParameters: [{name: token, in: path, value: '{{PATH}}'}]}
  - namespace: base
    baseUri: UPSTREAM/bot{{BASE}}
    resources: [{path: '/base/{how}', operations: [{name: get, method: GET}]}]
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
ROUTES
  - type: mcp
    namespace: m
    port: 9090
    tools:
TOOLS
"""
WAYS = ("bearer", "query", "basic", "header", "cookie", "path", "base")


def answer(request: Recorded) -> Answered:
    """The request again: in the body, in headers, in the address of a redirect, as the placeholder `how` says."""
    how = request.target.partition(b"?")[0].rpartition(b"/")[2].decode()
    head = b"".join(b"%b: %b\r\n" % header for header in request.headers)
    line = b" ".join((request.target, head.replace(b"\r\n", b" ")))
    if how == "body":
        return Answered(400, ((b"content-type", b"text/plain"),), b"x" * 1900 + line + head + line)
    if how == "headers":
        return Answered(200, ((b"content-type", b"text/" + line.replace(b"/", b"%2F")), (b"etag", line)), b"{}")
    if how == "coding":
        return Answered(200, ((b"content-encoding", line.lower()),), b"{}")
    more = b"&" if b"?" in request.target else b"?"
    if how == "link":
        link = b"<%b%bpage=2>; rel=next" % (request.target, more)
        return Answered(200, ((b"link", link), (b"content-type", b"a/b")), b"{}")
    escaped = quote(head.decode("latin-1"), safe="").encode()
    target = b"https://elsewhere.example%b%btok=%b" % (request.target, more, escaped)
    return Answered(302, ((b"location", target),), b"")


HOW = ("body", "headers", "coding", "link", "redirect")


@pytest.fixture(scope="module")
def cap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    routes = "".join(
        f"    - {{path: '/{way}/{{how}}', operations: [{{name: {way}, method: GET, call: {way}.get}}]}}\n"
        for way in WAYS
    )
    tools = "".join(f"    - {{name: {way}, description: d, call: {way}.get}}\n" for way in WAYS)
    keys = "{" + ", ".join(f"{name}: {name}" for name in SECRETS) + "}"
    with upstream(answer) as api:
        text = DOCUMENT.replace("ROUTES\n", routes).replace("TOOLS\n", tools).replace("{KEYS}", keys)
        path = tmp_path_factory.mktemp("documents") / "c.yaml"
        path.write_text(text.replace("UPSTREAM", api.url))
        with gateway(path, values=SECRETS) as running:
            yield running


def words_of(secret: str) -> list[str]:
    """What no spelling changes: the runs of letters and digits, as far as they are long enough to tell anything."""
    return [word.lower() for word in re.findall(r"[A-Za-z0-9]{4,}", secret)]


def revealed(text: str) -> list[str]:
    """The words of secrets that stand in a text, in whatever spelling, or inside of base64 in it."""
    plain = unquote(unquote(text)).lower()
    for token in re.findall(r"[A-Za-z0-9+/_-]{8,}", text):
        for start in range(4):
            cut = token[start : start + (len(token) - start) // 4 * 4]
            plain += base64.b64decode(cut.replace("-", "+").replace("_", "/"), validate=False).decode("latin-1").lower()
    return [word for secret in SECRETS.values() for word in words_of(secret) if word in plain]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("way", WAYS)
def test_no_header_of_an_answer_holds_a_credential(cap: Running, way: str, how: str) -> None:
    reply = httpx.get(f"{cap.url}/{way}/{how}")

    shown = str({key: value for key, value in reply.headers.multi_items() if key != "x-request-id"})
    assert [word for word in revealed(shown) if word not in WAYS] == []
    if how in ("redirect", "link"):
        assert "http" in reply.headers["location" if how == "redirect" else "link"]


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("way", WAYS)
def test_no_text_for_a_model_holds_a_credential(cap: Running, way: str, how: str, era: str) -> None:
    params = {"name": way, "arguments": {"how": how}}
    headers = {"mcp-protocol-version": era}
    if era == "2026-07-28":
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": era,
            "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        headers |= {"mcp-method": "tools/call", "mcp-name": way}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    reply = httpx.post(cap.url + "/mcp", json=message, headers=headers)

    result = reply.json()["result"]
    assert [word for word in revealed(msgspec.json.encode(result).decode()) if word not in WAYS] == []
    assert result.get("isError", False) == (how in ("body", "coding", "redirect"))


def test_the_parameter_is_cut_out_of_an_address_and_the_others_stay(cap: Running) -> None:
    location = httpx.get(f"{cap.url}/query/redirect").headers["location"]
    link = httpx.get(f"{cap.url}/query/link").headers["link"]

    assert "api_key" not in location + link
    assert re.fullmatch(r"https://elsewhere\.example/query/redirect(\?tok=.*)?", location)
    assert re.fullmatch(r"<http://127\.0\.0\.1:\d+/query/link\?page=2>; rel=next", link)


def test_a_short_variable_is_no_credential_of_a_header(things: Callable[..., Path]) -> None:
    document = things(
        "resources:\n- path: /a\n  operations:\n"
        "  - {name: get, method: GET, inputParameters: [{name: X-Year, in: header, value: '{{YEAR}}'}]}\n",
        "- path: /a\n  operations: [{name: get, method: GET, call: api.get}]\n",
    )

    def dated(request: Recorded) -> Answered:
        return Answered(200, ((b"etag", b'"' + (request.header("x-year") or b"") + b'"'),), b"{}")

    with upstream(dated) as api, gateway(document, base_uris={"api": api.url}, values={"YEAR": "2024"}) as cap:
        assert httpx.get(cap.url + "/a").headers["etag"] == '"2024"'


FLOW = """\
from itertools import count

import msgspec
from cap_core import AuthFlow, AuthScheme, Credentials, Secret, hookimpl


class Options(msgspec.Struct):
    pass


numbers = count(10000)


def sign(options, at):
    def wrap(send):
        async def signed(request, context):
            token = Secret(f"obtained/by+flow-{next(numbers)}==")
            header = (b"Authorization", f"Bearer {token.reveal()}".encode())
            return await send(msgspec.structs.replace(request, headers=(*request.headers, header)), context)

        return signed

    return AuthFlow(shown=Credentials(), wrap=wrap)


@hookimpl
def cap_auth_schemes():
    return [AuthScheme(key="obtained", options=Options, sign=sign)]
"""
WITH_FLOW = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - namespace: api
    baseUri: https://api.example
    authentication: {type: obtained}
    resources: [{path: '/{how}', operations: [{name: get, method: GET}]}]
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources: [{path: '/{how}', operations: [{name: get, method: GET, call: api.get}]}]
"""


@pytest.mark.parametrize("how", ["escaped", "plain", "in-path", "linked"])
def test_a_token_that_a_flow_obtained_is_in_no_address(tmp_path: Path, how: str) -> None:
    def answer(request: Recorded) -> Answered:
        token = (request.header("authorization") or b"").decode().removeprefix("Bearer ")
        address = {
            "escaped": f"https://elsewhere.example/a?page=2&t={quote(token, safe='')}",
            "plain": f"https://elsewhere.example/a?page=2&t={token}",
            "in-path": f"https://elsewhere.example/a/{quote(token, safe='')}?page=2",
            "linked": f"<https://elsewhere.example/a?page=2&t={quote(token)}>; rel=next",
        }[how]
        name = b"Link" if how == "linked" else b"Location"
        return Answered(status=200 if how == "linked" else 302, headers=((name, address.encode()),))

    plugin, document = tmp_path / "obtained.py", tmp_path / "things.yaml"
    plugin.write_text(FLOW)
    document.write_text(WITH_FLOW)
    with upstream(answer) as api, gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap:
        headers = httpx.get(f"{cap.url}/{how}").headers

    shown = headers.get("location") or headers["link"]
    assert "page=2" in shown
    assert "obtained" not in shown
    assert "flow-" not in shown
