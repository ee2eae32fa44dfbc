"""JSON, in whatever charset it comes and with whatever numbers: mapped over REST, mapped as a tool, and untouched."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable
from typing import Any

import pytest

UNTOUCHED = "- {type: object, mapping: $.}"
NAMED = "- {name: name, mapping: $.name}"
TEXT = '{"name": "Grün 日本"}'
LATIN = '{"name": "Grün"}'


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(TEXT.encode(), "application/json", id="utf-8"),
        pytest.param(TEXT.encode(), "application/json; charset=UTF-8", id="utf-8-declared"),
        pytest.param(codecs.BOM_UTF8 + TEXT.encode(), "application/json", id="utf-8-marked"),
        pytest.param(TEXT.encode("utf-16"), "application/json", id="utf-16-marked"),
        pytest.param(TEXT.encode("utf-16"), "application/json; charset=utf-16", id="utf-16-marked-and-declared"),
        pytest.param(TEXT.encode("utf-16-le"), "application/json; charset=utf-16le", id="utf-16-declared"),
        pytest.param(TEXT.encode("utf-16-be"), 'application/json; charset="UTF-16BE"', id="utf-16-big-end"),
        pytest.param(TEXT.encode("utf-32"), "application/json", id="utf-32-marked"),
        pytest.param(LATIN.encode("latin-1"), "application/json; charset=ISO-8859-1", id="latin-1"),
        pytest.param(LATIN.encode("cp1252"), "application/problem+json;charset=windows-1252", id="windows"),
        pytest.param(TEXT.encode(), "application/json; charset=ISO-8859-1", id="utf-8-declared-as-latin-1"),
        pytest.param(TEXT.encode(), "application/json; charset=nonsense", id="an-unknown-charset"),
    ],
)
def test_every_face_reads_the_same(serving: Any, body: bytes, content_type: str) -> None:
    name = json.loads(LATIN if "Grün".encode("latin-1") in body else TEXT)["name"]

    assert {"name": name} == serving.answer("json", body, content_type, outputs=NAMED).json()
    assert {"name": name} == serving.tool("json", body, content_type, outputs=NAMED)["structuredContent"]
    assert {"name": name} == serving.tool("json", body, content_type, outputs=UNTOUCHED)["structuredContent"]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"name": "\xff"}', id="no-utf-8"),
        pytest.param('{"name": "ü"}'.encode("latin-1"), id="latin-1-undeclared"),
        pytest.param(b'{"name": NaN}', id="nan"),
        pytest.param(b'{"name": 1e400, "other": Infinity}', id="infinity-beside-what-is-large"),
        pytest.param(b'{"name": "\\ud800", "other": 1', id="cut-after-half-a-pair"),
        pytest.param(b'{"name": "\\ud800\n"}', id="a-raw-line-end-after-half-a-pair"),
        pytest.param(b"[" * 100_000, id="too-deep"),
    ],
)
def test_what_is_not_json(refused: Callable[..., None], body: bytes) -> None:
    refused("json", body, "application/json")


ODD = [
    pytest.param("1e400", id="beyond-a-double"),
    pytest.param("-1e999", id="below"),
    pytest.param("9" * 5000, id="many-digits"),
    pytest.param('"\\ud800"', id="half-a-pair"),
    pytest.param('["\\udc00", {"\\ud800": 1}]', id="half-a-pair-in-a-name"),
]


@pytest.mark.parametrize("odd", ODD)
def test_only_what_is_mapped_has_to_be_representable(serving: Any, odd: str) -> None:
    body = f'{{"odd": {odd}, "name": "x", "n": 12345678901234567890123, "list": [{odd}]}}'
    outputs = NAMED + "\n- {name: n, type: integer, mapping: $.n}"

    assert {"name": "x", "n": 12345678901234567890123} == serving.answer("json", body, outputs=outputs).json()


@pytest.mark.parametrize("type", ["number", "integer", "null"])
@pytest.mark.parametrize("odd", ["9" * 5000, "-" + "8" * 4400])
def test_a_number_of_any_size_is_written_as_it_came(serving: Any, odd: str, type: str) -> None:
    outputs = f"- {{name: odd, type: {type}, mapping: $.odd}}".replace("type: null, ", "")

    assert f'{{"odd":{odd}}}' == serving.answer("json", f'{{"odd": {odd}}}', outputs=outputs).text


def test_half_a_character_that_is_mapped_is_refused_in_words(serving: Any) -> None:
    answer = serving.answer("json", b'{"name": "\\ud800"}', outputs=NAMED)

    assert 502 == answer.status_code
    assert "api: what is read from the answer holds half a character, which no JSON can" == answer.json()["detail"]


@pytest.mark.parametrize("format", ["json", "xml"])
@pytest.mark.parametrize("body", [b"", b" ", b" \r\n", b"\n\t\n"])
def test_an_answer_of_blanks_is_an_empty_one(serving: Any, format: str, body: bytes) -> None:
    answer = serving.answer(format, body, f"application/{format}", outputs=NAMED)
    result = serving.tool(format, body, f"application/{format}", outputs=NAMED)

    assert (200, b"") == (answer.status_code, answer.content)
    assert ["200 OK: done, no content."] == [block["text"] for block in result["content"]]
    assert not result.get("isError")


@pytest.mark.parametrize("depth", [90, 120, 900])
def test_paths_that_look_below_are_followed_or_refused_in_words(serving: Any, depth: int) -> None:
    body = '{"a":' * depth + '{"id":1}' + "}" * depth
    answer = serving.answer("json", body, outputs="- {name: ids, type: array, mapping: $..id}")

    if answer.status_code == 200:
        assert {"ids": [1]} == answer.json()
    else:
        assert (502, "urn:cap:problem:upstream-malformed") == (answer.status_code, answer.json()["type"])


@pytest.mark.parametrize(
    ("content_type", "body", "noted"),
    [
        pytest.param("text/html", b"<html>login</html>", True, id="a-login-page"),
        pytest.param("text/html; charset=utf-8", b"<p>", True, id="with-a-charset"),
        pytest.param("application/json", b"<html>", True, id="a-page-that-calls-itself-json"),
        pytest.param("text/plain", b"done", False, id="plain-text"),
        pytest.param("text/csv", b"a,b", False, id="a-table"),
        pytest.param("application/json", b'{"a": 1}', False, id="json"),
    ],
)
def test_an_untouched_tool_says_what_is_not_the_json_it_expects(
    serving: Any, content_type: str, body: bytes, noted: bool
) -> None:
    blocks = serving.tool("json", body, content_type, outputs=UNTOUCHED)["content"]

    assert body.decode() == blocks[0]["text"]
    assert noted == ("is not the JSON that this call expects" in blocks[-1]["text"])
