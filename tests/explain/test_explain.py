"""What `cap explain` shows is what is sent: built by the executor's own code, secrets aside."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import msgspec
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.explain.explain import Explanation, explain, explain_rejected
from cap_core.plan.call import Call
from cap_core.plugins import loader
from cap_core.runtime.options import OpenOptions
from cap_core.testing import Recorded, gateway, upstream
from published import SHARED

KEY = "canary-explain"
BATCH = {"input_file_id": "f"}
OPERATIONS = [
    (
        "POST /v1/batches",
        ["body:=" + json.dumps(BATCH, separators=(",", ":"))],
        ("POST", "/v1/batches", BATCH),
        "creates-and-executes-batch-uploaded",
        {"body": BATCH},
    ),
    (
        "GET /v1/batches",
        ["limit=5"],
        ("GET", "/v1/batches?limit=5", None),
        "list-your-organization-s-batches",
        {"limit": 5},
    ),
    (
        "GET /v1/batches/{batch-id}",
        ["batch_id=b 1"],
        ("GET", "/v1/batches/b%201", None),
        "retrieves-batch",
        {"batch_id": "b 1"},
    ),
    (
        "POST /v1/batches/{batch-id}/cancel",
        ["batch_id=b1"],
        ("POST", "/v1/batches/b1/cancel", None),
        "cancels-progress-batch-batch-will",
        {"batch_id": "b1"},
    ),
    (
        "GET /v1/batches/{batch-id}/output",
        ["batch_id=b1"],
        ("GET", "/v1/batches/b1/output", None),
        "returns-batch-output-stream",
        {"batch_id": "b1"},
    ),
]


def cap(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PORTKEY_API_KEY": KEY}
    command = [sys.executable, "-m", "cap_core", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def told(request: Recorded) -> dict[str, object]:
    """A recorded request in the form of `cap explain --format json`, the key masked."""
    headers = [[n.decode().lower(), v.decode().replace(KEY, "***")] for n, v in request.headers]
    body = request.body.decode() or None
    return {"method": request.method, "target": request.target.decode(), "headers": sorted(headers), "body": body}


@pytest.mark.parametrize(
    ("operation", "inputs", "rest", "tool", "arguments"), OPERATIONS, ids=[o[0] for o in OPERATIONS]
)
def test_explain_shows_what_both_faces_send(
    seed: Callable[[str], Path], operation, inputs, rest, tool, arguments
) -> None:
    path = seed("portkey-batch")
    with (
        upstream() as api,
        gateway(path, base_uris={"portkey-batch": api.url + "/v1"}, values={"PORTKEY_API_KEY": KEY}) as running,
    ):
        method, target, body = rest
        with httpx.Client() as client:
            request = client.build_request(method, running.url + target, json=body)
            for name in ("accept", "accept-encoding", "user-agent"):
                del request.headers[name]
            client.send(request)
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        httpx.post(running.url + "/mcp", json=call)
        by_rest, by_tool = map(told, api.requests)
        shown = []
        for name in (operation, tool):
            run = cap(
                "explain", str(path), name, *inputs, "--base-uri", f"portkey-batch={api.url}/v1", "--format", "json"
            )
            assert 0 == run.returncode, run.stderr
            shown.append(json.loads(run.stdout)["request"])

    for request, sent in zip(shown, (by_rest, by_tool), strict=True):
        request["headers"] = sorted([name.lower(), value] for name, value in request["headers"])
        assert sent == {key: request[key] for key in ("method", "target", "headers", "body")}


def test_explain_says_where_each_value_came_from(seed: Callable[[str], Path]) -> None:
    path = seed("portkey-batch")
    out = json.loads(cap("explain", str(path), "retrieves-batch", "batch_id=b1", "--format", "json").stdout)

    origins = {value["place"]: value["at"] for value in out["values"]}
    lines = path.read_text().splitlines()
    for place, words in {
        "base URI": "baseUri: https://api.portkey.ai/v1",
        "path batch_id": "batch_id: tools.batch_id",
        "header Authorization": "type: bearer",
    }.items():
        number = int(origins[place].rsplit(":", 2)[1])
        assert words in lines[number - 1]
    assert ["batch_id"] == out["input_schema"]["required"]


RICH = """\
naftiko: 1.0.0-alpha2
binds:
- namespace: env
  keys: {HOST: API_HOST, KEY: API_KEY, REGION: API_REGION}
