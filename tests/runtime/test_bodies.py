"""Bodies that are not JSON: each really encoded as its type says, read back by parsers that others wrote."""

from __future__ import annotations

import email.parser
import email.policy
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import httpx
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from multipart import MultipartParser
from python_multipart.multipart import MultipartParser as EventParser

from cap_core.testing import Recorded, gateway, upstream

Things = Callable[..., Path]

CONSUMES = """\
resources:
- name: things
  path: /things
  operations:
  - name: op
    method: POST
{inputs}
    body:
{body}
"""
REST = """\
- path: /things
  operations:
  - {method: POST, name: op, call: api.op}
"""
TOOL = "- {name: op, description: Do it., call: api.op}"


def written(things: Things, body: str, inputs: str = "") -> Path:
    lines = "\n".join("      " + line for line in body.strip("\n").splitlines())
    declared = f"    inputParameters: {inputs}" if inputs else ""
    return things(CONSUMES.format(body=lines, inputs=declared), REST, TOOL)


def sent(document: Path, values: dict[str, Any], bindings: dict[str, str] | None = None) -> Recorded:
    """What reaches the upstream for a JSON object of inputs."""
    with upstream() as api, gateway(document, base_uris={"api": api.url}, values=bindings) as cap:
        response = httpx.post(cap.url + "/things", json=values or None)
        assert 200 == response.status_code, response.text
        return api.requests[0]


Part = tuple[str, str | None, str | None, bytes]
"""Name, filename, content type, content."""


def boundary(request: Recorded) -> str:
    kind, _, said = (request.header("content-type") or b"").decode().partition("; boundary=")
    assert "multipart/form-data" == kind
    return said


def by_multipart(request: Recorded) -> list[Part]:
    """The parts, as the package `multipart` reads them, strictly."""
    parser = MultipartParser(io.BytesIO(request.body), boundary(request), strict=True)
    return [
        (part.name, part.filename, part.content_type if _typed(part.headerlist) else None, part.raw) for part in parser
    ]


def _typed(headers: list[tuple[str, str]]) -> bool:
    return any(name.lower() == "content-type" for name, _ in headers)


