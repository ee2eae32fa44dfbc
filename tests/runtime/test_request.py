"""Where each value of an upstream request comes from, and how it is spelled there (`docs/semantics.md`, 2 to 7)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import Recorded, gateway, upstream

Things = Callable[..., Path]


def operation(inputs: str, method: str = "GET", path: str = "/things", extra: str = "") -> str:
    return f"""\
resources:
- name: things
  path: {path}
  operations:
  - name: op
    method: {method}
{extra}
    inputParameters:
{inputs}
"""


def exposed(with_: str = "", method: str = "GET", path: str = "/things", inputs: str = "") -> str:
    lines = [f"- path: {path}", "  operations:", f"  - method: {method}", "    name: op", "    call: api.op"]
    lines += [f"    with: {with_}"] if with_ else []
    lines += [f"    inputParameters: {inputs}"] if inputs else []
    return "\n".join(lines)


def sent(document: Path, method: str, path: str, values: dict[str, str] | None = None, **how: object) -> Recorded:
    """What reaches the upstream for one accepted request."""
    with upstream() as api, gateway(document, base_uris={"api": api.url}, values=values) as cap:
        response = httpx.request(method, cap.url + path, **how)  # type: ignore[arg-type]
        assert 200 == response.status_code, response.text
        assert 1 == len(api.requests)
        return api.requests[0]


def refused(document: Path, method: str, path: str, **how: object) -> httpx.Response:
    """The answer to one request that must reach no upstream."""
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        response = httpx.request(method, cap.url + path, **how)  # type: ignore[arg-type]
        assert [] == api.requests
        assert "application/problem+json" == response.headers["content-type"]
        return response


QUERY = "    - {name: q, in: query, type: string}\n    - {name: n, in: query, type: integer}"


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        pytest.param("", b"/things", id="absent-inputs-are-not-sent"),
        pytest.param("?q=", b"/things?q=", id="an-empty-text-is-a-text"),
        pytest.param("?n=00123", b"/things?n=00123", id="as-the-caller-spelt-it"),
        pytest.param("?q=a%20b%26c%3Dd", b"/things?q=a%20b%26c%3Dd", id="escaped-for-the-query"),
        pytest.param("?q=a+b", b"/things?q=a%20b", id="a-plus-is-a-space"),
        pytest.param("?q=%C3%A9", b"/things?q=%C3%A9", id="utf-8"),
        pytest.param("?unknown=1&q=x", b"/things?q=x", id="unknown-names-are-ignored"),
        pytest.param("?n=-5", b"/things?n=-5", id="a-negative-integer"),
    ],
)
def test_query_inputs(things: Things, asked: str, target: bytes) -> None:
    assert target == sent(things(operation(QUERY), exposed()), "GET", "/things" + asked).target


@pytest.mark.parametrize(
    ("asked", "field_errors"),
    [
        pytest.param("?n=x", ["query n must be an integer, not 'x'"], id="type"),
        pytest.param("?n=1.0", ["query n must be an integer, not '1.0'"], id="text-is-not-converted"),
        pytest.param("?q=a&q=b", ["query q is given twice"], id="a-scalar-twice"),
        pytest.param("?n=&q=1&q=2", ["query n must be an integer, not ''", "query q is given twice"], id="every-fault"),
    ],
)
def test_bad_query_inputs_name_every_fault(things: Things, asked: str, field_errors: list[str]) -> None:
    problem = refused(things(operation(QUERY), exposed()), "GET", "/things" + asked).json()

    assert 400 == problem["status"]
    assert set(field_errors) == {f"{error['where']} {error['what']}" for error in problem["errors"]}


def test_lists_repeat_and_objects_are_json_in_a_query(things: Things) -> None:
    inputs = "    - {name: tag, in: query, type: array}\n    - {name: filter, in: query, type: object}"
    document = things(operation(inputs), exposed())

    assert b"/things?tag=a&tag=b&filter=%7B%22x%22%3A1%7D" == sent(
        document, "GET", '/things?tag=a&tag=b&filter={"x":1}'
    ).target.replace(b":1", b"%3A1")


@pytest.mark.parametrize(
    ("consumed", "shown", "source"),
    [
        pytest.param("assistant_id", "assistant-id", "assistant_id", id="kebab"),
        pytest.param("threadId", "threadid", "threadId", id="case"),
        pytest.param("thread_id", "threadId", "thread_id", id="snake"),
        pytest.param("thread_id", "threadId", "threadid", id="source-of-a-third-spelling"),
    ],
)
def test_names_of_one_document_match_tolerantly(things: Things, consumed: str, shown: str, source: str) -> None:
    inputs = f"    - {{name: {consumed}, in: path, type: string}}"
    document = things(
        operation(inputs, path=f"/x/{{{consumed}}}"), exposed(f"{{{consumed}: rest.{source}}}", path=f"/y/{{{shown}}}")
    )

    assert b"/x/7" == sent(document, "GET", "/y/7").target


def test_placeholders_pair_in_order_where_nothing_says_otherwise(things: Things) -> None:
    inputs = "    - {name: userId, in: path, type: string}\n    - {name: itemId, in: path, type: string}"
    document = things(operation(inputs, path="/u/{userId}/i/{itemId}"), exposed(path="/{a}/{b}"))

    assert b"/u/1/i/2" == sent(document, "GET", "/1/2").target


@pytest.mark.parametrize(
    ("written", "target"),
    [
        pytest.param("rest.q", b"/things?a=v", id="rest"),
        pytest.param("tools.q", b"/things?a=v", id="tools-on-the-rest-face"),
        pytest.param("things-rest.q", b"/things?a=v", id="own-namespace"),
        pytest.param("rest.query.q", b"/things?a=v", id="qualified"),
        pytest.param("'pre-{{rest.q}}'", b"/things?a=pre-v", id="template"),
        pytest.param("plain text", b"/things?a=plain%20text", id="text"),
        pytest.param("7", b"/things?a=7", id="number"),
        pytest.param("true", b"/things?a=true", id="boolean"),
        pytest.param("env.THINGS_KEY", b"/things?a=k", id="binding"),
        pytest.param("'{{THINGS_KEY}}'", b"/things?a=k", id="binding-template"),
        pytest.param("'{{env.THINGS_KEY}}'", b"/things?a=k", id="qualified-binding-template"),
    ],
)
def test_what_with_can_say(things: Things, written: str, target: bytes) -> None:
    document = things(operation("    - {name: a, in: query, type: string}"), exposed(f"{{a: {written}}}"))

    assert target == sent(document, "GET", "/things?q=v", values={"env.THINGS_KEY": "k"}).target


def test_text_from_a_caller_is_never_rendered_again(things: Things) -> None:
    document = things(operation("    - {name: a, in: query, type: string}"), exposed("{a: rest.q}"))

    target = sent(document, "GET", "/things?q={{THINGS_KEY}}", values={"env.THINGS_KEY": "k"}).target
    assert b"/things?a=%7B%7BTHINGS_KEY%7D%7D" == target


def test_a_consumed_value_wins_over_with_and_input(things: Things) -> None:
    document = things(operation("    - {name: a, in: query, value: fixed}"), exposed("{a: rest.a}"))

    assert b"/things?a=fixed" == sent(document, "GET", "/things?a=mine").target


def test_headers_and_cookies(things: Things) -> None:
    inputs = (
        "    - {name: X-Trace, in: header, type: string}\n"
        "    - {name: Accept, in: header, value: application/vnd.things+json}\n"
        "    - {name: session, in: cookie, type: string}"
    )
    document = things(operation(inputs), exposed())
    request = sent(document, "GET", "/things?session=s%3B1", headers={"x-trace": "t", "accept": "text/html"})

    assert b"t" == request.header("x-trace")
    assert [b"application/vnd.things+json"] == [v for n, v in request.headers if n.lower() == b"accept"]
    assert b"session=s%3B1" == request.header("cookie")


def test_a_header_input_may_come_from_the_query(things: Things) -> None:
    document = things(operation("    - {name: X-Trace, in: header, type: string}"), exposed())

    assert b"q" == sent(document, "GET", "/things?X-Trace=q").header("x-trace")


def test_a_line_break_in_a_header_is_refused(things: Things) -> None:
    document = things(operation("    - {name: X-Trace, in: header, type: string}"), exposed())

    assert 400 == refused(document, "GET", "/things?X-Trace=a%0D%0AX-Evil:1").status_code


@pytest.mark.parametrize("identifier", ["%2e%2e", "%2E", "."])
def test_an_identifier_that_climbs_is_refused(thing: Path, identifier: str) -> None:
    import socket

    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        with socket.create_connection(("127.0.0.1", cap.port)) as raw:
            raw.sendall(f"GET /things/{identifier} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            answer = raw.makefile("rb").read()

        assert answer.startswith(b"HTTP/1.1 400")
        assert [] == api.requests


WHOLE = "    - {name: body, in: body, type: object, required: true}"


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        pytest.param(b"{", "application/json", 400, id="not-json"),
        pytest.param(b"[1]", "application/json", 400, id="not-an-object"),
        pytest.param(b'{"a":"\xff"}', "application/json", 400, id="not-utf-8"),
        pytest.param(b"", "application/json", 400, id="missing"),
        pytest.param(b"{}", "text/plain", 415, id="media-type"),
        pytest.param(b'{"a":"' + b"x" * 11 * 1024 * 1024 + b'"}', "application/json", 413, id="too-large"),
    ],
)
def test_a_body_that_is_not_what_was_declared(things: Things, content: bytes, content_type: str, status: int) -> None:
    document = things(operation(WHOLE, "POST"), exposed(method="POST"))
    response = refused(document, "POST", "/things", content=content, headers={"content-type": content_type})

    assert status == response.status_code


def test_body_members_come_from_the_body_or_the_query_with_their_types(things: Things) -> None:
    inputs = (
        "    - {name: name, in: body, type: string}\n"
        "    - {name: count, in: body, type: integer}\n"
        "    - {name: fair, in: body, type: boolean}\n"
        "    - {name: absent, in: body, type: string}"
    )
    document = things(operation(inputs, "POST"), exposed(method="POST"))
    request = sent(document, "POST", "/things?count=7", json={"name": "n", "fair": True})

    assert {"name": "n", "count": 7, "fair": True} == json.loads(request.body)
    assert b"application/json" == request.header("content-type")


def test_a_write_that_declares_no_body_hands_it_through(things: Things) -> None:
    document = things(operation("    - {name: q, in: query}", "PUT"), exposed(method="PUT"))
    request = sent(document, "PUT", "/things", content=b"\x00any", headers={"content-type": "image/x"})

    assert (b"\x00any", b"image/x") == (request.body, request.header("content-type"))


def test_a_body_with_nowhere_to_go_is_refused(thing: Path) -> None:
    assert 400 == refused(thing, "GET", "/things/7", content=b"{}").status_code


BODY = """\
    body:
      type: json
      data:
        name: '{{tools.name}}'
        size: '{{tools.size}}'
        note: 'for {{tools.who}}'
        deep: {maybe: '{{tools.maybe}}'}
        fixed: 3"""


def test_a_body_template_keeps_types_and_drops_what_is_absent(things: Things) -> None:
    consumes = operation("    - {name: size, in: body, type: integer}", "POST", extra=BODY)
    document = things(consumes, exposed("{name: rest.title}", method="POST"))
    request = sent(document, "POST", "/things", json={"title": "t", "size": 4})

    assert {"name": "t", "size": 4, "fixed": 3} == json.loads(request.body)


def test_a_literal_query_stays_and_inputs_follow(things: Things) -> None:
    consumes = operation("    - {name: q, in: query}", path="/things?action=list")

    assert b"/things?action=list&q=1" == sent(things(consumes, exposed()), "GET", "/things?q=1").target


def test_a_base_uri_and_a_path_meet_in_one_slash(things: Things) -> None:
    document = things(operation("    - {name: q, in: query}", path="things"), exposed())
    with upstream() as api, gateway(document, base_uris={"api": api.url + "/base/"}) as cap:
        httpx.get(cap.url + "/things")

    assert b"/base/things" == api.requests[0].target


def test_a_lost_identifier_is_left_out_and_answers_501(things: Things) -> None:
    inputs = "    - {name: id, in: path, type: string}"
    consumes = operation(inputs, "DELETE", path="/things") + GET_ALL
    document = things(consumes, exposed(method="DELETE", path="/things/{id}") + "\n" + REST_ALL)
    response = refused(document, "DELETE", "/things/7")

    assert 501 == response.status_code
    assert "has no place in '/things'" in response.json()["detail"]


GET_ALL = """\
- name: all
  path: /all
  operations:
  - {name: all, method: GET}
