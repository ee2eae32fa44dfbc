"""The request body: whole, field by field, passed upstream, or nowhere to go."""

from __future__ import annotations

import asyncio
import gzip

import msgspec
import pytest

from cap_core.plugins.messages import Entity, Reply

JSON = [("content-type", "application/json")]
FORM = [("content-type", "application/x-www-form-urlencoded")]


def whole(made, type="object", **more):
    return made.input("body", "body", type, **more)


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"b": 1.50,\n "a":"\\u00e9", "n": 123456789012345678901}', ' {"a":"é"} '.encode(), b'{"x":1e999}'],
)
@pytest.mark.parametrize(
    "content_type", ["application/json", "application/json; charset=utf-8", "Application/Foo+JSON"]
)
def test_a_whole_body_is_checked_and_handed_on_byte_for_byte(made, values, body, content_type):
    got = values(whole(made), body=body, headers=[("content-type", content_type)])

    assert body == bytes(got["body"])
    assert isinstance(got["body"], msgspec.Raw)


@pytest.mark.parametrize(
    ("type", "body", "expected"),
    [
        ("object", b"[1]", "body must be a JSON object"),
        ("object", b'{"a":"\xff"}', "body is not UTF-8 text"),
        ("object", b"[" * 900 + b"]" * 900, "body must be a JSON object"),
        ("object", b'{"a":', "body is not valid JSON: Input data was truncated"),
        ("object", b'{"a":1} x', "body is not valid JSON: JSON is malformed: trailing characters (byte 9)"),
        ("object", b'{"a":NaN}', "body is not valid JSON: JSON is malformed: invalid character (byte 5)"),
        ("array", b"{}", "body must be a JSON list"),
        ("string", b"1", "body must be a string, not 1"),
        (None, b"{", "body is not valid JSON: Input data was truncated"),
    ],
)
def test_a_whole_body_that_is_wrong_is_refused(made, field_errors, type, body, expected):
    assert [expected] == field_errors(whole(made, type), body=body, headers=JSON, limit=10_000)


def test_a_body_nested_too_deeply_is_refused(made, field_errors):
    body = b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"

    assert ["body is nested too deeply"] == field_errors(whole(made), body=body, headers=JSON, limit=10**6)


@pytest.mark.parametrize(("type", "body"), [("array", b"[1,2]"), ("string", b'"a"'), (None, b"7"), (None, b"[]")])
def test_a_whole_body_may_be_any_json_it_is_declared_as(made, values, type, body):
    assert body == bytes(values(whole(made, type), body=body, headers=JSON)["body"])


def test_an_enum_over_objects_is_looked_at_whole(made, values, field_errors):
    item = whole(made, enum=({"a": 1},))

    assert b'{"a": 1}' == bytes(values(item, body=b'{"a": 1}', headers=JSON)["body"])
    assert ['body must be one of {"a":1}'] == field_errors(item, body=b"{}", headers=JSON)


@pytest.mark.parametrize("request_", [{}, {"body": b""}, {"body": b" null ", "headers": JSON}])
def test_no_body_and_null_are_absent(made, values, field_errors, request_):
    assert {} == values(whole(made), **request_)
    assert ["body is required and missing"] == field_errors(whole(made, required=True), **request_)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "body must be application/json, and says no Content-Type"),
        ([("content-type", "text/plain")], "body must be application/json, not 'text/plain'"),
        (FORM, "body must be application/json, not 'application/x-www-form-urlencoded'"),
        ([*JSON, ("content-encoding", "gzip")], "body must not be encoded as 'gzip'"),
    ],
)
def test_a_body_of_another_media_type_is_415(made, field_errors, headers, expected):
    assert [expected] == field_errors(whole(made), body=b"{}", headers=headers, status=415)


@pytest.mark.parametrize("body", [b'{"a":"' + b"x" * 100 + b'"}', [b'{"a":"', b"x" * 100, b'"}'], [b"x" * 101]])
def test_a_body_over_the_limit_is_413(made, field_errors, body):
    assert ["body is larger than 100 bytes"] == field_errors(
        whole(made), body=body, headers=JSON, limit=100, status=413
    )


