"""XML: what elements, attributes and texts become, in any charset, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from effort import assert_linear

PROLOG = '<?xml version="1.0" encoding="{}"?>'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("<r>text</r>", "text", id="a-text"),
        pytest.param("<r/>", "", id="nothing"),
        pytest.param("<r><a>1</a></r>", {"a": "1"}, id="a-child"),
        pytest.param("<r><a>1</a><b/><a>2</a></r>", {"a": ["1", "2"], "b": ""}, id="one-name-twice"),
        pytest.param('<r a="1"/>', {"a": "1"}, id="an-attribute"),
        pytest.param('<r a="1"><a>2</a></r>', {"a": ["1", "2"]}, id="an-attribute-and-a-child"),
        pytest.param('<r a="1"> text </r>', {"a": "1", "": "text"}, id="a-text-beside"),
        pytest.param("<r>one <b>two</b> three</r>", {"b": "two", "": "one  three"}, id="mixed"),
        pytest.param("<r>\n  <a>1</a>\n</r>", {"a": "1"}, id="white-space-between"),
        pytest.param("<r> a </r>", " a ", id="white-space-around-a-text"),
        pytest.param("<r><![CDATA[<a>]]>&amp;&#233;</r>", "<a>&é", id="cdata-and-references"),
        pytest.param("<r><!-- no --><?pi no?><a/></r>", {"a": ""}, id="comments-and-instructions"),
        pytest.param(
            '<s:r xmlns:s="u" xmlns="v"><s:a s:b="1"/><a/></s:r>', {"a": [{"b": "1"}, ""]}, id="names-without-prefix"
        ),
        pytest.param("<s:r><x:a>1</x:a></s:r>", {"a": "1"}, id="prefixes-that-nobody-declares"),
        pytest.param('<r><a xsi:nil="true" b="1"/><c xsi:nil="false">1</c></r>', {"a": None, "c": "1"}, id="nil"),
        pytest.param('<!DOCTYPE r SYSTEM "file:///etc/hostname"><r>&nbsp;x</r>', "\xa0x", id="an-entity-of-html"),
        pytest.param('<!DOCTYPE r PUBLIC "-//X" "http://127.0.0.1:1/x.dtd"><r>x</r>', "x", id="an-external-type"),
        pytest.param("<r><a><b><c>1</c></b></a></r>", {"a": {"b": {"c": "1"}}}, id="nested"),
    ],
)
def test_what_elements_become(serving: Any, body: str, expected: object) -> None:
    assert expected == serving.read("xml", body, "application/xml")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param("<r>é中</r>".encode(), None, id="utf-8"),
        pytest.param("\ufeff<r>é中</r>".encode(), "text/xml", id="utf-8-with-a-mark"),
        pytest.param("<r>é中</r>".encode("utf-16"), "application/xml", id="utf-16-with-a-mark"),
        pytest.param("<r>é中</r>".encode("utf-16-le"), "application/xml", id="utf-16-without"),
        pytest.param((PROLOG.format("UTF-16") + "<r>é中</r>").encode("utf-16"), None, id="utf-16-that-says-so"),
        pytest.param((PROLOG.format("utf-16") + "<r>é中</r>").encode(), None, id="utf-8-that-says-utf-16"),
        pytest.param((PROLOG.format("GBK") + "<r>é中</r>").encode("gbk"), None, id="gbk-that-says-so"),
        pytest.param("<r>é中</r>".encode("gb18030"), "text/xml; charset=gb18030", id="gb18030-by-content-type"),
        pytest.param(
            (PROLOG.format("ISO-8859-1") + "<r>é中</r>").encode(), 'text/xml; charset="UTF-8"', id="content-type-wins"
        ),
    ],
)
def test_charsets(serving: Any, body: bytes, content_type: str | None) -> None:
    assert "é中" == serving.read("xml", body, content_type)


BOMB = "".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9)
)  # each entity is ten of the one before


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param("not xml", None, id="text"),
        pytest.param("{}", "application/json", id="json"),
        pytest.param("<r>", None, id="not-closed"),
        pytest.param("<r></s>", None, id="closed-by-another"),
        pytest.param("<r/><r/>", None, id="two-roots"),
        pytest.param("<r a=1/>", None, id="an-attribute-without-quotes"),
        pytest.param('<r a="1" a="2"/>', None, id="an-attribute-twice"),
        pytest.param("<r>&nope</r>", None, id="a-reference-not-closed"),
        pytest.param("<r>&nope;</r>", None, id="an-entity-nobody-declares"),
        pytest.param("<r>é</r>".encode("latin-1"), None, id="not-of-its-charset"),
        pytest.param("<r>é</r>".encode(), "text/xml; charset=ascii", id="not-of-the-charset-named"),
        pytest.param(PROLOG.format("nope") + "<r/>", None, id="an-unknown-charset"),
        pytest.param(PROLOG.format("unicode_escape") + "<r/>", None, id="a-codec-that-is-no-charset"),
        pytest.param("<r>\0</r>", None, id="nul"),
        pytest.param(f'<!DOCTYPE r [<!ENTITY a "lol">{BOMB}]><r>&j;</r>', None, id="a-bomb-of-entities"),
        pytest.param('<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]><r>&a;</r>', None, id="a-file"),
        pytest.param(
            '<!DOCTYPE r [<!ENTITY % a SYSTEM "http://127.0.0.1:1/"> %a;]><r/>', None, id="a-parameter-entity"
        ),
        pytest.param('<!DOCTYPE r [<!ATTLIST r a CDATA "x">]><r/>', None, id="attributes-by-default"),
        pytest.param("<a>" * 100_000 + "</a>" * 100_000, None, id="deep"),
    ],
)
def test_what_is_not_xml(refused: Callable[..., None], body: bytes | str, content_type: str | None) -> None:
    refused("xml", body, content_type)


def test_nothing_stays_nothing(serving: Any) -> None:
    response = serving.answer("xml", b"", "application/xml")

    assert (200, b"") == (response.status_code, response.content)


def test_errors_are_not_read(serving: Any) -> None:
    response = serving.answer("xml", b"<error/>", "application/xml", status=404)

    assert (404, b"<error/>", "application/xml") == (
        response.status_code,
        response.content,
        response.headers["content-type"],
    )


OUTPUTS = """\
- {name: count, type: integer, mapping: $.count}
- {name: price, type: number, mapping: $.price}
- {name: sold, type: boolean, mapping: $.sold}
- {name: wrong, type: integer, mapping: $.name}
- {name: absent, type: string, mapping: $.absent}
- name: vessels
  type: array
  mapping: $.vessel
  items:
    type: object
    properties:
    - {name: id, type: integer, mapping: $.imo}
    - {name: ports, type: array, mapping: $.port}
