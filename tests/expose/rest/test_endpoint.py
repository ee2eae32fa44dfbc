"""What a call learns of its caller, and how every kind of answer becomes an HTTP response."""

from __future__ import annotations

import pytest
import structlog

from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import Mark, Refusal
from cap_core.plan.call import RejectedOperation
from cap_core.plugins.messages import Blob, Caller, Content, InputRequired, Reply, Text

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SENT = [
    ("host", "x"),
    ("Accept", "text/csv"),
    ("authorization", "Bearer secret"),
    ("cookie", "a=b"),
    ("Range", "bytes=0-1"),
    ("if-none-match", '"x"'),
    ("accept", "*/*"),
    ("Idempotency-Key", "k"),
    ("accept-encoding", "br"),
    ("accept-language", "de"),
    ("user-agent", "me"),
    ("traceparent", TRACE),
]


def test_an_identity_call_gets_the_headers_that_may_go_upstream_in_the_callers_order(ask):
    _, runs = ask(headers=SENT)

    assert (
        (b"accept", b"text/csv"),
        (b"range", b"bytes=0-1"),
        (b"if-none-match", b'"x"'),
        (b"accept", b"*/*"),
        (b"idempotency-key", b"k"),
        (b"accept-encoding", b"br"),
        (b"accept-language", b"de"),
    ) == runs.context.headers
    assert (TRACE.encode(), "0af7651916cd43dd8448eb211c80319c") == (runs.context.trace, runs.context.id)
    assert ("rest", "cats/cats-rest/GET /cats", False) == (runs.context.channel, runs.context.call, runs.context.follow)


def test_a_mapped_call_gets_none_of_them_and_follows_redirects(made, ask):
    _, runs = ask(headers=SENT, call={"outputs": (made.output(at=made.at, mapping="$.a"),)})

    assert ((), True) == (runs.context.headers, runs.context.follow)


def test_a_header_that_is_an_input_does_not_pass_as_well(made, ask):
    _, runs = ask(made.input("If-None-Match", "header"), headers=SENT)

    assert b"if-none-match" not in dict(runs.context.headers)
    assert {"If-None-Match": '"x"'} == runs.values


def test_the_caller_the_host_let_in_is_the_calls_caller(ask):
    caller = Caller("bearer", "tom")
    _, runs = ask(scope={"cap.caller": caller})

    assert caller is runs.context.caller


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({}, "HEAD"),
        ({"upstream": "POST"}, ""),
        ({"outputs": True}, ""),
    ],
)
def test_head_goes_upstream_as_head_where_the_answer_goes_through_untouched(made, ask, call, expected):
    if "outputs" in call:
        call = {"outputs": (made.output(at=made.at, mapping="$.a"),)}
    got, runs = ask(method="HEAD", call=call)

    assert expected == runs.context.method
    assert (b"", "4") == (got.body, got.headers["content-length"])


def test_a_reply_goes_out_as_it_is(ask):
    reply = Reply(404, ((b"content-type", b"text/x"), (b"x-request-id", b"1")), b"no", error=True)
    got, _ = ask(answer=reply)

    assert (404, b"no") == (got.status, got.body)
    assert {"content-type": "text/x", "x-request-id": "1", "content-length": "2"} == got.headers


@pytest.mark.parametrize(
    ("content", "status", "body"),
    [
        (Content((Text("a"),)), 200, b'[{"type":"text","text":"a"}]'),
        (Content((Blob(b"\x00", "image/x"),)), 200, b'[{"type":"blob","data":"AA==","media_type":"image/x"}]'),
        (Content((Text("1"),), structured=b'{"n":1}'), 200, b'{"n":1}'),
        (Content((Text("broken"),), error=True), 500, b'[{"type":"text","text":"broken"}]'),
    ],
)
def test_blocks_are_answered_as_json(ask, content, status, body):
    got, _ = ask(answer=content)

    assert (status, body, "application/json") == (got.status, got.body, got.headers["content-type"])


def test_a_question_to_the_caller_is_501(ask):
    got, _ = ask(answer=InputRequired({"q": {}}, b""))

    assert (501, "urn:cap:problem:not-served") == (got.status, got.json["type"])
    assert "call it through MCP" in got.detail


def test_a_refusal_is_a_problem_that_says_where(ask):
    refusal = Refusal(503, "not-configured", "CATS_KEY is not set", hint="set it", headers=((b"retry-after", b"9"),))
    got, _ = ask(answer=refusal, headers=[("traceparent", TRACE)])

    assert {
        "type": "urn:cap:problem:not-configured",
        "title": "This operation is not configured yet",
        "status": 503,
        "detail": "CATS_KEY is not set; set it",
        "capability": "cats",
        "operation": "vendor.op",
        "spec": "cats.yaml:40:7",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
    } == got.json
    assert (503, "9") == (got.status, got.headers["retry-after"])


def test_a_failure_nobody_foresaw_tells_the_caller_an_id_and_the_log_what_it_was(ask):
    with structlog.testing.capture_logs() as logged:
        got, runs = ask(answer=ZeroDivisionError("key sk-123"))

    assert {
        "type": "urn:cap:problem:internal",
        "title": "The gateway failed",
        "status": 500,
        "detail": "this should not have happened; tell the operator this trace_id",
        "capability": "cats",
        "operation": "vendor.op",
        "spec": "cats.yaml:40:7",
        "trace_id": runs.context.id,
    } == got.json
    (line,) = logged
    assert (runs.context.id, "ZeroDivisionError") == (line["request_id"], line["error"])
    assert "conftest.py:" in line["at"]
    assert "sk-123" not in str(logged)


@pytest.mark.parametrize("method", ["DELETE", "HEAD"])
def test_a_quarantined_operation_says_why_and_where(made, face, method):
    import asyncio

    why = Diagnostic(Mark("cats.yaml", 9, 3), "warning", "dangling-call", "nothing is called 'x.y'", "name one")
    left_out = RejectedOperation(made.call(path="/cats/{id}", method="DELETE", name="drown").exposed, why)
    (route,) = face(made.exposure(rejected=(left_out,))).routes
    got = asyncio.run(made.drive(route.endpoint, method, headers=[("traceparent", TRACE)]))

    assert ("DELETE", "/cats/{id}", "/cats", "cats/cats-rest") == (
        route.method,
        route.template,
        route.prefix,
        route.guard,
    )
    assert 501 == got.status
    if method != "HEAD":
        assert {
            "type": "urn:cap:problem:not-served",
            "title": "This operation cannot be served",
            "status": 501,
            "detail": "nothing is called 'x.y'; name one",
            "capability": "cats",
            "operation": "drown",
            "spec": "cats.yaml:9:3",
            "code": "dangling-call",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
        } == got.json


def test_a_face_has_a_route_for_each_operation_that_a_request_can_reach(made, face):
    why = Diagnostic(made.at, "warning", "x", "y")
    dead = [
        made.call(path=path, method=method).exposed for method, path in [("GET", "/{x}"), ("PUT", "/c"), ("GET", "/{")]
    ]
    exposure = made.exposure(made.call(path="/{id}"), rejected=tuple(RejectedOperation(one, why) for one in dead))

    expected = [("GET", "/cats", "/{id}", True), ("PUT", "/cats", "/c", True)]
    assert expected == [(r.method, r.prefix, r.template, r.bare) for r in face(exposure).routes]
