"""Texts for a model whose call failed: what happened, and what to do about it."""

from __future__ import annotations

import msgspec
import pytest
import structlog

from cap_core.errors import UpstreamError
from cap_core.logging import redaction
from cap_core.plugins.exposure import Limits


def told(face, **arguments):
    got = face.call("list", arguments)

    assert got.status == 200
    assert got.result["isError"] is True
    assert "structuredContent" not in got.result
    return got.text


def test_faults_in_arguments_are_all_named_and_nothing_is_sent(kit):
    sent = []

    async def run(values, context):
        sent.append(values)

    inputs = [{"name": "limit", "type": "integer"}, {"name": "id", "type": "string", "required": True}]
    text = told(kit.one(run, inputs=inputs), limit="abc", page=2)

    assert sent == []
    assert text == (
        "list: argument limit must be an integer, not the string 'abc'; "
        "argument 'page' is not known; known are: limit, id; "
        "argument id is required and missing. Nothing was sent upstream."
    )


@pytest.mark.parametrize(
    ("refusal", "method", "expected"),
    [
        (
            (503, "not-configured", "KEY is not set"),
            "GET",
            "list: KEY is not set; set it (HTTP 503: This operation is not configured yet). Nothing was sent upstream; "
            "only the operator of this gateway can change that, no argument can.",
        ),
        (
            (502, "upstream-unreachable", "vendor: refused"),
            "GET",
            "list: vendor: refused; set it (HTTP 502: The upstream could not be reached). "
            "Repeating the same call is safe.",
        ),
        (
            (504, "upstream-timeout", "vendor did not answer."),
            "POST",
            "list: vendor did not answer.; set it (HTTP 504: The upstream did not answer in time). "
            "It may have been carried out all the same: check before calling again.",
        ),
        (
            (400, "invalid-input", "path id may not be '..'"),
            "GET",
            "list: path id may not be '..'; set it. Nothing was sent upstream.",
        ),
        ((418, "of-a-plugin", "teapot"), "GET", "list: teapot; set it (HTTP 418: Not carried out)."),
    ],
)
def test_a_refusal_says_what_to_do(kit, refusal, method, expected):
    text = told(kit.one(kit.refuse(*refusal, hint="set it"), method=method))

    assert expected == text


def test_a_refusal_says_when_to_come_back(kit):
    run = kit.refuse(503, "upstream-unreachable", "vendor rests", headers=((b"retry-after", b"30"),))

    assert told(kit.one(run)).endswith("Nothing was sent upstream; call again after 30 seconds.")


@pytest.mark.parametrize(
    ("status", "method", "headers", "expected"),
    [
        (400, "GET", {}, "Correct the arguments as it says and call again."),
        (404, "GET", {}, "Check the identifiers among the arguments."),
        (409, "POST", {}, "read it first"),
        (422, "POST", {}, "Correct the arguments"),
        (429, "GET", {"retry_after": "7"}, "Too many requests: call again after 7 seconds."),
        (429, "GET", {"retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "call again after Wed, 21 Oct 2026"),
        (429, "GET", {}, "Too many requests: call again later."),
        (500, "GET", {}, "The failure is the upstream's. Repeating the same call is safe."),
        (500, "POST", {}, "It may have been carried out all the same"),
        (503, "GET", {"retry_after": "3"}, "call again after 3 seconds"),
        (406, "GET", {}, "no answer in a form"),
        (408, "GET", {}, "call again later"),
        (412, "PUT", {}, "read it first"),
        (415, "POST", {}, "only the operator"),
        (418, "GET", {}, "calling again in the same way does not help"),
        (423, "PUT", {}, "when the lock is gone"),
        (428, "PUT", {}, "name its version"),
        (451, "GET", {}, "legal reasons"),
        (501, "GET", {}, "does not know how to do this; calling again does not help."),
        (505, "POST", {}, "calling again does not help."),
        (499, "GET", {}, '{"error":"no"}.'),
    ],
)
def test_an_upstream_error_carries_status_body_and_a_next_step(kit, status, method, headers, expected):
    text = told(kit.one(kit.reply(b'{"error":"no"}', status=status, **headers), method=method))

    assert text.startswith(f'HTTP {status} from vendor: {{"error":"no"}}')
    assert expected in text


@pytest.mark.parametrize(("status", "expected"), [(401, "was refused"), (403, "may not do this")])
def test_a_refused_credential_is_named_and_never_shown(kit, status, expected):
    redaction.redact(["s3cret-value"])
    text = told(kit.one(kit.reply(b"bad key s3cret-value", "text/plain", status=status)))

    assert f"The bearer credential the gateway has for vendor {expected}; only the operator" in text
    assert "s3cret-value" not in text


@pytest.mark.parametrize("before", [1990, 1999, 2000, 2001])
def test_a_credential_that_would_be_cut_is_masked(kit, before):
    redaction.redact(["plain0123456789abcdef"])
    body = b"x" * before + b"plain0123456789abcdef" + b"y" * 50
    text = told(kit.one(kit.reply(body, "text/plain", status=404)))

    assert "xp" not in text
    assert ("***" in text) == (before < 2000)


@pytest.mark.parametrize("place", ["location", "retry_after"])
def test_a_credential_in_a_header_is_masked(kit, place):
    redaction.redact(["s3cret/in+header"])
    status = 302 if place == "location" else 429
    text = told(kit.one(kit.reply(b"", None, status=status, **{place: "https://a.test/?k=s3cret%2Fin%2bheader"})))

    assert "in%2bheader" not in text
    assert "https://a.test/?k=***" in text


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("length", "broke off in the middle of its answer: 3 of 9 bytes came (HTTP 502: The upstream's answer is not"),
        ("idle", "stopped in the middle of its answer: 3 of 9 bytes came (HTTP 504: The upstream did not answer in t"),
    ],
)
def test_a_broken_answer_is_told_in_a_sentence(kit, kind, expected):
    class Broken:
        async def __aiter__(self):
            yield b"abc"
            raise UpstreamError(kind, "3 of 9 bytes came")

        async def aclose(self):
            pass

    assert expected in told(kit.one(kit.reply(Broken(), "text/plain")))


