"""`maxLength` and `values`: what an input may be, and what an output becomes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
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
        ({"order": "sideways"}, "query order must be one of down, up"),
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
