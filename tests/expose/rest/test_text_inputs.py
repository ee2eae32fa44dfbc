"""Inputs that a request carries as text: path, query, headers, cookies."""

from __future__ import annotations

import pytest

from cap_core.plan.input_types import InputType


def test_text_stays_as_the_caller_spelt_it(made, values):
    inputs = [
        made.input("id", "path", "integer", required=True),
        made.input("price", "query", "number"),
        made.input("wild", "query", "boolean"),
    ]

    expected = {"id": "00123", "price": "1.50", "wild": "true"}
    assert expected == values(*inputs, call={"path": "/cats/{id}"}, params=["00123"], query=b"price=1.50&wild=true")


def test_placeholders_find_their_inputs_by_their_spelling(made, values):
    inputs = [made.input("runId", "path", wire="run-id"), made.input("thread", "path", wire="t")]
    path = "/{t}/x/{other}/{{ run-id }}.json"

    assert {"runId": "r", "thread": "1"} == values(*inputs, call={"path": path}, params=["1", "2", "r"])


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"", {}),
        (b"q=a", {"q": "a"}),
        (b"q=", {"q": ""}),
        (b"q", {"q": ""}),
        (b"q=a+b%20c%2B", {"q": "a b c+"}),
        (b"q=%C3%A9&q%5B%5D=x", {"q": "é", "q[]": "x"}),
        (b"&&q=a=b&", {"q": "a=b"}),
        (b"%71=a", {"q": "a"}),
        (b"q=a;b", {"q": "a;b"}),
        (b"Q=a&nobody=knows", {}),
        (b"many=1&many=&many=3", {"many": ["1", "", "3"]}),
        (b"many=1,2", {"many": ["1,2"]}),
    ],
)
def test_a_query_is_read_once_and_unknown_names_are_ignored(made, values, query, expected):
    inputs = [made.input("q"), made.input("q[]"), made.input("many", type="array")]

    assert expected == values(*inputs, query=query)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"limit=abc", ["query limit must be an integer, not 'abc'"]),
        (b"limit=", ["query limit must be an integer, not ''"]),
        (b"limit=1.0", ["query limit must be an integer, not '1.0'"]),
        (b"limit=1&limit=2", ["query limit is given twice"]),
        (b"limit=%ff", ["query limit is not UTF-8 text"]),
        (b"tag=new&tag=odd", ["query tag must be one of new, old"]),
        (b"filter=[1]", ["query filter must be a JSON object"]),
    ],
)
def test_a_query_that_is_wrong_is_refused(made, field_errors, query, expected):
    inputs = [
        made.input("limit", type="integer"),
        made.input("tag", type="array", items=InputType(enum=("new", "old"))),
        made.input("filter", type="object"),
    ]

    assert expected == field_errors(*inputs, query=query)


def test_one_refusal_names_every_fault(made, ask):
    inputs = [
        made.input("id", "path", "integer", required=True),
        made.input("X-Age", "header", "number"),
        made.input("limit", type="integer"),
        made.input("after", required=True),
        made.input("name", "member", required=True),
    ]
    request = {"params": ["x"], "headers": [("x-age", "old")], "query": b"limit=many"}
    got, runs = ask(*inputs, call={"path": "/cats/{id}", "method": "POST"}, **request)

    expected = [
        {"where": "path id", "what": "must be an integer, not 'x'"},
        {"where": "header X-Age", "what": "must be a number, not 'old'"},
        {"where": "query limit", "what": "must be an integer, not 'many'"},
        {"where": "query after", "what": "is required and missing"},
        {"where": "body member name", "what": "is required and missing"},
    ]
    assert expected == got.json["errors"]
    assert "query limit must be an integer, not 'many'; query after is required" in got.detail
    assert ("urn:cap:problem:invalid-input", "cats.yaml:40:7") == (got.json["type"], got.json["spec"])
    assert [] == runs.asked


def test_headers_match_in_any_case_and_lists_split_at_commas(made, values):
    inputs = [made.input("X-Tag", "header"), made.input("X-Ids", "header", "array")]
    headers = [("x-tag", "Caf\xc3\xa9"), ("x-ids", "1, 2"), ("x-ids", "3")]

    assert {"X-Tag": "Café", "X-Ids": ["1", "2", "3"]} == values(*inputs, headers=headers)


def test_a_header_given_twice_is_refused(made, field_errors):
    twice = [("x-tag", "a"), ("x-tag", "b")]

    assert ["header X-Tag is given twice"] == field_errors(made.input("X-Tag", "header"), headers=twice)


def test_cookies_are_found_by_their_exact_name(made, values):
    headers = [("cookie", "SESSION=no; session=a=b; theme=dark%20blue"), ("cookie", "ids=1")]
    inputs = [made.input("session", "cookie"), made.input("theme", "cookie"), made.input("ids", "cookie", "array")]

    assert {"session": "a=b", "theme": "dark blue", "ids": ["1"]} == values(*inputs, headers=headers)


def test_the_query_says_what_the_header_does_not(made, values, field_errors):
    item = made.input("accept", "header", also=("query",))

    assert {"accept": "text/csv"} == values(item, query=b"accept=text/csv")
    assert {"accept": "*/*"} == values(item, query=b"accept=text/csv", headers=[("accept", "*/*")])
    assert ["query accept is given twice"] == field_errors(item, query=b"accept=a&accept=b")
