"""HTML: tables as lists of objects, chosen by a CSS selector, in bounded time whatever a page holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from effort import at_most

QUICK = 15_000
"""Units of work that the worst page may cost, about 20 seconds; most cost a tenth of it."""

TABLE = "<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>"
ROW = [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("page", "tables"),
    [
        pytest.param(TABLE, [ROW], id="the-first-row-names-the-columns"),
        pytest.param("<table><tr><th>a<th>b<tr><td>1<td>2", [ROW], id="end-tags-left-out"),
        pytest.param(
            "<table><thead><tr><td>a</td><td>b</td></tr></thead><tbody><tr><td>1<td>2</tbody></table>",
            [ROW],
            id="a-head-of-plain-cells",
        ),
        pytest.param(
            "<table><tbody><tr><td>1<td>2</tbody><thead><tr><th>a<th>b</thead></table>", [ROW], id="a-head-that-follows"
        ),
        pytest.param(
            "<table><tr><th>a<th>b<tr><td>1<td>2<tfoot><tr><td>sum<td>2</tfoot></table>", [ROW], id="no-row-of-a-foot"
        ),
        pytest.param("<table><tr><th>a<th>b<tr><th colspan=2>part<tr><td>1<td>2</table>", [ROW], id="no-heading-row"),
        pytest.param(
            "<table><tr><td></td><th>b</th></tr><tr><th>x</th><td>2</td></tr></table>",
            [[{"": "x", "b": "2"}]],
            id="a-corner-and-rows-with-names",
        ),
        pytest.param("<table><tr><td>1</td></tr></table>", [], id="no-names-no-table"),
        pytest.param("<table><tr><th>name</th><td>x</td></tr></table>", [], id="names-beside-values-are-no-header"),
        pytest.param("<table><tr><th>a</th></tr></table>", [[]], id="a-header-alone"),
        pytest.param("<table></table>", [], id="an-empty-table"),
        pytest.param("<p>no table</p>", [], id="no-table"),
        pytest.param("<table><tr><th>a<th>a<tr><td>1<td>2", [[{"a": "1", "a_2": "2"}]], id="a-name-again"),
        pytest.param("<table><tr><th>a<th>b<tr><td>1", [[{"a": "1", "b": ""}]], id="a-missing-cell"),
        pytest.param("<table><tr><th>a<th>b<tr><td>1<td>2<td>3", [ROW], id="a-cell-too-many"),
        pytest.param(
            "<table><tr><th>a<th>b<th>c<tr><td colspan=2>1<td>2<tr><td rowspan=2>3<td>4<td>5<tr><td>6<td>7</table>",
            [[{"a": "1", "b": "", "c": "2"}, {"a": "3", "b": "4", "c": "5"}, {"a": "", "b": "6", "c": "7"}]],
            id="cells-that-span",
        ),
        pytest.param(
            "<table><tr><th> a \n b <tr><td>  1<br>2 <b>3</b>4<script>no</script><!-- no --><p>5</p>&amp;&eacute;",
            [[{"a b": "1 2 34 5 &é"}]],
            id="text-as-it-is-read",
        ),
        pytest.param(f"<div>{TABLE}<table><tr><th>c<tr><td>3</table></div>", [ROW, [{"c": "3"}]], id="two-tables"),
        pytest.param(
            f"<table><tr><th>c<tr><td>3{TABLE}</table>", [[{"c": "3"}], ROW], id="a-table-inside-stands-for-itself"
        ),
        pytest.param('{"not": "html"}', [], id="json"),
        pytest.param(b"\x00\x01\xff\xfe", [], id="bytes"),
        pytest.param("<div>" * 600 + TABLE, [ROW], id="deeper-than-a-browser-goes"),
        pytest.param("<div>" * 60_000 + TABLE, [], id="deeper-than-any-page"),
        pytest.param("<table><tr><th>a\x01b<tr><td>&#1;c", [[{"a b": "c"}]], id="control-characters"),
        pytest.param("<table><my:tag bad~name=1><tr><th>a<tr><td>1", [[{"a": "1"}]], id="names-no-tree-can-hold"),
    ],
)
def test_what_tables_become(serving: Any, page: bytes | str, tables: object) -> None:
    assert {"tables": tables} == serving.read("html", page, "text/html")


PAGE = (
    f'<h2 id=one>One</h2><table class="plain">{TABLE[7:]}<div id=box>'
    '<table class="wide data"><tr><th>c<tr><td>3</table><table><tr><th>d<tr><td>4</table></div>'
)


@pytest.mark.parametrize(
    ("selector", "tables"),
    [
        pytest.param("table.plain", [ROW], id="a-table"),
        pytest.param("#box", [[{"c": "3"}], [{"d": "4"}]], id="tables-inside"),
        pytest.param("#box, .data, table", [ROW, [{"c": "3"}], [{"d": "4"}]], id="each-once-in-order"),
        pytest.param("h2 + table", [ROW], id="a-neighbor"),
        pytest.param("div > table:nth-of-type(2)", [[{"d": "4"}]], id="a-position"),
        pytest.param("table[class~=data]", [[{"c": "3"}]], id="an-attribute"),
        pytest.param(".none", [], id="nothing"),
    ],
)
def test_tables_are_chosen_by_a_selector(serving: Any, selector: str, tables: object) -> None:
    assert {"tables": tables} == serving.read("html", PAGE, "text/html", f"outputSchema: '{selector}'")


@pytest.mark.parametrize(
    ("page", "content_type"),
    [
        pytest.param(TABLE.replace("1", "é").encode(), "text/html", id="utf-8"),
        pytest.param(TABLE.replace("1", "é").encode("cp1252"), "text/html; charset=windows-1252", id="content-type"),
        pytest.param(("<meta charset=latin1>" + TABLE.replace("1", "é")).encode("latin-1"), "text/html", id="meta"),
        pytest.param(
            ('<META http-equiv=Content-Type content="text/html; charset=GBK">' + TABLE.replace("1", "é")).encode("gbk"),
            None,
            id="an-old-meta",
        ),
        pytest.param(("<meta charset=latin1>" + TABLE.replace("1", "é")).encode("utf-8-sig"), None, id="a-mark"),
        pytest.param(
            ("<?xml version='1.0' encoding='latin1'?>" + TABLE.replace("1", "é")).encode(), None, id="xhtml-prolog"
        ),
    ],
)
def test_charsets(serving: Any, page: bytes, content_type: str | None) -> None:
    assert "é" == serving.read("html", page, content_type)["tables"][0][0]["a"]


def test_bytes_that_are_not_of_the_charset_are_replaced(serving: Any) -> None:
    assert "\ufffd" == serving.read("html", TABLE.replace("1", "é").encode("latin-1"))["tables"][0][0]["a"]


ATTRIBUTES = " ".join(f"a{n}=1" for n in range(300_000))


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(f"<p {ATTRIBUTES}>{TABLE}", id="attributes"),
        pytest.param("<b><i><u><s><a><code>" * 5_000 + TABLE, id="formatting"),
        pytest.param("<!--" * 500_000 + "-->" + TABLE, id="comments"),
        pytest.param("</p>" * 200_000 + TABLE, id="end-tags"),
        pytest.param("<a b='" * 200_000 + "'>" + TABLE, id="quotes"),
        pytest.param("&" * 1_000_000 + TABLE, id="ampersands"),
    ],
)
def test_pages_that_are_bombs_are_read_in_time(serving: Any, page: str) -> None:
    with at_most(QUICK):
        found = serving.read("html", page)["tables"]

    assert [ROW] == found or [] == found


@pytest.mark.parametrize(
    ("page", "beside"),
    [
        pytest.param("<p>" * 300_000, "", id="elements"),
        pytest.param("< " * 1_500_000, "", id="pieces-of-text"),
        pytest.param("<table><tr><th>" + "a" * 1_000_000 + "<tr><td>1" * 1000, "", id="a-header-that-makes-it-large"),
        pytest.param(TABLE * 20_000, "outputSchema: 'table:nth-of-type(3)'", id="siblings-compared"),
    ],
)
def test_what_is_too_much_is_refused_in_time(refused: Callable[..., None], page: str, beside: str) -> None:
    with at_most(QUICK):
        refused("html", page, beside=beside)


def test_cells_are_typed_by_the_outputs(serving: Any) -> None:
    outputs = """\
- name: rows
  type: array
  mapping: $.tables[0]
  items:
    type: object
    properties:
    - {name: a, type: integer}
    - {name: other, type: number, mapping: $.b}
"""
    assert {"rows": [{"a": 1, "other": 2}]} == serving.answer("html", TABLE, outputs=outputs).json()