def test_a_body_in_chunks_is_put_together(made, values):
    assert b'{"a":1}' == bytes(values(whole(made), body=[b'{"a"', b":1}"], headers=JSON)["body"])


# --- nowhere to go ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("body", [b"{}", [b"", b"{}"]])
def test_a_body_that_no_input_takes_is_refused(made, field_errors, method, body):
    expected = ["query limit must be an integer, not 'x'", "body has nowhere to go"]
    call = {"method": method, "upstream": method}

    assert expected == field_errors(
        made.input("limit", type="integer"), call=call, method=method, body=body, query=b"limit=x"
    )


@pytest.mark.parametrize("body", [None, b"", [b""], [b"", b""]])
def test_an_empty_body_is_no_body(values, body):
    assert {} == values(body=body)


# --- fields -------------------------------------------------------------------------------------------------------


def fields(made):
    return [
        made.input("name", "member", "string", required=True),
        made.input("age", "member", "integer"),
        made.input("tags", "member", "array"),
        made.input("any", "member"),
    ]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"name":"Tom"}', {"name": "Tom"}),
        (b'{"name":"Tom","age":7.0,"tags":["a",1],"any":{"b":null}}', {"age": 7, "tags": ["a", 1], "any": {"b": None}}),
        (b'{"name":"Tom","age":null,"any":null}', {}),
        (b'{"name":"Tom","any":123456789012345678901}', {"any": 123456789012345678901}),
        (b'{"name":"Tom","any":false}', {"any": False}),
    ],
)
def test_fields_of_a_json_body_keep_their_types(made, values, body, expected):
    got = values(*fields(made), body=body, headers=JSON)

    assert {"name": "Tom", **expected} == got
    assert type(expected.get("age")) is type(got.get("age"))


def test_a_number_too_large_for_us_goes_on_as_it_stands(made, values):
    got = values(*fields(made), body=b'{"name":"Tom","any":1e999}', headers=JSON)

    assert b"1e999" == bytes(got["any"])


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"age":"7"}',
            ["body member age must be an integer, not the string '7'", "body member name is required and missing"],
        ),
        (b'{"name":null}', ["body member name is required and missing"]),
        (b'{"name":1}', ["body member name must be a string, not 1"]),
        (b'{"name":"Tom","nmae":1}', ["body member 'nmae' is not known; known are: name, age, tags, any"]),
        (b"[]", ["body must be a JSON object"]),
        (b'{"name":', ["body is not valid JSON: Input data was truncated"]),
    ],
)
def test_fields_that_are_wrong_are_refused(made, field_errors, body, expected):
    assert expected == field_errors(*fields(made), body=body, headers=JSON)


def test_a_form_carries_fields_as_text(made, values, field_errors):
    body = b"name=T%C3%B6m+Cat&age=007&tags=a&tags=b"

    expected = {"name": "Töm Cat", "age": "007", "tags": ["a", "b"]}
    assert expected == values(*fields(made), body=body, headers=FORM)
    assert [
        "body member age must be an integer, not 'x'",
        "body member name is given twice",
        "body member 'nmae' is not known; known are: name, age, tags, any",
    ] == field_errors(*fields(made), body=b"age=x&name=a&name=b&nmae=1&", headers=FORM)


@pytest.mark.parametrize(
    ("body", "headers", "count"),
    [
        (b"x&" * 9_000, FORM, 101),
        (b"&" * 10_000, FORM, 1),
        (b"{" + b",".join(b'"x%d":1' % n for n in range(500)) + b"}", JSON, 101),
    ],
)
def test_a_million_wrong_fields_are_not_answered_with_a_million_lines(made, field_errors, body, headers, count):
    assert count == len(field_errors(*fields(made), body=body, headers=headers, limit=10**6))


def test_fields_of_another_media_type_are_415(made, field_errors):
    expected = "body must be application/json or application/x-www-form-urlencoded, not 'multipart/form-data'"
    headers = [("content-type", "multipart/form-data; boundary=x")]

    assert [expected] == field_errors(*fields(made), body=b"--x--", headers=headers, status=415)


