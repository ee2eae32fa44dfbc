"""How an answer becomes content for a model, structured where it is one JSON document."""

from __future__ import annotations

import base64

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp_types.methods import validate_server_result

from cap_core.errors import UpstreamError
from cap_core.logging import redaction
from cap_core.plugins.exposure import Limits
from cap_core.plugins.messages import Blob, Content, InputRequired, Reply, Text


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "application/vnd.x+json", "text/json"]
)
def test_a_json_object_is_spliced_byte_for_byte_and_told_as_text(kit, era, kind):
    body = '{ "a" : 1.50,\r\n "b": "\\u00fc ü €",  "a": [ ] }'.encode()
    got = kit.one(kit.reply(body, kind)).call("list", era=era)

    assert b'"structuredContent":' + body in got.body
    assert body.decode() == got.text
    assert "isError" not in got.result


@pytest.mark.parametrize("body", [b"[1, 2]", b'"text"', b"7", b"true", b"null", b" [] "])
def test_json_that_is_no_object_is_wrapped_on_the_legacy_wire_alone(kit, body):
    face = kit.one(kit.reply(body))
    value = msgspec.json.decode(body)

    assert value == face.call("list", era="modern").result["structuredContent"]
    assert {"result": value} == face.call("list", era="legacy").result["structuredContent"]
    assert body.decode() == face.call("list").text


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1',
        b'{"a":1}{"b":2}',
        b'{"a":1}\n{"b":2}\n',
        b'{"a":"x\ny"}',
        b'{"a":NaN}',
        rb'{"a":"\ud800"}',
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=["cut short", "two documents", "JSON Lines", "a raw line end", "NaN", "half a pair", "too deep"],
)
def test_what_only_calls_itself_json_is_text(kit, body):
    got = kit.one(kit.reply(body)).call("list")

    shown, note = (block["text"] for block in got.result["content"])
    assert "structuredContent" not in got.result
    assert body.decode() == shown
    assert note.endswith("is not the JSON that this call expects.")


def test_json_of_no_utf8_is_text_with_the_bad_bytes_replaced(kit):
    got = kit.one(kit.reply(b'{"a":"\xff"}')).call("list")

    assert "structuredContent" not in got.result  # what had to be replaced is not the document that was sent
    assert got.result["content"][0]["text"] == '{"a":"\ufffd"}'


def test_json_of_no_declared_type_is_structured_where_the_document_says_json(kit):
    got = kit.one(kit.reply(b'{"a":1}', None)).call("list")

    assert got.result["structuredContent"] == {"a": 1}


def test_json_in_another_charset_is_read_in_it(kit):
    got = kit.one(kit.reply('{"a":"ü"}'.encode("latin-1"), "application/json;charset=ISO-8859-1")).call("list")

    assert got.result["structuredContent"] == {"a": "ü"}


def test_json_whose_charset_is_wrong_is_utf8_where_it_can_be(kit):
    got = kit.one(kit.reply('{"a":"ü"}'.encode(), "application/json;charset=ISO-8859-1")).call("list")

    assert got.result["structuredContent"] == {"a": "ü"}


def test_a_byte_order_mark_is_dropped(kit):
    got = kit.one(kit.reply(b"\xef\xbb\xbf[1]")).call("list")

    assert got.text == "[1]"
    assert got.result["structuredContent"] == [1]


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"a,b\n1,2\n", "text/csv", "a,b\n1,2\n"),
        (b'data: {"a":1}\n\n', "text/event-stream", 'data: {"a":1}\n\n'),
        (b'{"a":1}\n{"b":2}\n', "application/x-ndjson", '{"a":1}\n{"b":2}\n'),
        (b"<a/>", "application/xml", "<a/>"),
        (b"<svg/>", "image/svg+xml", "<svg/>"),
        (b"a: 1\n", "application/yaml", "a: 1\n"),
        ("grün".encode("latin-1"), "text/plain; charset=iso-8859-1", "grün"),
        ("grün".encode("utf-16"), 'text/plain; charset="UTF-16"', "grün"),
        (b"gr\xfcn", "text/plain", "gr\ufffdn"),
        (b"gr\xfcn", "text/plain; charset=utf-7", "gr\ufffdn"),
        (b"gr\xfcn", "text/plain; charset=no-such", "gr\ufffdn"),
        (b"gr\xfcn", "text/plain; charset=windows-9999", "gr\ufffdn"),
        (b"x", "text/plain; charset=", "x"),
        ("grün".encode(), None, "grün"),
        (b"{", None, "{"),
    ],
)
def test_text_is_text_in_its_charset(kit, body, kind, expected):
    got = kit.one(kit.reply(body, kind)).call("list")

    assert expected == got.text
    assert "structuredContent" not in got.result


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("image/png", {"type": "image", "mimeType": "image/png"}),
        ("Audio/MPEG", {"type": "audio", "mimeType": "audio/mpeg"}),
    ],
)
def test_images_and_sounds_are_blocks_of_their_own(kit, kind, expected):
    got = kit.one(kit.reply(b"\x00\xff", kind)).call("list")

    assert [{**expected, "data": base64.b64encode(b"\x00\xff").decode()}] == got.result["content"]


