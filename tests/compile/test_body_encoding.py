"""Body parameters are encoded as the content type says that the document fixes: over REST, for tools, in `explain`."""

from __future__ import annotations

import email.parser
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import Recorded, gateway, upstream

FORM = "application/x-www-form-urlencoded"
MEMBERS = (
    "{name: grant, in: body, type: string, required: true}, {name: scope, in: body}, {name: n, in: body, type: integer}"
)


def whole(type_: str = "string") -> str:
    return f"{{name: body, in: body, type: {type_}, required: true}}"


def written(
    things: Callable[..., Path], media_type: str, parameters: str, method: str = "POST", extra: str = ""
) -> Path:
    return things(
        f"""\
resources:
- path: /things
  name: all
  operations:
  - {{name: alive, method: GET}}
  - name: op
    method: {method}
    inputParameters: [{{name: Content-Type, in: header, value: '{media_type}'}}, {parameters}]
""",
        f"- {{path: /things, operations: [{{method: {method}, name: op, call: api.op, {extra}}}]}}\n"
        "- {path: /alive, operations: [{method: GET, name: alive, call: api.alive}]}",
        f"- {{name: op, description: d, call: api.op, {extra}}}\n- {{name: alive, description: d, call: api.alive}}",
    )


def tool(url: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    result: dict[str, Any] = httpx.post(f"{url}/mcp/things", json=message).json()["result"]
    return result


def called(document: Path, arguments: dict[str, Any]) -> Recorded:
    """What reaches the upstream for a call of the tool."""
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        result = tool(cap.url, "op", arguments)
        assert 1 == len(api.requests), result
        return api.requests[0]


def posted(
    document: Path, content: bytes, media_type: str, method: str = "POST", query: str = ""
) -> tuple[int, list[Recorded]]:
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        headers = {"content-type": media_type}
        response = httpx.request(method, f"{cap.url}/things{query}", content=content, headers=headers)
        return response.status_code, list(api.requests)


def media_types(request: Recorded) -> list[bytes]:
    return [value for name, value in request.headers if name.lower() == b"content-type"]


def parts(request: Recorded) -> dict[str, str]:
    (media_type,) = media_types(request)
    message = email.parser.BytesParser().parsebytes(b"Content-Type: " + media_type + b"\r\n\r\n" + request.body)
    assert message.is_multipart()
    return {
        str(part.get_param("name", header="content-disposition")): part.get_payload()  # type: ignore[misc, union-attr]
        for part in message.get_payload()  # type: ignore[union-attr]
    }


@pytest.mark.parametrize(
    ("media_type", "parameters", "arguments", "body"),
    [
        (FORM, MEMBERS, {"grant": "g", "scope": "a b&c", "n": 7}, b"grant=g&scope=a+b%26c&n=7"),
        (f"{FORM}; charset=utf-8", MEMBERS, {"grant": "\u00e9"}, b"grant=%C3%A9"),
        (FORM.upper(), MEMBERS, {"grant": "g", "scope": ["a", "b"]}, b"grant=g&scope=a&scope=b"),
        (FORM, whole("object"), {"body": {"a": "1 2", "b": [1, 2]}}, b"a=1+2&b=1&b=2"),
        (FORM, whole(), {"body": "a=1&b=2"}, b"a=1&b=2"),
        ("text/turtle", whole(), {"body": '<a> <b> "c" .'}, b'<a> <b> "c" .'),
        ("text/plain; charset=utf-8", whole(), {"body": "a\nb"}, b"a\nb"),
        ("text/plain", whole("integer"), {"body": 7}, b"7"),
        ("application/xml", whole(), {"body": "<a>&amp;</a>"}, b"<a>&amp;</a>"),
        ("application/soap+xml", whole(), {"body": "<a/>"}, b"<a/>"),
        ("application/octet-stream", whole(), {"body": "bytes"}, b"bytes"),
        ("application/x-ndjson", whole("array"), {"body": [{"a": 1}, "b"]}, b'{"a":1}\n"b"\n'),
        ("application/jsonl", whole(), {"body": '{"a":1}\n'}, b'{"a":1}\n'),
        ("application/json", MEMBERS, {"grant": "g"}, b'{"grant":"g"}'),
        ("application/vnd.api+json", whole(), {"body": "text"}, b'"text"'),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_tool_sends_what_the_header_says(
    things: Callable[..., Path], media_type: str, parameters: str, arguments: dict[str, Any], body: bytes, method: str
) -> None:
    request = called(written(things, media_type, parameters, method), arguments)

    assert ([media_type.encode()], body) == (media_types(request), request.body)


@pytest.mark.parametrize("media_type", ["multipart/form-data", "multipart/form-data; boundary=mine"])
def test_a_multipart_body_has_its_boundary(things: Callable[..., Path], media_type: str) -> None:
    members = called(written(things, media_type, MEMBERS), {"grant": "g", "scope": "a b", "n": 7})
    entire = called(written(things, media_type, whole("object")), {"body": {"a": "1", "b": {"c": 2}}})

    assert {"grant": "g", "scope": "a b", "n": "7"} == parts(members)
    assert {"a": "1", "b": '{"c":2}'} == parts(entire)


@pytest.mark.parametrize(
    ("media_type", "parameters", "content", "given"),
    [
        (FORM, whole(), b"b=%31&a=1", FORM),
        (FORM, whole("object"), b"b=%31&a=1", f"{FORM}; charset=utf-8"),
        (FORM, MEMBERS, b"grant=g&scope=a+b", FORM),
        ("text/turtle", whole(), b'<a> <b> "\xc3\xa9" .', "text/turtle"),
        ("text/csv", "{name: body, in: body}", b"a,b\n1,2", "text/csv"),
        ("application/xml", whole(), b"<?xml version='1.0'?>\n<a/>", "application/xml"),
        ("application/octet-stream", "{name: body, in: body}", b"\x00\xff\xfe", "application/octet-stream"),
        ("application/x-ndjson", whole("array"), b'{"a": 1}\n{"a": 1e400}\n', "application/x-ndjson"),
    ],
)
def test_what_a_rest_caller_sends_in_that_type_passes(
    things: Callable[..., Path], media_type: str, parameters: str, content: bytes, given: str
) -> None:
    status, requests = posted(written(things, media_type, parameters), content, given)

    assert (200, [(content, [media_type.encode()])]) == (status, [(r.body, media_types(r)) for r in requests])


@pytest.mark.parametrize("parameters", [MEMBERS, whole("object")])
def test_a_multipart_body_of_a_rest_caller_passes(things: Callable[..., Path], parameters: str) -> None:
    content = b'--x\r\nContent-Disposition: form-data; name="grant"; filename="f"\r\n\r\n\xff\r\n--x--\r\n'
    given = "multipart/form-data; boundary=x"

    status, requests = posted(written(things, "multipart/form-data", parameters), content, given)

    assert (200, [(content, [given.encode()])]) == (status, [(r.body, media_types(r)) for r in requests])


@pytest.mark.parametrize(
    ("media_type", "parameters", "content", "body"),
    [
        (FORM, MEMBERS, b'{"grant":"g","n":7}', b"grant=g&n=7"),
        (FORM, whole("object"), b'{"a":"1"}', b"a=1"),
        ("text/turtle", whole(), b'"<a>"', b"<a>"),
        ("application/x-ndjson", whole("array"), b"[1,2]", b"1\n2\n"),
    ],
)
def test_json_of_a_rest_caller_is_encoded(
    things: Callable[..., Path], media_type: str, parameters: str, content: bytes, body: bytes
) -> None:
    status, requests = posted(written(things, media_type, parameters), content, "application/json")

    assert (200, [(body, [media_type.encode()])]) == (status, [(r.body, media_types(r)) for r in requests])


@pytest.mark.parametrize(
    ("media_type", "parameters", "content", "given", "status"),
    [
        ("text/turtle", whole(), b"<a>", "text/plain", 415),
        (FORM, MEMBERS, b"scope=a", FORM, 400),
        (FORM, MEMBERS, b"grant=a&n=x", FORM, 400),
        ("text/turtle", whole(), b"", "text/turtle", 400),
        ("text/plain", "{name: body, in: body, type: string, pattern: '^a'}", b"b", "text/plain", 400),
        ("text/plain", "{name: body, in: body, type: string, pattern: '^a'}", b"a\xff", "text/plain", 400),
    ],
)
def test_what_does_not_fit_is_refused(
    things: Callable[..., Path], media_type: str, parameters: str, content: bytes, given: str, status: int
) -> None:
    assert (status, []) == posted(written(things, media_type, parameters), content, given)


@pytest.mark.parametrize(
    ("media_type", "parameters"),
    [
        ("text/plain", MEMBERS),
        ("application/xml", MEMBERS),
        ("application/octet-stream", MEMBERS),
        ("application/x-ndjson", MEMBERS),
        ("text/plain", whole("object")),
        ("application/xml", whole("array")),
        ("multipart/mixed", MEMBERS),
        ("multipart/form-data", whole()),
        (FORM, whole("array")),
        ("a form", MEMBERS),
    ],
)
def test_what_cannot_be_encoded_so_is_left_out(things: Callable[..., Path], media_type: str, parameters: str) -> None:
    document = written(things, media_type, parameters)

    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        response = httpx.post(f"{cap.url}/things", json={"grant": "g"})

        assert (501, []) == (response.status_code, api.requests)
    assert "unsupported-body" in response.text


def test_a_type_that_with_fixes_counts_too(things: Callable[..., Path]) -> None:
    document = written(things, "x", MEMBERS, extra=f"with: {{Content-Type: {FORM}, grant: tools.g}}")
    document.write_text(document.read_text().replace("in: header, value: 'x'", "in: header"))

    request = called(document, {"g": "1"})

    assert ([FORM.encode()], b"grant=1") == (media_types(request), request.body)


def test_a_body_that_passes_has_one_content_type(things: Callable[..., Path]) -> None:
    document = written(things, "text/csv", "{name: q, in: query}")

    status, requests = posted(document, b"a,b", "text/csv")

    assert (200, [[b"text/csv"]]) == (status, [media_types(request) for request in requests])


def test_explain_shows_what_is_sent(things: Callable[..., Path]) -> None:
    document = written(things, FORM, MEMBERS)
    words = ["explain", str(document), "op", "grant=g", "scope=a b", "--format", "json"]
    run = subprocess.run([sys.executable, "-m", "cap_core", *words], capture_output=True, text=True, timeout=60)
    shown = json.loads(run.stdout)["request"]

    assert called(document, {"grant": "g", "scope": "a b"}).body.decode() == shown["body"]
    assert FORM == dict(shown["headers"])["Content-Type"]


def test_the_openapi_document_names_the_type(things: Callable[..., Path]) -> None:
    with upstream() as api, gateway(written(things, "text/turtle", whole()), base_uris={"api": api.url}) as cap:
        paths = httpx.get(f"{cap.url}/openapi.json").json()["paths"]

    assert {"text/turtle", "application/json"} == paths["/things"]["post"]["requestBody"]["content"].keys()
