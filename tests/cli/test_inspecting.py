"""`cap explain`, `cap list` and `cap plugins`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Cap = Callable[..., subprocess.CompletedProcess[str]]

AUTH = "authentication: {type: bearer, token: '{{env.THINGS_KEY}}'}\n"

INSTALLED = """
from pathlib import Path
from cap_core import CapabilitySource, hookimpl

@hookimpl
def cap_capabilities():
    return [CapabilitySource("installed", Path(__file__).parent / "things.yaml")]
"""


@pytest.fixture
def guarded(things: Callable[..., Path], get_thing: str) -> Path:
    """A document whose upstream wants a key."""
    return things(AUTH + get_thing, tools="- {name: get-thing, description: Get it., call: api.get-thing}")


def test_explain_shows_the_request_without_its_secret(cap: Cap, guarded: Path) -> None:
    result = cap("explain", guarded.name, "get-thing", "id=a b", THINGS_KEY="s3cret")

    assert result.returncode == 0
    assert "GET https://api.example/base/things/a%20b\n" in result.stdout
    assert "Authorization: Bearer ***\n" in result.stdout
    assert "s3cret" not in result.stdout + result.stderr
    lines = {line[:12].strip(): line for line in result.stdout.splitlines()}
    assert "input id" in lines["path id"]
    assert "things.yaml:" in lines["path id"]


def test_explain_says_what_is_missing(cap: Cap, guarded: Path) -> None:
    assert "THINGS_KEY is not set" in cap("explain", guarded.name, "get-thing", "id=1", THINGS_KEY="").stdout


def test_explain_names_the_flag_a_value_came_from(cap: Cap, guarded: Path) -> None:
    result = cap(
        "explain", guarded.name, "get-thing", "id=1", "--base-uri", "api=http://127.0.0.1:9", "--format", "json"
    )

    explained = json.loads(result.stdout)
    assert explained["request"]["url"] == "http://127.0.0.1:9/things/1"
    assert next(one for one in explained["values"] if one["place"] == "base URI")["at"] == "--base-uri"


def test_explain_says_what_is_missing_and_shows_the_rest(cap: Cap, guarded: Path) -> None:
    result = cap("explain", guarded.name, "get-thing", "--format", "json")

    explained = json.loads(result.stdout)
    assert (result.returncode, explained["request"]) == (0, None)
    assert explained["refused"] == "argument id is required and missing"
    assert {"place": "path id", "value": None} == {
        key: value
        for origin in explained["values"]
        if origin["place"] == "path id"
        for key, value in origin.items()
        if key in ("place", "value")
    }


def test_explain_keeps_what_is_right_beside_what_is_wrong(cap: Cap, guarded: Path) -> None:
    explained = json.loads(cap("explain", guarded.name, "get-thing", "id=7", "nope=1", "--format", "json").stdout)

    assert "'nope' is not known" in explained["refused"]
    assert ["7"] == [origin["value"] for origin in explained["values"] if origin["place"] == "path id"]


def test_list_shows_what_is_installed(cap: Cap, thing: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(INSTALLED)
    only = "--only-plugins", "mine,expose-rest,expose-mcp,binding-environment,output-json"
    (found,) = json.loads(cap("list", "--plugin", "mine.py", *only, "--format", "json").stdout)

    assert (found["name"], found["title"], found["routes"], found["tools"]) == ("installed", "Things", 1, 1)
    lines = cap("list", "--plugin", "mine.py", *only).stdout.splitlines()
    assert lines[0].split() == ["NAME", "TITLE", "ROUTES", "TOOLS", "DOCUMENT"]
    assert lines[1].split()[:4] == ["installed", "Things", "1", "1"]


def test_list_without_any(cap: Cap) -> None:
    result = cap("list", "--only-plugins", "expose-rest", "--format", "json")

    assert (result.returncode, json.loads(result.stdout)) == (0, [])


def test_plugins_are_listed_with_what_they_offer(cap: Cap) -> None:
    plugins = {one["name"]: one for one in json.loads(cap("plugins", "--format", "json").stdout)}

    assert plugins["expose-rest"]["distribution"] == "cap-core"
    assert plugins["expose-rest"]["offers"] == ["exposure rest"]
    assert "expose-rest" in cap("plugins").stdout


def test_a_plugin_that_only_adds_pages_offers_them(cap: Cap, tmp_path: Path) -> None:
    code = "from cap_core import hookimpl\n@hookimpl\ndef cap_app_init(app_config):\n    pass\n"
    (tmp_path / "extra.py").write_text(code)
    lines = [line.split() for line in cap("plugins", "--plugin", "extra.py").stdout.splitlines()]

    assert [["pages"]] == [line[-1:] for line in lines if line[0].startswith("extra")]


def test_a_blocked_plugin_is_not_there(cap: Cap) -> None:
    assert "expose-mcp" not in cap("plugins", "--block", "expose-mcp").stdout
    assert "expose-mcp" not in cap("plugins", CAP_BLOCK="expose-mcp").stdout


def test_a_plugin_that_is_not_there_cannot_be_blocked(cap: Cap) -> None:
    result = cap("plugins", "--block", "expose-mpc")

    assert result.returncode != 0
    assert result.stderr == "there is no plugin 'expose-mpc'; did you mean 'expose-mcp'?\n"


def test_plugins_for_a_capability_say_what_each_is_for(cap: Cap, guarded: Path) -> None:
    uses = {one["offer"]: one for one in json.loads(cap("plugins", "--for", guarded.name, "--format", "json").stdout)}

    assert uses["auth scheme bearer"]["where"] == "requests to api"
    assert uses["exposure mcp"]["plugin"] == "expose-mcp"
    assert "auth scheme basic" not in uses
    assert "auth scheme bearer" in cap("plugins", "--for", guarded.name).stdout


SOAP = """
resources:
- path: /soap
  operations:
  - name: ask
    method: POST
    body:
      type: xml
      data: |
        <Envelope>
          <Body>{{question}} and a text that is much longer than a column of a table should be</Body>
        </Envelope>
"""
ASK = "- {name: ask, description: Ask., call: api.ask, inputParameters: [{name: question, type: string, maxLength: 9}]}"


def test_explain_keeps_a_body_of_several_lines_in_one_line_of_its_table(cap: Cap, things: Callable[..., Path]) -> None:
    shown = cap("explain", things(SOAP, tools=ASK).name, "ask", "question=why").stdout

    (line,) = [line for line in shown.splitlines() if line.startswith("body")]
    assert '"<Envelope>\\n  <Body>why and' in line
    assert len(line) < 160
    assert "  <Body>why and a text that is much longer than a column of a table should be</Body>\n" in shown


def test_explain_shows_what_a_model_sees_of_a_tool(cap: Cap, things: Callable[..., Path]) -> None:
    rest = "- {path: /soap, operations: [{method: POST, name: post, call: api.ask}]}"
    path = things(SOAP, rest, ASK)
    shown = cap("explain", path.name, "ask", "question=why").stdout
    schema = json.loads(shown.partition("A model sees these arguments:\n")[2].partition("\n}\n")[0] + "\n}")

    assert schema["properties"]["question"]["maxLength"] == 9
    assert schema == json.loads(cap("explain", path.name, "ask", "--format", "json").stdout)["input_schema"]
    assert "A model sees" not in cap("explain", path.name, "POST /soap", "question=why").stdout