- {name: names, type: array, mapping: "$.vessel[*].name"}
- {name: first, type: string, mapping: "$.vessel[0].name"}
- {name: tag, type: string, mapping: "$['tag'][0]"}
- {name: big, type: array, mapping: "$.crate[?@.size > 1].name"}
"""
VESSEL = '<vessel imo="{0}"><name>n{0}</name><port>p</port></vessel>'


@pytest.mark.parametrize("vessels", [1, 3])
def test_a_list_is_a_list_however_many_there_are(serving: Any, vessels: int) -> None:
    listed = "".join(VESSEL.format(n) for n in range(vessels))
    rest = "<count>7</count><price>1.50</price><sold>true</sold><name>x</name><tag>t</tag><crate><name>c</name></crate>"
    mapped = serving.answer("xml", f"<fleet>{listed}{rest}</fleet>", outputs=OUTPUTS).json()

    assert {
        "count": 7,
        "price": 1.5,
        "sold": True,
        "wrong": None,
        "absent": None,
        "vessels": [{"id": n, "ports": ["p"]} for n in range(vessels)],
        "names": [f"n{n}" for n in range(vessels)],
        "first": "n0",
        "tag": "t",
        "big": [],
    } == mapped


def test_a_tool_gets_the_same(serving: Any) -> None:
    outputs = "- {name: n, type: integer, mapping: $.n}"
    result = serving.tool("xml", b"<r><n>5</n></r>", "application/xml", outputs)

    assert {"n": 5} == result["structuredContent"]


def test_a_large_answer_costs_work_in_proportion(serving: Any) -> None:
    def read(count: int) -> None:
        rows = serving.read("xml", b"<r>" + b'<a b="1"><c>2</c></a>' * count + b"</r>")
        assert count == len(rows["a"])

    assert_linear(read, 25_000)