capability:
  consumes:
  - namespace: api
    baseUri: https://{{HOST}}/v2
    auth: {type: apikey, in: header, name: X-Key, value: "Token {{KEY}}"}
    resources:
    - path: /orders/{order-id}
      operations:
      - name: change
        method: PUT
        path: /lines
        inputParameters:
        - {name: order-id, in: path, required: true}
        - {name: dry, in: query, type: boolean}
        - {name: region, in: header, value: "{{REGION}}"}
        body:
          type: json
          data:
            amount: "{{tools.amount}}"
            note: "{{tools.note}}"
            source: web
    - path: /orders
      operations:
      - {name: twice, method: GET, description: One of two.}
      - {name: twice, method: POST, description: The other of two.}
      - name: lost
        method: GET
        inputParameters: [{name: id, in: path}]
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
    - path: /orders/{orderId}
      operations:
      - method: PUT
        name: change
        call: api.change
        with:
          order-id: rest.orderId
          dry: rest.dryRun
          amount: rest.total
          note: rest.note
    - path: /orders
      operations:
      - {method: GET, name: read, call: api.twice}
      - {method: GET, name: read-again, call: api.gone}
  - type: mcp
    namespace: m
    port: 9090
    tools:
    - {name: lost, description: Loses its id., call: api.lost}
    - name: list
      description: One of two.
      call: api.twice
      outputParameters:
      - name: count
        type: integer
        mapping: $.items.length