def test_an_input_may_come_by_query_or_by_field_but_not_by_both(made, values, field_errors):
    item = made.input("limit", "query", "integer", also=("member",))

    assert {"limit": "5"} == values(item, query=b"limit=5")
    assert {"limit": 5} == values(item, body=b'{"limit":5}', headers=JSON)
    assert ["body member limit is given twice"] == field_errors(
        item, query=b"limit=5", body=b'{"limit":5}', headers=JSON
    )


def test_a_field_may_be_taken_out_of_a_body_that_goes_on_whole(made, values):
    inputs = [whole(made), made.input("id", "member", "integer")]
    got = values(*inputs, body=b'{"id":7,"more":1}', headers=JSON)

    assert (7, b'{"id":7,"more":1}') == (got["id"], bytes(got["body"]))


# --- handed through -----------------------------------------------------------------------------------------------


def entity(made, **more):
    return made.input("body", "body", opaque=True, **more)


def test_a_small_body_is_handed_through_as_bytes(made, values):
    got = values(entity(made), body=b"\xff\x00", headers=[("content-type", "image/png")])

    assert {"body": Entity(b"image/png", b"\xff\x00", 2)} == got


@pytest.mark.parametrize(
    ("body", "length"),
    [([b"ab", b"", b"cd"], None), ([], None), (b"x" * 70_000, 70_000)],
)
def test_other_bodies_are_handed_through_as_they_arrive(made, ask, body, length):
    async def read(values, context):
        given = values["body"]
        chunks = [chunk async for chunk in given.body]
        await given.body.aclose()
        return Reply(200, (), b"%d %r" % (len(b"".join(chunks)), given.length))

    got, _ = ask(entity(made), body=body, answer=read)

    assert f"{len(body if isinstance(body, bytes) else b''.join(body))} {length}".encode() == got.body


def test_a_small_body_that_is_not_all_there_yet_streams(made, ask):
    async def read(values, context):
        return Reply(200, (), b"|".join([chunk async for chunk in values["body"].body]))

    sized = {"scope": {"headers": [(b"content-length", b"4")]}, "body": [b"ab", b"cd"]}
    got, runs = ask(entity(made), answer=read, **sized)

    assert b"ab|cd" == got.body
    assert 4 == runs.values["body"].length


def test_a_body_to_hand_through_may_be_needed(made, field_errors, values):
    assert {} == values(entity(made))
    assert ["body is required and missing"] == field_errors(entity(made, required=True))


def test_faults_elsewhere_refuse_a_body_before_it_is_read(made, field_errors):
    inputs = [entity(made), made.input("limit", type="integer")]

    assert ["query limit must be an integer, not 'x'"] == field_errors(*inputs, body=[b"a", b"b"], query=b"limit=x")


def test_a_body_whose_coding_would_be_lost_is_415(made, field_errors):
    body, headers = gzip.compress(b"x"), [("content-encoding", "gzip")]

    assert ["body must not be encoded as 'gzip'"] == field_errors(entity(made), body=body, headers=headers, status=415)


@pytest.mark.parametrize("kind", ["entity", "whole", "nothing"])
def test_a_caller_who_leaves_before_the_body_is_there_is_not_answered(made, kind):
    from cap_plugins.expose.rest.endpoint import compile_endpoint

    inputs = {"entity": [entity(made)], "whole": [whole(made)], "nothing": []}[kind]
    sent, runs = [], made.runs()
    coming = [{"type": "http.request", "body": b"", "more_body": True}, {"type": "http.disconnect"}]
    if kind == "entity":
        coming = coming[1:]

    async def receive():
        return coming.pop(0)

    async def send(message):
        sent.append(message)

    framing = (b"content-length", b"9") if kind == "entity" else (b"transfer-encoding", b"chunked")
    scope = {"method": "POST", "query_string": b"", "headers": [framing, (b"content-type", b"application/json")]}
    asyncio.run(compile_endpoint(made.call(*inputs), runs, 1000)(scope, receive, send, ()))

    assert ([], []) == (sent, runs.asked)
