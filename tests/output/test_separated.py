"""Separated values: the header names the members, quotes enclose, and what does not fit is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("a,b\n1,2\n3,4\n", [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}], id="rows"),
        pytest.param("a,b\r\n1,2\r\n", [{"a": "1", "b": "2"}], id="crlf"),
        pytest.param("a,b\n1,2", [{"a": "1", "b": "2"}], id="no-last-line-break"),
        pytest.param("a,b\n", [], id="a-header-alone"),
        pytest.param("\n\n", [], id="empty-lines-alone"),
        pytest.param("\na\n\n1\n\n", [{"a": "1"}], id="empty-lines"),
        pytest.param(' a , "b" \n 1 ,2\n', [{"a": " 1 ", '"b"': "2"}], id="names-are-trimmed-values-are-not"),
        pytest.param('a,b\n"x,y","1\n2"\n', [{"a": "x,y", "b": "1\n2"}], id="quotes-enclose"),
        pytest.param('a\n"say ""hi"""\n', [{"a": 'say "hi"'}], id="a-quote-in-quotes"),
        pytest.param('a\n5" pipe\n', [{"a": '5" pipe'}], id="a-quote-inside"),
        pytest.param("a,b,c\n1\n", [{"a": "1"}], id="a-short-row"),
        pytest.param("a\n1,,\n", [{"a": "1"}], id="too-many-empty-values"),
        pytest.param("a,a,a_2,a\n1,2,3,4\n", [{"a": "1", "a_2": "2", "a_2_2": "3", "a_3": "4"}], id="names-again"),
        pytest.param("\ufeffa\n1\n", [{"a": "1"}], id="a-byte-order-mark"),
        pytest.param("é\n中\n", [{"é": "中"}], id="utf-8"),
        pytest.param("a\n" + "x" * 500_000, [{"a": "x" * 500_000}], id="a-long-value"),
    ],
)
def test_what_rows_become(serving: Any, body: str, expected: object) -> None:
    assert expected == serving.read("csv", body, "text/csv")


@pytest.mark.parametrize(("format", "separator"), [("csv", ","), ("tsv", "\t"), ("psv", "|")])
def test_each_format_has_its_separator(serving: Any, format: str, separator: str) -> None:
    others = "".join({",", "\t", "|"} - {separator})

    assert [{"a": others, "b": f"x{separator}y"}] == serving.read(
        format, f'a{separator}b\n{others}{separator}"x{separator}y"\n'
    )


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param("prix\n5 €\n".encode("cp1252"), "text/csv; charset=windows-1252", id="windows"),
        pytest.param("prix\n5 €\n".encode("utf-16"), "text/csv", id="utf-16"),
        pytest.param("prix\n5 €\n".encode(), "text/csv; charset=nonsense", id="an-unknown-charset"),
        pytest.param("prix\n5 €\n".encode(), "text/csv; header=present", id="other-parameters"),
    ],
)
def test_charsets(serving: Any, body: bytes, content_type: str) -> None:
    assert [{"prix": "5 €"}] == serving.read("csv", body, content_type)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("a,b\n1,2,3\n", id="more-values-than-names"),
        pytest.param('a\n"open\n', id="a-quote-not-closed"),
        pytest.param('a\n"x"y\n', id="text-after-a-quote"),
        pytest.param(b"a\n\xff\n", id="not-utf-8"),
        pytest.param("x" * 1_000_000 + "\n" + "1\n" * 1000, id="a-header-that-makes-it-large"),
        pytest.param("x," * 100_000 + "\n" + ("," * 99_999 + "1\n") * 90, id="columns-that-make-it-large"),
    ],
)
def test_what_is_not_separated_values(refused: Callable[..., None], body: bytes | str) -> None:
    refused("csv", body)


def test_values_are_typed_by_the_outputs(serving: Any) -> None:
    outputs = """\
- name: rows
  type: array
  mapping: $
  items:
    type: object
    properties:
    - {name: id, type: integer, mapping: $.id}
    - {name: price, type: number, mapping: "$['unit price']"}
    - {name: sold, type: boolean, mapping: $.sold}
    - {name: note, type: string, mapping: $.note}
- {name: ids, type: array, mapping: "$[*].id"}
- {name: count, type: integer, mapping: $.length}
"""
    body = "id,unit price,sold,note\n007,1.50,true,a\n8,,no\n"
    mapped = serving.answer("csv", body, outputs=outputs).json()

    assert {
        "rows": [
            {"id": None, "price": 1.5, "sold": True, "note": "a"},
            {"id": 8, "price": None, "sold": None, "note": None},
        ],
        "ids": ["007", "8"],
        "count": 2,
    } == mapped
