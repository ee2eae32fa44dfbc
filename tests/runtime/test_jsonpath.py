"""JSONPath: the public compliance suite of RFC 9535, what goes beyond it, and what callers see of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.runtime import jsonpath
from cap_core.testing import Answered, gateway, upstream
from published import SHARED

SUITE = SHARED / "conformance" / "jsonpath-cts.json"
WHOLE = 703
"""The cases that the suite has."""


def typed(value: Any) -> str:
    """JSON text, in which 1, 1.0 and true are three values; the order of members is nobody's."""
    return json.dumps(value, sort_keys=True)


@pytest.fixture(scope="module")
def suite() -> list[dict[str, Any]]:
    """The cases of the JSONPath compliance test suite."""
    if not SUITE.is_file():
        pytest.skip(f"the compliance suite is not beside the checkout ({SUITE.parent.name}/{SUITE.name})")
    cases: list[dict[str, Any]] = json.loads(SUITE.read_text("utf-8"))["tests"]
    assert WHOLE == len(cases)
    return cases


def test_every_valid_path_of_the_suite_finds_what_it_should(suite: list[dict[str, Any]]) -> None:
    wrong = []
    for case in suite:
        if not case.get("invalid_selector"):
            nodes = jsonpath.compile(case["selector"]).nodes(case["document"])
            if typed(nodes) not in [typed(one) for one in case.get("results", [case.get("result")])]:
                wrong.append((case["selector"], nodes))

    assert [] == wrong


def test_a_path_of_the_suite_finds_its_one_value_or_the_list_of_all(suite: list[dict[str, Any]]) -> None:
    wrong = []
    for case in suite:
        if not case.get("invalid_selector"):
            query = jsonpath.compile(case["selector"])
            nodes, found = query.nodes(case["document"]), query.find(case["document"])
            many = any(isinstance(step, jsonpath.Wild) for step in query.steps)
            right = nodes if many else (nodes[0] if nodes else None)
            if found != right and not (many and not nodes and found is None):
                wrong.append((case["selector"], found))

    assert [] == wrong


def test_every_invalid_path_of_the_suite_is_refused_in_one_line(suite: list[dict[str, Any]]) -> None:
    for case in suite:
        if case.get("invalid_selector"):
            with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
                jsonpath.compile(case["selector"])


@pytest.mark.parametrize(
    ("path", "document", "found"),
    [
        ("$.", [1], [1]),
        ("$", "text", "text"),
        ("$.a.length", {"a": [1, None]}, 2),
        ("$.a.length", {"a": {"length": "x"}}, "x"),
        ("$.a.length", {"a": "text"}, None),
        ("$.first name", {"first name": 1}, 1),
        ("$.a.first name[0].b", {"a": {"first name": [{"b": 1}]}}, 1),
        ("$.people[*].first name", {"people": [{"first name": "A"}, {}]}, ["A"]),
        ("$.people[?@.x == '.a b'].first name", {"people": [{"x": ".a b", "first name": 1}]}, [1]),
        ("$.rate-limit", {"rate-limit": 1}, 1),
        ("$.\U0001f600", {"\U0001f600": 1}, 1),
        ("$.a[-1].", {"a": [1, 2]}, 2),
        ("$.a[*].b", {"a": [{"b": 1}, {"b": None}, {}, 7, {"b": 3}]}, [1, None, 3]),
        ("$.a[*].b[*]", {"a": [{"b": [1, None]}, {"b": 5}, {"b": [2]}]}, [1, None, 2]),
        ("$.a[*]", {"a": {"x": 1, "y": None}}, [1, None]),
        ("$.a[*]", {}, None),
        ('$["a\\nb"]', {"a\nb": 2, "anb": 4}, 2),
        ("$['a\\u0062']", {"ab": 1, "au0062": 3}, 1),
        ("$..a", "text", []),
    ],
)
def test_what_a_path_finds(path: str, document: object, found: object) -> None:
    assert found == jsonpath.compile(path).find(document)


@pytest.mark.parametrize("path", ["", "a", "$.a b c.", "$a", "$." + "a." * 600, "$.a | $.b", "$.a " + "[" * 400])
def test_what_is_no_path_is_refused_in_one_line(path: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$"):
        jsonpath.compile(path)


MAPPED = """\
- path: /things/{id}
  operations:
  - method: GET
    name: get-thing
    call: api.get-thing
    outputParameters:
    - {name: names, type: array, mapping: '$.items[*].name'}
    - {name: ids, type: array, mapping: '$.items[*].id'}
    - {name: deep, type: array, mapping: '$..id'}
"""


@pytest.fixture
def mapped(things: Callable[..., Path], get_thing: str) -> Path:
    """Outputs that find many values."""
    return things(get_thing, MAPPED)


def test_null_stays_in_lists_so_that_they_align(mapped: Path) -> None:
    items = b'{"items":[{"id":1,"name":"a"},{"id":2,"name":null},{"id":3,"name":"c"}]}'
    with upstream(lambda r: Answered(body=items)) as api, gateway(mapped, base_uris={"api": api.url}) as cap:
        found = httpx.get(cap.url + "/things/7").json()

    assert (["a", None, "c"], [1, 2, 3]) == (found["names"], found["ids"])


def test_an_answer_nested_deeper_than_a_path_can_follow_is_malformed(mapped: Path) -> None:
    deep = b'{"a":' * 200 + b'{"id":1}' + b"}" * 200
    with upstream(lambda r: Answered(body=deep)) as api, gateway(mapped, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (502, "urn:cap:problem:upstream-malformed") == (response.status_code, response.json()["type"])
    assert "nested too deep" in response.json()["detail"]