def by_email(request: Recorded) -> list[Part]:
    """The parts, as Python's parser of mail reads them."""
    head = b"MIME-Version: 1.0\r\nContent-Type: " + (request.header("content-type") or b"") + b"\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + request.body)
    return [
        (
            str(part.get_param("name", header="content-disposition")),
            part.get_filename(),
            part["content-type"],
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


def by_events(request: Recorded) -> list[dict[str, Any]]:
    """The raw heads and contents, as `python-multipart` reads them."""
    parts: list[dict[str, Any]] = []
    pending = {"field": b"", "value": b""}

    def header_end() -> None:
        parts[-1][pending["field"].lower().decode()] = pending["value"]
        pending.update(field=b"", value=b"")

    def gather(key: str) -> Callable[[bytes, int, int], None]:
        return lambda data, start, end: pending.update({key: pending[key] + data[start:end]})

    parser = EventParser(
        boundary(request),
        {
            "on_part_begin": lambda: parts.append({"content": b""}),
            "on_header_field": gather("field"),
            "on_header_value": gather("value"),
            "on_header_end": header_end,
            "on_part_data": lambda data, start, end: parts[-1].update(content=parts[-1]["content"] + data[start:end]),
        },
    )
    parser.write(request.body)
    parser.finalize()
    return parts


PARTS = """\
type: multipartForm
data:
- {name: purpose, value: batch}
- {name: note, value: '{{tools.note}}'}
- {name: meta, value: '{{tools.meta}}', contentType: application/json}
- {name: file, value: '{{tools.file}}', filename: '{{tools.filename}}', contentType: '{{tools.kind}}'}
- {name: size, value: 7}
- {name: none, value: }
"""
TYPES = "[{name: meta, in: body, type: object}]"


@pytest.mark.parametrize("read", [by_multipart, by_email])
def test_parts(things: Things, read: Callable[[Recorded], list[Part]]) -> None:
    values = {"note": "héllo", "meta": {"a": [1]}, "file": "a,b\r\n1,2\r\n", "filename": "x.csv", "kind": "text/csv"}
    request = sent(written(things, PARTS, TYPES), values)

    assert [
        ("purpose", None, None, b"batch"),
        ("note", None, None, "héllo".encode()),
        ("meta", None, "application/json", b'{"a":[1]}'),
        ("file", "x.csv", "text/csv", b"a,b\r\n1,2\r\n"),
        ("size", None, None, b"7"),
    ] == read(request)
    assert str(len(request.body)).encode() == request.header("content-length")


def test_absent_parts_are_dropped(things: Things) -> None:
    assert ["purpose", "size"] == [name for name, *_ in by_multipart(sent(written(things, PARTS), {}))]


def test_absent_details_of_a_part_are_left_out(things: Things) -> None:
    request = sent(written(things, PARTS), {"file": "x"})

    assert ("file", None, None, b"x") in by_multipart(request)


def test_a_body_without_any_part_is_none(things: Things) -> None:
    request = sent(written(things, "type: multipart\ndata: {a: '{{tools.a}}'}"), {})

    assert (b"", None) == (request.body, request.header("content-type"))


@pytest.mark.parametrize("kind", ["multipart", "multipartForm", "multipart-form", "multipart/form-data"])
def test_a_mapping_is_fields(things: Things, kind: str) -> None:
    body = (
        f"type: {kind}\ndata: {{prompt: '{{{{tools.prompt}}}}', seed: '{{{{tools.seed}}}}', size: '{{{{tools.w}}}}x1'}}"
    )
    document = written(things, body, "[{name: seed, in: body, type: integer}]")

    assert [("prompt", None, None, b"a cat"), ("seed", None, None, b"7"), ("size", None, None, b"3x1")] == by_multipart(
        sent(document, {"prompt": "a cat", "seed": 7, "w": "3"})
    )


def test_lists_are_a_part_each(things: Things) -> None:
    body = "type: multipart\ndata: {tag: '{{tools.tags}}', fixed: [a, 2]}"
    request = sent(written(things, body, "[{name: tags, in: body, type: array}]"), {"tags": ["x", 1, {"y": 2}]})

    assert [("tag", b"x"), ("tag", b"1"), ("tag", b'{"y":2}'), ("fixed", b"a"), ("fixed", b"2")] == [
        (name, content) for name, _, _, content in by_multipart(request)
    ]


def test_a_variable_from_outside_stands_in_a_part(things: Things) -> None:
    body = "type: multipart\ndata: [{name: key, value: 'k-{{THINGS_KEY}}'}]"

    assert [("key", None, None, b"k-secret")] == by_multipart(
        sent(written(things, body), {}, {"env.THINGS_KEY": "secret"})
    )


@pytest.mark.parametrize("kind", ["image/png", "application/pdf", "text/plain; charset=utf-8", "image/svg+xml"])
@pytest.mark.parametrize("value", ["iVBORw0KGgo=", "JVBE\nRg==", "1234"])
@pytest.mark.parametrize("encoded", [True, False])
def test_only_a_part_that_says_so_comes_as_base64(things: Things, kind: str, value: str, encoded: bool) -> None:
    encoding = ", encoding: base64" if encoded else ""
    part = f"name: f, value: '{{{{tools.f}}}}', filename: f.bin, contentType: '{{{{tools.kind}}}}'{encoding}"
    bytes_ = {"iVBORw0KGgo=": b"\x89PNG\r\n\x1a\n", "JVBE\nRg==": b"%PDF", "1234": b"\xd7m\xf8"}
    document = written(things, f"type: multipart\ndata: [{{{part}}}]")

    request = sent(document, {"f": value, "kind": kind})

    content = bytes_[value] if encoded else value.encode()
    assert [(kind.encode(), content)] == [(part["content-type"], part["content"]) for part in by_events(request)]


def test_a_file_of_no_type_is_bytes_to_whoever_reads_it(things: Things) -> None:
    body = "type: multipart\ndata: [{name: f, value: abcd, filename: f}]"

    assert [("f", "f", "application/octet-stream", b"abcd")] == by_multipart(sent(written(things, body), {}))


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        pytest.param('a"b', b'"a%22b"', id="a-quote"),
        pytest.param("a\r\nX-Evil: 1", b'"a%0D%0AX-Evil: 1"', id="line-breaks"),
        pytest.param("a\\b%22", b'"a\\b%22"', id="nothing-else"),
        pytest.param("fü.txt", b'"f\xc3\xbc.txt"', id="utf-8"),
    ],
)
def test_names_and_filenames_cannot_leave_their_quotes(things: Things, text: str, spelled: bytes) -> None:
    body = "type: multipart\ndata: [{name: '{{tools.n}}', value: x, filename: '{{tools.n}}', contentType: text/plain}]"
    request = sent(written(things, body), {"n": text})

    assert [b"form-data; name=" + spelled + b"; filename=" + spelled] == [
        part["content-disposition"] for part in by_events(request)
    ]