@pytest.mark.parametrize("kind", ["application/pdf", "application/octet-stream", "font/woff2", None])
def test_other_binaries_are_an_embedded_resource(kit, kind):
    got = kit.one(kit.reply(b"\x00\xff", kind)).call("list")

    (block,) = got.result["content"]
    assert block["resource"].pop("uri").startswith("cap://shop/shop-mcp/list/")
    resource = {"mimeType": kind or "application/octet-stream", "blob": "AP8="}
    assert {"type": "resource", "resource": resource} == block


def uri(got):
    (block,) = got.result["content"]
    return block["resource"]["uri"]


def test_each_binary_has_a_uri_of_its_own(kit):
    face = kit.one(kit.reply(b"\x00\xff", "application/pdf"))
    several = Content((Blob(b"\x00", "application/pdf"), Blob(b"\x00", "application/pdf")))
    blocks = kit.one(answering(several)).call("list").result["content"]
    uris = [uri(face.call("list")), uri(face.call("list")), *(block["resource"]["uri"] for block in blocks)]

    assert len(set(uris)) == 4


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="report.pdf"', "report.pdf"),
        ("inline; filename=a.bin; size=3", "a.bin"),
        ("attachment; filename=\"x\"; filename*=UTF-8''gr%C3%BCn%20a.pdf", "gr%C3%BCn%20a.pdf"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\a\\\\b.pdf"', "b.pdf"),
        ('attachment; filename="a?b#c.pdf"', "a%3Fb%23c.pdf"),
        ("attachment", None),
        ('attachment; filename=""', None),
        ("filename", None),
    ],
)
def test_the_name_of_a_file_is_kept(kit, disposition, name):
    got = kit.one(kit.reply(b"\x00\xff", "application/pdf", content_disposition=disposition)).call("list")

    end = uri(got).removeprefix("cap://shop/shop-mcp/list/").split("/")
    assert end[1:] == ([name] if name else [])
    assert end[0]


@pytest.mark.parametrize("kind", ["image/png", "audio/mpeg"])
@pytest.mark.parametrize("version", ["2025-03-26", "2025-11-25", "2026-07-28"])
def test_the_name_of_a_picture_or_a_sound_is_kept_beside_it(kit, kind, version):
    face = kit.one(kit.reply(b"\x00\xff", kind, content_disposition='inline; filename="a.x"'))
    got = face.call("list") if version == "2026-07-28" else face.call("list", era="legacy", version=version)

    validate_server_result("tools/call", version, got.result)
    assert got.result["content"][0]["_meta"] == {"filename": "a.x"}


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        (b'{"a":1}', "application/json", {"text": '{"a":1}'}),
        ("grün".encode(), "text/plain", {"text": "grün"}),
        ("grün".encode("latin-1"), "text/csv; charset=iso-8859-1", {"text": "grün"}),
        (b"<svg/>", "image/svg+xml", {"text": "<svg/>"}),
        (b"\xff", "text/plain", {"blob": "/w=="}),
        (b"{}", "application/pdf", {"blob": "e30="}),
    ],
)
def test_a_file_of_a_text_type_is_one_a_model_can_read(kit, data, kind, expected):
    (block,) = kit.one(answering(Content((Blob(data, kind),)))).call("list").result["content"]

    assert block["type"] == "resource"
    assert {"mimeType": kind, **expected} == {key: value for key, value in block["resource"].items() if key != "uri"}


@pytest.mark.parametrize(
    ("size", "error"),
    [("3", False), ("3B", False), ("1KiB", False), ("2", True)],
)
def test_a_binary_over_the_documents_limit_is_an_error(kit, size, error):
    entry = kit.entry(kit.tool("list", kit.reply(b"\x00\xff\x00", "image/png")), maxBinarySize=size)
    got = kit.face(kit.capability(entry)).call("list")

    assert error == got.result.get("isError", False)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (204, "204 No Content: done, no content."),
        (202, "202 Accepted: done, no content."),
        (299, "299: done, no content."),
    ],
)
def test_an_empty_answer_says_that_it_is_done(kit, status, expected):
    got = kit.one(kit.reply(b"", "application/json", status=status)).call("list")

    assert expected == got.text


@pytest.mark.parametrize("body", [b" ", b" \r\n", b"\n\t\n"])
def test_blanks_alone_are_no_json_and_equal_an_empty_answer(kit, body):
    got = kit.one(kit.reply(body, "application/json")).call("list")

    assert got.text == "200 OK: done, no content."


def test_blanks_that_are_declared_to_be_text_stay(kit):
    got = kit.one(kit.reply(b" \r\n", "text/plain")).call("list")

    assert got.text == " \r\n"


def test_the_answer_to_head_is_its_headers(kit):
    got = kit.one(kit.reply(b"", "text/html", etag='"v1"'), method="HEAD").call("list")

    assert got.text == '200 OK\ncontent-type: text/html\netag: "v1"'


