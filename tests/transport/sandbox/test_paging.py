"""Lists are cut, ordered and filtered exactly by what the document declares."""

from __future__ import annotations

import pytest

PAGED = "GET /things limit:integer after before order"


def ids(answer) -> list[int]:
    return [int(item["id"].removeprefix("thing_")) for item in answer.json()["data"]]


@pytest.fixture
def seven(direct):
    """A collection of seven things, and what lists it."""

    def make(listing=PAGED):
        api = direct(listing, "POST /things")
        for n in range(1, 8):
            api("POST", "/things", {"n": n, "even": n % 2 == 0, "Kind_Of": "ab"[n % 2], "half": n / 2})
        return api

    return make


@pytest.mark.parametrize(
    ("query", "expected", "more"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7], False),
        ("limit=3", [1, 2, 3], True),
        ("limit=7", [1, 2, 3, 4, 5, 6, 7], False),
        ("limit=1000", [1, 2, 3, 4, 5, 6, 7], False),
        ("limit=" + "9" * 5000, [1, 2, 3, 4, 5, 6, 7], False),
        ("after=thing_3", [4, 5, 6, 7], False),
        ("after=thing_3&limit=2", [4, 5], True),
        ("after=thing_7", [], False),
        ("before=thing_3", [1, 2], False),
        ("before=thing_6&limit=2", [4, 5], True),
        ("before=thing_3&limit=2", [1, 2], False),
        ("before=thing_1&limit=2", [], False),
        ("after=thing_2&before=thing_6", [3, 4, 5], False),
        ("after=thing_2&before=thing_6&limit=2", [3, 4], True),
        ("order=desc", [7, 6, 5, 4, 3, 2, 1], False),
        ("order=DESC&limit=2", [7, 6], True),
        ("order=desc&after=thing_3", [2, 1], False),
        ("order=asc&limit=2", [1, 2], True),
        ("after=2024-01-01", [1, 2, 3, 4, 5, 6, 7], False),
        ("limit=2&limit=3", [1, 2, 3], True),
    ],
)
def test_the_part_that_is_asked_for(seven, query, expected, more) -> None:
    answer = seven()("GET", "/things?" + query)
    envelope = answer.json()

    assert expected == ids(answer)
    assert more == envelope["has_more"]
    assert [f"thing_{n}" for n in (*expected[:1], *expected[-1:])] or [None, None] == [
        envelope["first_id"],
        envelope["last_id"],
    ]


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", ""])
def test_a_limit_that_is_none_is_refused(seven, value) -> None:
    answer = seven()("GET", f"/things?limit={value}")

    assert 400 == answer.status
    assert "limit must be a whole number of at least 1" == answer.json()["error"]["message"]


def test_twenty_are_given_where_more_could_be_asked_for(direct) -> None:
    api = direct(PAGED, "POST /things")
    for _ in range(25):
        api("POST", "/things")

    assert list(range(1, 21)) == ids(api("GET", "/things"))


def test_going_through_the_pages_gives_each_item_once(seven) -> None:
    api, seen, cursor, more = seven(), [], "", True
    while more:
        page = api("GET", "/things?limit=3" + cursor)
        seen += ids(page)
        cursor, more = f"&after={page.json()['last_id']}", page.json()["has_more"]

    assert [1, 2, 3, 4, 5, 6, 7] == seen


@pytest.mark.parametrize(
    ("listing", "query", "expected"),
    [
        ("GET /things pageSize:integer page:integer", "pageSize=3&page=2", [4, 5, 6]),
        ("GET /things pageSize:integer page:integer", "pageSize=3&page=0", [1, 2, 3]),
        ("GET /things per_page:integer page:integer", "per_page=3&page=9", []),
        ("GET /things max-results:integer starting_after", "max-results=2&starting_after=thing_2", [3, 4]),
        ("GET /things LIMIT:integer Offset:integer", "LIMIT=2&Offset=4", [5, 6]),
        ("GET /things skip:integer", "skip=5", [6, 7]),
        ("GET /things ending_before sort-order", "sort-order=desc&ending_before=thing_6", [7]),
    ],
)
def test_parameters_are_known_by_any_spelling(seven, listing, query, expected) -> None:
    assert expected == ids(seven(listing)("GET", "/things?" + query))


@pytest.mark.parametrize(
    ("listing", "query"),
    [
        ("GET /things", "limit=1&after=thing_3&order=desc"),
        ("GET /things limit:integer", "after=thing_3&order=desc&n=1"),
        ("GET /things limit:array n:object", "limit=1&n=1"),
        ("GET /things limit:integer:header", "limit=1"),
    ],
)
def test_what_is_not_declared_means_nothing(seven, listing, query) -> None:
    assert [1, 2, 3, 4, 5, 6, 7] == ids(seven(listing)("GET", "/things?" + query))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("n=3", [3]),
        ("even=true", [2, 4, 6]),
        ("kindOf=a", [2, 4, 6]),
        ("half=2.5", [5]),
        ("n=3&even=true", []),
        ("n=99", []),
        ("color=red", [1, 2, 3, 4, 5, 6, 7]),
        ("even=true&limit=2", [2, 4]),
    ],
)
def test_other_parameters_filter_by_the_member_of_that_name(seven, query, expected) -> None:
    api = seven("GET /things n:integer even:boolean kindOf half:number color limit:integer")

    assert expected == ids(api("GET", "/things?" + query))


def test_only_items_that_have_the_member_can_fit(direct) -> None:
    api = direct("GET /things color", "POST /things")
    api("POST", "/things", {"color": "red"})
    api("POST", "/things")

    assert [1] == ids(api("GET", "/things?color=red"))


def test_an_address_that_a_document_has_twice_takes_the_parameters_of_both(seven) -> None:
    api = seven("GET /things?view=all limit:integer")
    both = seven("GET /things limit:integer")

    assert [1, 2] == ids(api("GET", "/things?view=all&limit=2"))
    assert [1, 2] == ids(both("GET", "/things?limit=2"))