"""
RICH_INPUTS = ["orderId=o 1", "total:=3"]


@pytest.fixture
def rich(document: Callable[..., Path]) -> Callable[..., dict[str, Any]]:
    path = document(RICH, "rich.yaml")
    environment = {"API_HOST": "h.example", "API_KEY": KEY, "API_REGION": "eu-canary"}

    def explained(*words: str, **variables: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "cap_core", "explain", str(path), *words, "--format", "json"]
        run = subprocess.run(
            command, capture_output=True, text=True, env=os.environ | environment | variables, timeout=60, check=False
        )
        assert 0 == run.returncode, run.stderr
        assert KEY not in run.stdout
        assert "eu-canary" not in run.stdout
        out: dict[str, Any] = json.loads(run.stdout)
        return out

    return explained


def line(at: str) -> str:
    """The text that a place points at, to the end of its line."""
    number, column = map(int, at.rsplit(":", 2)[1:])
    return RICH.splitlines()[number - 1][column - 1 :]


def found(explained: dict[str, Any], place: str) -> dict[str, Any]:
    return next(origin for origin in explained["values"] if origin["place"] == place)


def test_every_value_names_the_text_that_produced_it(rich: Callable[..., dict[str, Any]]) -> None:
    out = rich("PUT /orders/{orderId}", *RICH_INPUTS)

    assert "https://h.example/v2/orders/o%201/lines" == out["request"]["url"]
    assert '{"amount":3,"source":"web"}' == out["request"]["body"]
    for place, value, text in [
        ("method", "PUT", "PUT"),
        ("base URI", "https://h.example/v2", "https://{{HOST}}/v2"),
        ("path", "/orders/{order-id}/lines", "/orders/{order-id}"),
        ("path order-id", "o 1", "rest.orderId"),
        ("query dry", None, "rest.dryRun"),
        ("header region", "***", '"{{REGION}}"}'),
        ("body /amount", "3", '"{{tools.amount}}"'),
        ("body /note", None, '"{{tools.note}}"'),
        ("body /source", "web", "web"),
        ("header X-Key", "Token ***", "{type: apikey,"),
        ("header Host", "h.example", "https://{{HOST}}/v2"),
        ("header Content-Type", "application/json", "type: json"),
    ]:
        origin = found(out, place)
        assert (place, value) == (place, origin["value"])
        assert line(origin["at"]).startswith(text), (place, origin)


def test_what_a_value_came_past_is_named_too(rich: Callable[..., dict[str, Any]]) -> None:
    out = rich("PUT /orders/{orderId}", *RICH_INPUTS)

    steps = {step["what"]: line(step["at"]) for origin in out["values"] for step in origin["via"] if step["at"][-1:]}
    assert "HOST: API_HOST" in steps["HOST = environment variable API_HOST"]
    assert "KEY: API_KEY" in steps["KEY = environment variable API_KEY"]
    assert steps["the operation's own path"].startswith("/lines")
    assert steps["value"].startswith('"Token {{KEY}}"')
    assert steps["parameter dry"].startswith("{name: dry")
    assert steps["with, for total"].startswith("rest.total")
    assert "input note, absent: not sent" == found(out, "body /note")["source"]
    assert "plugin auth-apikey of cap-core" in found(out, "header X-Key")["source"]
    assert "plugin transport-aiohttp of cap-core" == found(out, "sent by")["at"]


def test_every_input_says_how_it_came_to_be_one(rich: Callable[..., dict[str, Any]]) -> None:
    inputs = {asked["name"]: asked for asked in rich("PUT /orders/{orderId}")["inputs"]}

    assert {"orderId", "dryRun", "total", "note"} == inputs.keys()
    assert ("path {orderId}", True) == (inputs["orderId"]["place"], inputs["orderId"]["required"])
    assert "body /total, or query total" == inputs["total"]["place"]
    assert {"named in 'with'"} == {asked["source"] for asked in inputs.values()}
    assert "rest.orderId" == line(inputs["orderId"]["via"][0]["at"])


def test_choices_and_readings_are_said(rich: Callable[..., dict[str, Any]]) -> None:
    chosen = rich("list")
    (choice,) = [note for note in chosen["notes"] if note["code"] == "ambiguous-call"]
    assert "chosen by the description: GET /orders" in choice["message"]
    assert "mapped" == chosen["output"]["value"]
    assert line(chosen["outputs"][0]["at"]).startswith("$.items.length")
    codes = {note["code"] for note in rich("PUT /orders/{orderId}")["notes"]}
    assert {"alias-key", "alias-option", "operation-path"} <= codes


@pytest.mark.parametrize(
    ("operation", "code", "text"),
    [
        ("lost", "lost-identifier", "api.lost"),
        ("read-again", "duplicate-route", "{method: GET, name: read-again"),
        ("api.gone", "duplicate-route", "{method: GET, name: read-again"),
    ],
)
def test_why_an_operation_is_left_out(
    rich: Callable[..., dict[str, Any]], operation: str, code: str, text: str
) -> None:
    out = rich(operation)

    why = out["quarantined"]
    assert (code, None) == (why["code"], out["request"])
    place = f"{why['at']['file']}:{why['at']['line']}:{why['at']['column']}"
    assert line(place).startswith(text)


def test_without_an_operation_all_of_them_are_listed(rich: Callable[..., Any]) -> None:
    listed = {one["exposed"]: one for one in rich()}

    assert ["PUT /orders/{orderId}", "GET /orders", "lost", "list"] == list(listed)
    assert listed["list"]["quarantined"] is None
    assert "lost-identifier" == listed["lost"]["quarantined"]["code"]
    assert line(listed["list"]["spec"]).startswith("list")


def test_a_flag_and_a_dotenv_file_are_named(rich: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    (tmp_path / "some.env").write_text("\nKEY=from-a-file\n")

    out = rich("list", "--set", "HOST=flag.example", "--env-file", str(tmp_path / "some.env"))

    assert ["HOST = --set"] == [step["what"] for step in found(out, "base URI")["via"]]
    assert f"KEY = {tmp_path / 'some.env'}:2" in [step["what"] for step in found(out, "header X-Key")["via"]]


def test_a_document_does_not_reach_the_terminal(terminal: Callable[..., str], document: Callable[..., Path]) -> None:
    document(RICH.replace("name: list\n", 'name: "li\\e[2Jst"\n'), "rich.yaml")

    for words in (["rich.yaml"], ["rich.yaml", "li\x1b[2Jst"]):
        shown = terminal("explain", *words, API_HOST="h", API_KEY=KEY, API_REGION="r")
        assert "\x1b[2J" not in shown
        assert r"li\x1b[2Jst" in shown


def test_callers_are_said(rich: Callable[..., dict[str, Any]]) -> None:
    assert rich("list")["callers"] is None
    out = rich("list", "--caller-auth", "bearer:GATEWAY")
    assert ("bearer", "--caller-auth") == (out["callers"]["value"], out["callers"]["at"])


def test_a_terminal_gets_colour_and_columns(terminal: Callable[..., str], document: Callable[..., Path]) -> None:
    """On a terminal 100 columns wide no line is longer than that."""
    document(RICH, "rich.yaml")

    shown = terminal("explain", "rich.yaml", "list", columns=100, API_HOST="h", API_KEY=KEY, API_REGION="r")

    assert "\x1b[1m" in shown
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert max(map(len, plain.splitlines())) <= 100
    assert "GET https://h/v2/orders" in plain
    assert KEY not in plain


LITERAL = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - namespace: api
    baseUri: https://h.example
    authentication: {type: apikey, key: X-K, value: sesame-1}
    resources:
    - path: /a/{id}
      operations:
      - name: change
        method: PUT
        inputParameters:
        - {name: Authorization, in: header, value: Bearer sesame-2}
        - {name: size, in: query, value: "{{tools.big}}"}
        body: {type: json, data: {amount: "{{tools.amount}}", "a/b": "{{tools.open}}", all: "{{tools.more}}"}}
  exposes:
  - type: mcp
    namespace: m
    port: 9090
    authentication: {type: bearer, token: sesame-3}
    tools:
    - name: change
      description: d
      call: api.change
      with:
        amount: 5
        big: eu
        more: {deep: x}
      outputParameters:
      - name: all
        type: object
        mapping: $.x
        values: {type: string, maxLength: 3}
"""