def test_a_redirect_elsewhere_is_told_with_its_location(kit):
    got = kit.one(kit.reply(b"", None, status=302, location="https://files.test/1")).call("list")

    assert "https://files.test/1" in got.text
    assert got.result["isError"] is True


def test_an_answer_that_nothing_changed_says_so(kit):
    got = kit.one(kit.reply(b"", None, status=304)).call("list")

    assert got.text == "HTTP 304 from vendor: nothing has changed there since the version that the arguments name."
    assert "isError" not in got.result


@pytest.mark.parametrize("kind", ["application/s3cret-TYPE-value", "image/S3CRET-type-value"])
def test_a_secret_in_a_media_type_is_masked(kit, kind):
    redaction.redact(["s3cret-TYPE-value"])
    (block,) = kit.one(kit.reply(b"\x89P", kind)).call("list").result["content"]

    assert (block.get("mimeType") or block["resource"]["mimeType"]).endswith("/***")


class Stream:
    """A body that arrives in chunks, and may break."""

    def __init__(self, *chunks, error=None):
        self.chunks, self.error, self.closed, self.read = chunks, error, False, 0

    async def __aiter__(self):
        for chunk in self.chunks:
            self.read += 1
            yield chunk
        if self.error:
            raise self.error

    async def aclose(self):
        self.closed = True


def streaming(stream, kind=b"application/json"):
    async def run(values, context):
        return Reply(200, ((b"content-type", kind),), stream)

    return run


def test_a_stream_is_gathered_into_one_result(kit):
    stream = Stream(b'{"a":', b"1}")
    got = kit.one(streaming(stream)).call("list")

    assert got.result["structuredContent"] == {"a": 1}
    assert stream.closed


def test_a_stream_over_the_limit_is_aborted_and_told(kit):
    stream = Stream(b"x" * 60, b"x" * 60, b"x" * 60)
    face = kit.one(streaming(stream, b"text/plain"), limits=Limits(answer=100), inputs=[{"name": "page_size"}])
    got = face.call("list")

    assert (stream.closed, stream.read) == (True, 2)
    assert got.result["isError"] is True
    assert got.text == (
        "list: the answer has more than 100 bytes, the most this gateway hands on here. "
        "Ask for less, by way of page_size."
    )


@pytest.mark.parametrize(("kind", "status"), [("reset", "502"), ("idle", "504")])
def test_a_stream_that_breaks_off_is_told(kit, kind, status):
    stream = Stream(b"x", error=UpstreamError(kind, "it is gone"))
    got = kit.one(streaming(stream), method="POST").call("list")

    assert got.result["isError"] is True
    assert status in got.text
    assert "check before calling again" in got.text
    assert stream.closed


def answering(answer):
    async def run(values, context):
        return answer

    return run


def test_blocks_become_content(kit):
    answer = Content((Text("a"), Blob(b"\x00", "image/png")), msgspec.Raw(b"[1]"))
    got = kit.one(answering(answer)).call("list", era="legacy")

    assert [block["type"] for block in got.result["content"]] == ["text", "image"]
    assert got.result["structuredContent"] == {"result": [1]}


def test_structure_without_blocks_is_told_as_text_too(kit):
    got = kit.one(answering(Content((), msgspec.Raw(b'{"a":1}')))).call("list")

    assert got.text == '{"a":1}'


def test_blocks_of_an_error_carry_no_structure(kit):
    got = kit.one(answering(Content((Text("no"),), msgspec.Raw(b"{}"), error=True))).call("list")

    assert got.result["isError"] is True
    assert "structuredContent" not in got.result


def test_a_question_is_not_asked_yet(kit):
    got = kit.one(answering(InputRequired({}, b""))).call("list")

    assert got.result["isError"] is True


@pytest.fixture(scope="module")
def changing(kit):
    """A face with one tool, and the box whose run it uses."""
    box = []

    async def run(values, context):
        return await box[0](values, context)

    return kit.one(run), box


@settings(max_examples=300, deadline=None)
@given(
    body=st.binary(max_size=64)
    | st.recursive(
        st.none() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(msgspec.json.encode),
    kind=st.none()
    | st.sampled_from(["application/json", "text/plain", "image/png", "x", "text/plain;charset=shift_jis"]),
    status=st.sampled_from([200, 204, 301, 404, 500]),
    era=st.sampled_from(["modern", "legacy"]),
)
def test_any_upstream_bytes_give_a_valid_result(kit, changing, body, kind, status, era):
    face, box = changing
    box[:] = [kit.reply(body, kind, status=status)]
    got = face.call("list", era=era)

    assert got.result["content"]
    assert (status >= 400 or status == 301) == got.result.get("isError", False)
    if status == 200 and kind == "application/json" and _is_document(body):
        told = msgspec.json.decode(body)
        wrapped = era == "legacy" and not isinstance(told, dict)
        assert ({"result": told} if wrapped else told) == got.result["structuredContent"]
        assert body.decode() == got.text


def _is_document(body):
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
