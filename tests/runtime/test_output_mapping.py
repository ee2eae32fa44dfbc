"""What an output becomes: `maxLength` and `values`, and where nested outputs without a mapping stand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from typing import Any

import httpx
import pytest

from cap_core.testing import Answered, gateway, upstream

CONSUMES = """
resources:
- name: notes
  path: /notes
  operations:
  - name: find
    method: GET
    inputParameters:
    - {name: word, in: query, type: string, maxLength: 5}
    - {name: order, in: query, type: string, values: [up, down]}
    - {name: count, in: query, type: integer, values: [10, 20], maxLength: 1}
  - name: write
    method: POST
    inputParameters:
    - {name: text, in: body, type: string}
"""
REST = """
- path: /notes
  name: notes
  operations:
  - {method: GET, name: find, call: api.find}
  - method: POST
    name: write
    call: api.write
    inputParameters: [{name: text, in: body, type: string, maxLength: 3}]
"""
TOOLS = """
- name: find
  description: Find.
  call: api.find
- name: short
  description: Find briefly.
  call: api.find
  outputParameters:
  - {name: title, type: string, mapping: $.title, maxLength: 3}
  - {name: sizes, type: object, mapping: $.sizes, values: {type: integer, mapping: $.n}}
"""


@pytest.fixture
def notes(things: Callable[..., Path]) -> Path:
    return things(CONSUMES, REST, TOOLS)


def rpc(url: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    result: dict[str, Any] = httpx.post(
        url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"}
    ).json()["result"]
    return result


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ({"word": "12345"}, None),
        ({"word": "ÄÖÜäö"}, None),
        ({"word": "123456"}, "query word must have at most 5 characters, not 6"),
        ({"order": "up"}, None),
        ({"order": "sideways"}, "query order must be one of up, down"),
        # A length is one of texts: it says nothing of a number.
        ({"count": "10"}, None),
        ({"count": "15"}, "query count must be one of 10, 20"),
    ],
)
def test_a_rest_caller_is_held_to_both(notes: Path, query: dict[str, str], fault: str | None) -> None:
    with upstream() as api, gateway(notes, base_uris={"api": api.url}) as cap:
        answer = httpx.get(cap.url + "/notes", params=query)

    assert (200 if fault is None else 400) == answer.status_code
    assert (fault is None) == bool(api.requests)
    assert fault is None or fault == answer.json()["detail"]


@pytest.mark.parametrize(("text", "status"), [("abc", 200), ("abcd", 400)])
def test_a_member_of_a_body_too(notes: Path, text: str, status: int) -> None:
    with upstream() as api, gateway(notes, base_uris={"api": api.url}) as cap:
        assert status == httpx.post(cap.url + "/notes", json={"text": text}).status_code


def test_a_tool_shows_both_and_is_held_to_them(notes: Path) -> None:
    with upstream() as api, gateway(notes, base_uris={"api": api.url}) as cap:
        find = rpc(cap.url, "tools/list", {})["tools"][0]["inputSchema"]["properties"]
        refused = rpc(cap.url, "tools/call", {"name": "find", "arguments": {"word": "123456", "order": "no"}})

    assert {"type": "string", "maxLength": 5} == find["word"]
    assert {"type": "string", "enum": ["up", "down"]} == find["order"]
    assert {"type": "integer", "enum": [10, 20]} == find["count"]
    assert refused["isError"]
    assert "at most 5 characters" in str(refused)
    assert "one of up, down" in str(refused)
    assert [] == api.requests


def test_outputs_are_cut_and_every_member_of_an_object_is_shaped(notes: Path) -> None:
    answer = Answered(body=b'{"title": "abcdef", "sizes": {"a": {"n": "1", "x": 0}, "b": {"n": 2}}}')
    with upstream(lambda r: answer) as api, gateway(notes, base_uris={"api": api.url}) as cap:
        out = rpc(cap.url, "tools/call", {"name": "short", "arguments": {}})

    assert {"title": "abc", "sizes": {"a": 1, "b": 2}} == out["structuredContent"]


# --- nested outputs without a mapping --------------------------------------------------------------------------------

SHIP = """\
- name: ship
  type: object
  mapping: $.
  properties:
  - {name: imo, type: string, mapping: $.imo_number}
  - name: specs
    type: object
    properties:
    - {name: yearBuilt, type: number, mapping: $.year_built}
    - name: engine
      type: object
      properties:
      - {name: power, type: integer, mapping: $.engine_power}
      - {name: maker, type: string}
  - {name: flag, type: string}
"""
PORTS = """\
- name: ports
  type: array
  mapping: $.ports
  items:
    type: object
    properties:
    - {name: name, type: string}
    - name: place
      type: object
      properties:
      - {name: lat, type: number, mapping: $.latitude}
"""
ROWS = """\
- name: table
  type: object
  mapping: $.
  properties:
  - name: rows
    type: array
    items: {type: string, mapping: $.id}