@pytest.mark.parametrize("kind", ["text/plain\r\nX-Evil: 1", "text", "text/plain; a=\x00", "é/x", "text/plain\n"])
def test_a_content_type_that_is_none_is_refused(things: Things, kind: str) -> None:
    body = "type: multipart\ndata: [{name: f, value: x, contentType: '{{tools.kind}}'}]"
    with upstream() as api, gateway(written(things, body), base_uris={"api": api.url}) as cap:
        response = httpx.post(cap.url + "/things", json={"kind": kind})

    assert (400, []) == (response.status_code, api.requests)
    assert "contentType of part f must be a media type" == response.json()["detail"]


def test_the_boundary_is_made_from_the_parts(things: Things) -> None:
    document = written(things, "type: multipart\ndata: {a: '{{tools.a}}'}")
    one, same, other = (sent(document, {"a": value}) for value in ("x", "x", "y"))

    assert one.body == same.body
    assert one.header("content-type") == same.header("content-type")
    assert one.header("content-type") != other.header("content-type")


def test_a_content_type_of_the_authors_own_gives_way_to_the_boundary(things: Things) -> None:
    inputs = "[{name: Content-Type, in: header, value: multipart/form-data}]"
    request = sent(written(things, "type: multipart\ndata: {a: x}", inputs), {})

    assert [("a", None, None, b"x")] == by_multipart(request)
    assert 1 == sum(name.lower() == b"content-type" for name, _ in request.headers)


def test_a_tool_sends_the_same(things: Things) -> None:
    document = written(things, PARTS, TYPES)
    values = {"note": "n", "meta": {"a": 1}, "file": "f", "filename": "x", "kind": "text/plain"}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "op", "arguments": values}}
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.post(cap.url + "/things", json=values)
        httpx.post(cap.url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"})

    assert api.requests[0].body == api.requests[1].body


def test_explain_shows_what_is_sent(things: Things) -> None:
    document = written(things, PARTS, TYPES)
    request = sent(document, {"note": "n", "file": "f", "filename": "x", "kind": "text/plain"})
    words = ["explain", str(document), "op", "note=n", "file=f", "filename=x", "kind=text/plain", "--format", "json"]
    run = subprocess.run([sys.executable, "-m", "cap_core", *words], capture_output=True, text=True, timeout=60)
    shown = json.loads(run.stdout)["request"]

    assert request.body.decode() == shown["body"]
    assert (request.header("content-type") or b"").decode() == dict(shown["headers"])["Content-Type"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=40)), min_size=1, max_size=5))
def test_any_text_comes_back_as_it_was(fields: list[tuple[str, str]]) -> None:
    from cap_core.runtime.multipart import encode

    encoded = encode([{"name": name, "value": value} for name, value in fields])
    assert encoded is not None
    request = Recorded("POST", b"/", ((b"Content-Type", encoded[1]),), encoded[0])

    assert [value.encode() for _, value in fields] == [part["content"] for part in by_events(request)]
    assert [name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22").encode() for name, _ in fields] == [
        part["content-disposition"][len(b'form-data; name="') : -1] for part in by_events(request)
    ]


# --- yaml ---------------------------------------------------------------------------------------------------------


def test_yaml_is_spelled_from_the_template(things: Things) -> None:
    body = """\
type: yaml
data:
  spec: '{{tools.spec}}'
  count: '{{tools.count}}'
  deep: {maybe: '{{tools.maybe}}', list: [a, '{{tools.spec}}']}
  word: 'yes'
"""
    document = written(things, body, "[{name: count, in: body, type: integer}]")
    request = sent(document, {"spec": "a: b\n# é", "count": 3})

    assert b"application/yaml" == request.header("content-type")
    assert {
        "spec": "a: b\n# é",
        "count": 3,
        "deep": {"list": ["a", "a: b\n# é"]},
        "word": "yes",
    } == yaml.safe_load(request.body)
    assert "é".encode() in request.body