@pytest.fixture
def literal(document: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    path = document(LITERAL, "literal.yaml")

    def explained(*words: str) -> str:
        command = [sys.executable, "-m", "cap_core", "explain", str(path), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    return explained


def test_a_credential_in_the_document_is_masked_too(literal: Callable[..., str]) -> None:
    for format_ in ("text", "json"):
        shown = literal("change", "id=1", "--format", format_)
        assert "sesame" not in shown
        assert "X-K" in shown


def test_a_literal_that_with_gives_is_found_where_it_stands(literal: Callable[..., str]) -> None:
    out = json.loads(literal("change", "id=1", "open=o", "--format", "json"))
    lines = LITERAL.splitlines()

    at = {o["place"]: (o["value"], place_of(o["at"], lines)) for o in out["values"] if AT.fullmatch(o["at"])}
    assert ("5", "5") == at["body /amount"]
    assert ("eu", "eu") == at["query size"]
    assert ("x", "x}") == at["body /all/deep"]
    assert at["body /a~1b"][1].startswith('"{{tools.open}}"')
    (asked,) = [one for one in out["inputs"] if one["name"] == "open"]
    assert place_of(asked["at"], lines).startswith('"{{tools.open}}"')
    assert ("bearer", {"type": "string", "max_length": 3}) == (
        out["callers"]["value"],
        {key: out["outputs"][0]["values"][key] for key in ("type", "max_length")},
    )


def test_a_value_that_cannot_be_sent_is_explained_as_refused(literal: Callable[..., str]) -> None:
    out = json.loads(literal("change", "id=..", "--format", "json"))

    assert "names another resource" in out["refused"]
    assert "5" in [origin["value"] for origin in out["values"]]


def test_a_variable_without_a_value_says_so(rich: Callable[..., dict[str, Any]]) -> None:
    out = rich("PUT /orders/{orderId}", *RICH_INPUTS, API_REGION="")

    assert ("(not set)", "Token ***") == (found(out, "header region")["value"], found(out, "header X-Key")["value"])
    assert "API_REGION" in out["refused"]


def place_of(at: str, lines: list[str]) -> str:
    number, column = map(int, at.rsplit(":", 2)[1:])
    return lines[number - 1][column - 1 :]


# --- every published document -----------------------------------------------------------------------------------------

AT = re.compile(r"(.+):(\d+):(\d+)")


def test_every_operation_of_every_published_document_is_explained() -> None:
    """Each header, query name and body leaf of the request has an origin, and each origin is a place that exists."""
    if not (SHARED / "corpus" / "manifest.jsonl").is_file():
        pytest.skip("the published documents are not beside the checkout (corpus/manifest.jsonl)")
    registry = loader.load()
    seen = 0
    for path in sorted((SHARED / "corpus" / "documents").rglob("*.y*ml")):
        plan = compile_source(DocumentSource(path.stem, path.name, path), registry, CompileOptions()).plan
        if plan is None:
            continue
        lines = path.read_text("utf-8").splitlines()
        for call in (call for exposure in plan.exposures for call in exposure.calls):
            _check_explained(asyncio.run(explain(plan, call, registry, OpenOptions(), _given(call))), path, lines)
            seen += 1
        for one in (one for exposure in plan.exposures for one in exposure.rejected):
            assert explain_rejected(plan, one).quarantined == one.why
    assert seen > 10_000


def _given(call: Call) -> dict[str, object]:
    values = {"integer": 7, "number": 1.5, "boolean": True, "array": ["a", "b"], "object": {"k": "v"}}
    body = msgspec.Raw(b'{"k":"v"}')
    return {
        item.name: body if item.opaque or item.place == "body" else values.get(item.type or "", "x")
        for item in call.inputs.items
    }


def _check_explained(it: Explanation, path: Path, lines: list[str]) -> None:
    where = (path, it.exposed)
    assert msgspec.json.encode(it), where
    for at in [o.at for o in it.values] + [s.at for o in it.values for s in o.via] + [i.at for i in it.inputs]:
        if place := AT.fullmatch(at):
            assert place[1] == path.name, where
            assert int(place[3]) <= len(lines[int(place[2]) - 1]), where
        else:
            assert at == "cap-core" or at.startswith("plugin "), (where, at)
    if it.request is None:
        assert it.refused, where
        return
    places = {origin.place.lower() for origin in it.values if origin.value is not None}
    assert {f"header {name.lower()}" for name, _ in it.request.headers if name != "Cookie"} <= places, where
    query = it.request.target.partition("?")[2]
    literal = next(origin.value or "" for origin in it.values if origin.place == "path").partition("?")[2]
    named = {unquote(pair.partition("=")[0]) for pair in query.split("&") if pair}
    named -= {unquote(pair.partition("=")[0]) for pair in literal.split("&")}
    assert {f"query {name.lower()}" for name in named} <= places, where
    if it.request.body:
        assert any(place.startswith("body") for place in places), where


IN_THE_PATH = """\
naftiko: 1.0.0-alpha2
binds:
- namespace: env
  keys: {TOKEN: API_TOKEN}
capability:
  consumes:
  - namespace: api
    type: http
    baseUri: "https://api.example/bot{{TOKEN}}"
    resources:
    - path: /things
      operations:
      - {name: list, method: GET}
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
    - path: /things
      operations:
      - {method: GET, name: list, call: api.list}
"""


@pytest.mark.parametrize("format", ["text", "json"])
def test_what_stands_behind_the_host_of_a_base_uri_is_masked(document: Callable[..., Path], format: str) -> None:
    path = document(IN_THE_PATH)
    run = cap("explain", str(path), "GET /things", "--set", f"TOKEN={KEY}", "--format", format)

    assert 0 == run.returncode, run.stderr
    assert KEY not in run.stdout + run.stderr
    assert "api.example/bot***/things" in run.stdout


VAULT = """\
from cap_core import BindingResolver, hookimpl


class Vault:
    def describe(self, name):
        return f"vault entry {name}"

    async def fetch(self, names):
        raise RuntimeError("the network was used")


@hookimpl
def cap_bindings():
    return [BindingResolver(key="vault", parse=lambda location, at: Vault())]
"""
VAULTED = """\
naftiko: 1.0.0-alpha2
info: {label: Things, description: Things for tests.}
binds:
- {namespace: env, location: "vault:things", keys: {THINGS_KEY: THINGS_KEY}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    authentication: {type: bearer, token: "{{THINGS_KEY}}"}
    resources:
    - name: things
      path: /things
      operations:
      - {name: list-things, method: GET}
  exposes:
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - {name: list-things, description: List., call: api.list-things}
"""


def test_a_credential_that_only_the_network_has_is_shown_masked_and_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "vault.py").write_text(VAULT)
    (tmp_path / "things.yaml").write_text(VAULTED)
    where = str(tmp_path / "things.yaml")
    result = cap("explain", where, "list-things", "--plugin", str(tmp_path / "vault.py"), "--format", "json")

    assert (result.returncode, result.stderr) == (0, "")
    out = json.loads(result.stdout)
    assert ["Authorization", "Bearer ***"] in out["request"]["headers"]
    assert (out["refused"], out["unset"]) == (None, [])