"""
REST_ALL = """\
- path: /all
  operations:
  - {name: all, method: GET, call: api.all}
"""


def test_a_parameter_beside_a_template_types_its_variable_whatever_the_input_is_called(things: Things) -> None:
    inputs = "    - {name: size, in: body, type: integer, required: true}"
    document = things(
        operation(inputs, "POST", extra=BODY), exposed("{size: rest.body.how-big, name: rest.name}", method="POST")
    )
    errors = refused(document, "POST", "/things", json={"how-big": "huge"}).json()["errors"]
    missing = refused(document, "POST", "/things", json={"name": "n"}).json()["errors"]

    assert [{"where": "body member how-big", "what": "must be an integer, not the string 'huge'"}] == errors
    assert [{"where": "body member how-big", "what": "is required and missing"}] == missing
    request = sent(document, "POST", "/things", json={"how-big": 4})
    assert {"size": 4, "fixed": 3} == json.loads(request.body)


def test_an_input_that_reaches_nothing_is_an_input_all_the_same(things: Things) -> None:
    consumes = operation("    - {name: q, in: query}", "POST", extra=BODY)
    shown = exposed("{name: rest.name, colour: rest.colour}", method="POST", inputs="[{name: shape, type: string}]")
    document = things(consumes, shown)

    request = sent(document, "POST", "/things", json={"name": "n", "colour": "red", "shape": "round"})
    assert {"name": "n", "fixed": 3} == json.loads(request.body)
    assert 400 == refused(document, "POST", "/things", json={"name": "n", "size": 1, "sort": 1}).status_code


def test_a_declared_identifier_that_pairs_keeps_its_declaration(things: Things) -> None:
    consumes = operation("    - {name: userId, in: path}", path="/u/{userId}")
    document = things(consumes, exposed(path="/{who}", inputs="[{name: who, in: path, type: integer}]"))

    assert b"/u/7" == sent(document, "GET", "/7").target
    assert "path who must be an integer, not 'me'" == refused(document, "GET", "/me").json()["detail"]


@pytest.mark.parametrize(
    ("method", "target", "body"),
    [("GET", b"/things?id=7", b""), ("POST", b"/things", b'{"id":"7"}'), ("DELETE", None, None)],
)
def test_a_declared_identifier_that_nothing_knows(
    things: Things, method: str, target: bytes | None, body: bytes | None
) -> None:
    consumes = operation("    - {name: q, in: query}", method) + GET_ALL
    shown = exposed(method=method, path="/things/{id}", inputs="[{name: id, in: path, type: string}]")
    document = things(consumes, shown + "\n" + REST_ALL)

    if target is None:
        assert 501 == refused(document, method, "/things/7").status_code
        return
    request = sent(document, method, "/things/7")
    assert (target, body) == (request.target, request.body)


def test_a_number_of_the_document_keeps_its_spelling_as_text(things: Things) -> None:
    inputs = """\
    - {name: X-Version, in: header, value: 2.10}
    - {name: page, in: query, value: 007}
    - {name: size, in: query}"""
    request = sent(things(operation(inputs), exposed("{size: 1.50}")), "GET", "/things")

    assert b"/things?page=007&size=1.50" == request.target
    assert b"2.10" == request.header("x-version")


LOOSE = "    - {name: loose, in: query}"
STRICT = "    - {name: strict, in: query, type: integer, required: true}"


@pytest.mark.parametrize("parameters", [(LOOSE, STRICT), (STRICT, LOOSE)], ids=["strict-second", "strict-first"])
def test_two_values_from_one_place_are_one_input_as_strict_as_either(
    things: Things, parameters: tuple[str, str]
) -> None:
    with_ = "{loose: rest.query.size, strict: rest.size}"
    document = things(operation("\n".join(parameters)), exposed(with_))

    assert "query size is required and missing" == refused(document, "GET", "/things").json()["detail"]
    assert "query size must be an integer, not 'big'" == refused(document, "GET", "/things?size=big").json()["detail"]
    target = sent(document, "GET", "/things?size=4").target
    assert {b"loose=4", b"strict=4"} == set(target.removeprefix(b"/things?").split(b"&"))


def test_a_slip_in_with_is_told_for_what_it_is(things: Things) -> None:
    consumes = operation("    - {name: limit, in: query}")
    path = things(consumes, exposed("{limit: rset.limit}", inputs="[{name: limit, in: query}]"))
    typo = compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())

    said = {d.code: d for d in typo.diagnostics}
    assert "'rset.limit' is sent as that text" == said["literal-source"].message
    assert "did you mean 'rest.limit'?" == said["literal-source"].hint
    assert "'with' takes 'limit' of api.op from elsewhere" in said["unknown-parameter"].message
    assert "limit: rest.limit" in said["unknown-parameter"].hint