@pytest.mark.parametrize(
    ("value", "body"),
    [
        pytest.param("a: 1\n", b"a: 1\n", id="a-text-is-yaml-already"),
        pytest.param({"a": [1, "x"]}, b"a:\n- 1\n- x\n", id="an-object-is-spelled"),
    ],
)
def test_a_variable_that_is_the_whole_of_a_yaml_body(things: Things, value: object, body: bytes) -> None:
    assert body == sent(written(things, "type: yaml\ndata: '{{tools.doc}}'"), {"doc": value}).body


# --- texts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("text", b"text/plain; charset=utf-8"),
        ("xml", b"application/xml"),
        ("sparql", b"application/sparql-query"),
        ("form", b"application/x-www-form-urlencoded"),
    ],
)
def test_a_variable_that_is_the_whole_of_a_text_is_that_text(things: Things, kind: str, content_type: bytes) -> None:
    request = sent(written(things, f"type: {kind}\ndata: '{{{{tools.text}}}}'"), {"text": "<a>é\nb</a>"})

    assert ("<a>é\nb</a>".encode(), content_type) == (request.body, request.header("content-type"))


def test_values_in_xml_are_escaped(things: Things) -> None:
    body = "type: xml\ndata: '<a b=\"{{tools.x}}\">{{tools.x}}</a>'"
    request = sent(written(things, body), {"x": "<\"'&>"})
    root = ElementTree.fromstring(request.body)

    assert ("<\"'&>", "<\"'&>") == (root.get("b"), root.text)


def test_forms_are_encoded(things: Things) -> None:
    body = "type: formUrlEncoded\ndata: {a: '{{tools.a}}', b: [x, '{{tools.b}}'], c: '{{tools.c}}'}"
    request = sent(written(things, body), {"a": "1 & 2=3", "b": "é"})

    assert [("a", "1 & 2=3"), ("b", "x"), ("b", "é")] == parse_qsl(request.body.decode())


# --- what is not encoded --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "what"),
    [
        pytest.param("type: application/cbor\ndata: {a: 1}", "a body of type 'application/cbor' is not", id="cbor"),
        pytest.param("type: binary\ndata: {a: 1}", "a body of type 'binary' is not encoded", id="binary"),
        pytest.param("type: octet-stream\ndata: {a: 1}", "a body of type 'octet-stream' is not", id="octet-stream"),
        pytest.param("type: multipart\ndata: text", "needs a mapping of fields, or a list of parts", id="text"),
        pytest.param("type: multipart\ndata: [{name: a}]", "a part has name, value, filename", id="without-a-value"),
        pytest.param("type: multipart\ndata: [{value: a}]", "a part has name, value, filename", id="without-a-name"),
        pytest.param("type: multipart\ndata: [text]", "a part has name, value, filename", id="not-a-part"),
        pytest.param(
            "type: multipart\ndata: [{name: a, value: b, type: c}]", "a part has name, value, filename", id="a-key"
        ),
        pytest.param(
            "type: multipart\ndata: [{name: [a], value: b}]", "'name' of a part must be text", id="a-name-that-is-none"
        ),
        pytest.param(
            "type: yaml\ndata: 'a: {{tools.a}}'", "cannot have variables inside a text", id="a-variable-inside-yaml"
        ),
    ],
)
def test_what_is_not_encoded_is_left_out(things: Things, body: str, what: str) -> None:
    lines = "\n".join("      " + line for line in body.splitlines())
    document = things(
        CONSUMES.format(body=lines, inputs="") + "- {path: /all, name: all, operations: [{name: all, method: GET}]}",
        REST + "- {path: /all, operations: [{method: GET, name: all, call: api.all}]}",
    )
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        response = httpx.post(cap.url + "/things", json={})

    assert (501, "unsupported-body") == (response.status_code, response.json()["code"])
    assert what in response.json()["detail"]
    assert [] == api.requests