"""
MATRIX = """\
- name: matrix
  type: array
  mapping: $.
  items:
    type: object
    properties:
    - {name: cells, type: array, items: {type: integer}}
"""
TOP = "- {name: specs, type: object, properties: [{name: yearBuilt, type: number, mapping: $.year_built}]}"


@pytest.fixture
def both(things: Callable[..., Path], get_thing: str) -> Callable[[str, object], tuple[object, object]]:
    """What REST and MCP make of an answer with these outputs."""

    def ask(outputs: str, answer: object) -> tuple[object, object]:
        rest = "- path: /things/{id}\n  operations:\n  - method: GET\n    name: get-thing\n    call: api.get-thing\n"
        tool = "- name: get-thing\n  description: d\n  call: api.get-thing\n"
        document = things(
            get_thing,
            rest + "    outputParameters:\n" + indent(outputs, "    "),
            tool + "  outputParameters:\n" + indent(outputs, "  "),
        )
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
        params = {"name": "get-thing", "arguments": {"id": "7"}}
        body = json.dumps(answer).encode()
        with upstream(lambda r: Answered(body=body)) as api, gateway(document, base_uris={"api": api.url}) as cap:
            reply = httpx.post(
                cap.url + "/mcp", json={**message, "params": params}, headers={"mcp-protocol-version": "2025-11-25"}
            )
            return httpx.get(cap.url + "/things/7").json(), reply.json()["result"]["structuredContent"]

    return ask


@pytest.mark.parametrize(
    ("outputs", "answer", "found"),
    [
        pytest.param(
            SHIP,
            {"imo_number": "I", "year_built": 2015, "engine_power": 9, "maker": "M", "flag": "NO"},
            {
                "ship": {
                    "imo": "I",
                    "specs": {"yearBuilt": 2015, "engine": {"power": 9, "maker": "M"}},
                    "flag": "NO",
                }
            },
            id="on-the-element-itself-at-every-depth",
        ),
        pytest.param(
            SHIP,
            {"imo_number": "I", "year_built": 1, "specs": {"year_built": 2015, "engine": {"engine_power": 9}}},
            {
                "ship": {
                    "imo": "I",
                    "specs": {"yearBuilt": 2015, "engine": {"power": 9, "maker": None}},
                    "flag": None,
                }
            },
            id="on-the-member-of-its-name-where-there-is-one",
        ),
        pytest.param(
            SHIP,
            {"imo_number": "I", "year_built": 2015, "specs": "see below", "engine": None},
            {"ship": {"imo": "I", "specs": {"yearBuilt": 2015, "engine": None}, "flag": None}},
            id="not-on-a-member-that-is-no-object",
        ),
        pytest.param(
            PORTS,
            {"ports": [{"name": "A", "latitude": 1.5}, {"name": "B", "place": {"latitude": 2.5}}]},
            {"ports": [{"name": "A", "place": {"lat": 1.5}}, {"name": "B", "place": {"lat": 2.5}}]},
            id="in-each-item-of-a-list",
        ),
        pytest.param(ROWS, {"rows": [{"id": 1}, {"id": 2}]}, {"table": {"rows": ["1", "2"]}}, id="a-list-by-name"),
        pytest.param(ROWS, {"id": 1}, {"table": {"rows": None}}, id="a-list-that-is-not-there"),
        pytest.param(MATRIX, [{"cells": [1, 2]}], {"matrix": [{"cells": [1, 2]}]}, id="a-list-in-a-list"),
        pytest.param(TOP, {"year_built": 2015}, {"specs": {"yearBuilt": 2015}}, id="at-the-top"),
    ],
)
def test_nested_outputs_without_a_mapping(
    both: Callable[[str, object], tuple[object, object]], outputs: str, answer: object, found: object
) -> None:
    assert (found, found) == both(outputs, answer)


def test_a_list_that_is_the_element_itself_needs_no_mapping(
    both: Callable[[str, object], tuple[object, object]],
) -> None:
    outputs = "- {name: names, type: array, items: {type: string, mapping: $.name}}"

    assert ({"names": ["a", "b"]},) * 2 == both(outputs, [{"name": "a"}, {"name": "b"}])


def test_an_output_of_xml_stands_on_the_element_itself(things: Callable[..., Path], get_thing: str) -> None:
    outputs = """\
- path: /things/{id}
  operations:
  - method: GET
    name: get-thing
    call: api.get-thing
    outputParameters:
    - name: order
      type: object
      properties:
      - {name: lines, type: array, mapping: $.line, items: {type: string, mapping: $.sku}}
"""
    document = things(get_thing.replace("method: GET", "method: GET\n    outputRawFormat: xml"), outputs)
    one = Answered(headers=((b"content-type", b"application/xml"),), body=b"<o><line><sku>A</sku></line></o>")
    with upstream(lambda r: one) as api, gateway(document, base_uris={"api": api.url}) as cap:
        assert {"order": {"lines": ["A"]}} == httpx.get(cap.url + "/things/7").json()
