"""Values that are hard to hold reach the upstream as they were sent, or are refused as any wrong value is."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import Running, Upstream, gateway, upstream

CONSUMES = """\
resources:
- path: /things
  operations:
  - name: put-thing
    method: POST
    inputParameters:
    - {name: whole, in: body, type: integer}
    - {name: amount, in: body, type: number}
    - {name: list, in: body, type: array}
    - {name: tree, in: body, type: object}
    - {name: text, in: body, type: string}
    - {name: any, in: body}
    - {name: asked, in: query, type: object}
- path: /yaml
  operations:
  - {name: put-yaml, method: POST, body: {type: yaml, data: {any: '{{tools.any}}'}}}
- path: /form
  operations:
  - {name: put-form, method: POST, body: {type: form, data: {any: '{{tools.any}}'}}}
- path: /text
  operations:
  - {name: put-text, method: POST, body: {type: text, data: '{{tools.any}}'}}
"""
NAMES = ["thing", "yaml", "form", "text"]
REST = "\n".join(
    f"- path: /{name}\n  operations:\n  - {{method: POST, name: put-{name}, call: api.put-{name}}}" for name in NAMES
)
TOOLS = "\n".join(f"- {{name: put-{name}, description: Put it., call: api.put-{name}}}" for name in NAMES)


@pytest.fixture
def path(things: Callable[..., Path]) -> Path:
    return things(CONSUMES, REST, TOOLS)


@pytest.fixture
def served(path: Path) -> Iterator[tuple[Running, Upstream]]:
    with upstream() as api, gateway(path, base_uris={"api": api.url}) as cap:
        yield cap, api


def call(cap: Running, tool: str, arguments: str) -> dict[str, Any]:
    """The result of a tool; its arguments are JSON text."""
    params = f'{{"name":"{tool}","arguments":{arguments}}}'
    body = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'
    answer = httpx.post(cap.url + "/mcp", content=body, headers={"content-type": "application/json"})
    result: dict[str, Any] = answer.json()["result"]
    return result


def post(cap: Running, path: str, body: str) -> httpx.Response:
    return httpx.post(cap.url + path, content=body, headers={"content-type": "application/json"})


HUGE = ["1e999", "-1E400", "9" * 5000]


@pytest.mark.parametrize("number", HUGE)
@pytest.mark.parametrize("name", ["whole", "amount"])
def test_a_number_too_large_for_its_type_is_a_wrong_argument(
    served: tuple[Running, Upstream], name: str, number: str
) -> None:
    cap, api = served
    told = call(cap, "put-thing", f'{{"{name}":{number}}}')
    answer = post(cap, "/thing", f'{{"{name}":{number}}}')

    noun = {"whole": "an integer", "amount": "a number"}[name]
    assert told["isError"] is True
    assert (
        f"argument {name} must be {noun} that this gateway can hold, not {number[:10]}"[:60]
        in told["content"][0]["text"]
    )
    assert answer.status_code == 400
    assert f"must be {noun} that this gateway can hold" in answer.json()["detail"]
    assert api.requests == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("any", "1e999"),
        ("any", "9" * 5000),
        ("any", '{"a":[1e999,1.50],"b":{"c":-1E400}}'),
        ("list", "[1,1e999]"),
        ("list", "[[[1e999]]]"),
        ("tree", '{"a":{"b":1e999}}'),
    ],
)
def test_a_number_that_nobody_has_to_hold_goes_on_as_it_is(
    served: tuple[Running, Upstream], name: str, value: str
) -> None:
    cap, api = served
    told = call(cap, "put-thing", f'{{"{name}":{value}}}')
    answer = post(cap, "/thing", f'{{"{name}":{value}}}')

    assert "isError" not in told
    assert answer.status_code == 200
    sent = [json.loads(request.body, parse_int=str, parse_float=float) for request in api.requests]
    assert [{name: json.loads(value, parse_int=str, parse_float=float)}] * 2 == sent


@pytest.mark.parametrize(
    ("name", "value", "noun"),
    [("list", '{"a":1e999}', "a list"), ("tree", "[1e999]", "an object"), ("text", "1e999", "a string")],
)
def test_the_type_around_such_a_number_is_checked_all_the_same(
    served: tuple[Running, Upstream], name: str, value: str, noun: str
) -> None:
    cap, api = served

    assert f"{name} must be {noun}, not" in call(cap, "put-thing", f'{{"{name}":{value}}}')["content"][0]["text"]
    assert f"{name} must be {noun}, not" in post(cap, "/thing", f'{{"{name}":{value}}}').json()["detail"]
    assert api.requests == []


@pytest.mark.parametrize(
    ("name", "expected"), [("yaml", b"any: !!float '1e999'\n"), ("form", b"any=1e999"), ("text", b"1e999")]
)
def test_bodies_that_are_not_json_have_the_number_too(
    served: tuple[Running, Upstream], name: str, expected: bytes
) -> None:
    cap, api = served
    call(cap, f"put-{name}", '{"any":1e999}')
    post(cap, f"/{name}", '{"any":1e999}')

    assert [expected, expected] == [request.body for request in api.requests]


def test_an_object_in_a_query_may_have_such_a_number(served: tuple[Running, Upstream]) -> None:
    cap, api = served
    answer = httpx.post(cap.url + "/thing", params={"asked": '{"a":1e999}'})

    assert answer.status_code == 200
    assert b"1e999" in api.requests[0].target


@pytest.mark.parametrize(
    ("argument", "code", "said"),
    [
        ("amount:=1e999", 1, "must be a number that this gateway can hold, not 1e999"),
        ("amount=1e999", 1, "must be a number that this gateway can hold, not 1e999"),
        ("any:=[1e999]", 0, ""),
        ("list=[1e999]", 0, ""),
        ('tree={"a":1e999}', 0, ""),
        ("any:=[1e999,", 2, "is not followed by JSON"),
        (r'any:="\ud800"', 2, "half of a character"),
    ],
)
def test_the_command_line_takes_the_same_numbers(path: Path, argument: str, code: int, said: str) -> None:
    with upstream() as api:
        command = [sys.executable, "-m", "cap_core", "call", str(path), "put-thing", argument]
        done = subprocess.run([*command, "--base-uri", f"api={api.url}"], capture_output=True, text=True)

    assert (done.returncode, len(api.requests)) == (code, 1 - min(code, 1)), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("depth", [300, 900, 990, 1000, 5_000, 200_000])
@pytest.mark.parametrize("number", ["1", "1e999"])
def test_a_deep_argument_is_sent_or_refused(served: tuple[Running, Upstream], depth: int, number: str) -> None:
    cap, _ = served
    body = f'{{"any":{"[" * depth}{number}{"]" * depth}}}'
    params = f'{{"name":"put-thing","arguments":{body}}}'
    message = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}'
    answer = httpx.post(cap.url + "/mcp", content=message, headers={"content-type": "application/json"})

    assert answer.json().get("error", {}).get("code") in (None, -32700)
    assert post(cap, "/thing", body).status_code in (200, 400)