def test_a_missing_credential_is_said_to_be_missing(kit):
    text = told(kit.one(kit.reply(b"", "text/plain", status=401), secured=False))

    assert text.startswith("HTTP 401 from vendor. The document declares no credential for vendor; only the operator")


def test_a_long_error_body_is_cut(kit):
    text = told(kit.one(kit.reply(b"x" * 5000, "text/plain", status=404)))

    assert "x" * 2000 + "... (5000 characters in all)" in text
    assert len(text) < 2200


def test_an_error_body_over_the_limit_still_says_the_status(kit):
    class Huge:
        async def __aiter__(self):
            yield b"x" * 200

        async def aclose(self):
            pass

    face = kit.one(kit.reply(Huge(), "text/plain", status=500), limits=Limits(answer=100))

    assert told(face).startswith("HTTP 500 from vendor: (more than 100 bytes). The failure is the upstream's.")


def test_a_binary_error_body_is_described(kit):
    assert "HTTP 500 from vendor: (image/png, 2 bytes)." in told(kit.one(kit.reply(b"\x89P", "image/png", status=500)))


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_a_failure_of_ours_is_logged_and_answered_with_its_id(kit, era):
    async def run(values, context):
        raise KeyError("the inner workings")

    with structlog.testing.capture_logs() as logs:
        got = kit.one(run).call("list", era=era)

    (line,) = logs
    assert (got.status, got.code, got.json["id"]) == (200, -32603, 1)
    assert got.json["error"]["message"] == f"Internal error (request id {line['request_id']})"
    assert line["log_level"] == "error"
    assert b"inner" not in got.body
    assert b"KeyError" not in got.body


def test_the_request_id_of_a_failure_is_the_callers_trace(kit):
    async def run(values, context):
        raise KeyError("x")

    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    with structlog.testing.capture_logs():
        got = kit.one(run).call("list", headers=[("traceparent", trace)])

    assert "a" * 32 in got.json["error"]["message"]


TRACE = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
OTHER = "00-" + "c" * 32 + "-" + "d" * 16 + "-00"


@pytest.mark.parametrize(
    ("header", "member", "expected"),
    [
        (TRACE, None, TRACE),
        (None, TRACE, TRACE),
        (OTHER, TRACE, TRACE),
        (TRACE, "nonsense", TRACE),
        ("nonsense", TRACE, TRACE),
        ("nonsense", "x", None),
        (None, TRACE + "\r\nx: y", None),
        (None, None, None),
    ],
)
def test_a_call_carries_the_callers_trace_and_capabilities(kit, header, member, expected):
    seen = []

    async def run(values, context):
        seen.append(context)
        return await kit.reply(b"{}")(values, context)

    own = {kit.meta + "protocolVersion": "2026-07-28", kit.meta + "clientCapabilities": {"elicitation": {}}}
    meta = own | ({"traceparent": member} if member is not None else {})
    kit.one(run).call("list", meta=meta, headers=[("traceparent", header)] if header else [])

    (context,) = seen
    assert (expected and expected.encode()) == context.trace
    assert (context.channel, context.call, context.follow) == ("mcp", "shop/shop-mcp/list", True)
    assert {"elicitation"} == context.can


def test_arguments_arrive_checked_and_typed(kit):
    seen = []

    async def run(values, context):
        seen.append(values)
        return await kit.reply(b"{}")(values, context)

    inputs = [{"name": "limit", "type": "integer"}, {"name": "q", "type": "string"}]
    kit.one(run, inputs=inputs).call("list", {"limit": 7.0, "q": None})

    assert seen == [{"limit": 7}]


def test_arguments_may_be_left_out(kit):
    got = kit.one().modern("tools/call", {"name": "list"})

    assert msgspec.json.decode(kit.batches) == got.result["structuredContent"]
