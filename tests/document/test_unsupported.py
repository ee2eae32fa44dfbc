"""What the dialects have and is not run yet: each construct has its own code, at its line, and takes only what it
touches with it. What is beside it is served (`docs/semantics.md`, what is not built yet)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.diagnostics.codes import CODES
from cap_core.document import unsupported
from cap_core.document.dialects import KEYED
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

DIALECTS = ("naftiko: 1.0.0-alpha2", "ikanos: 1.0.0-alpha3", "ikanos: 1.0.0-beta5")

# One document with what every construct stands on; written as lists of named things, and as maps where they are usual.
DOCUMENT = """\
info: {label: Things, description: Things for tests.}
binds:
- {namespace: env, keys: {THINGS_KEY: THINGS_KEY}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - name: things
      path: /things
      operations:
      - {name: list-things, method: GET}
      - {name: find-thing, method: GET, inputParameters: [{name: word, in: query}]}
  - type: http
    namespace: other
    baseUri: https://other.example
    resources:
    - name: thing
      path: /other
      operations:
      - {name: get-other, method: GET}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - name: things
      path: /things
      operations:
      - {name: list-things, method: GET, call: api.list-things}
    - name: more
      path: /more
      operations:
      - {name: more, method: GET, call: api.find-thing}
    - name: others
      path: /others
      operations:
      - {name: others, method: GET, call: other.get-other}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - {name: list-things, description: List., call: api.list-things}
    - {name: more, description: More., call: api.find-thing}
    - {name: others, description: Others., call: other.get-other}
"""
STEPS = [{"name": "first", "type": "lookup", "index": "a", "match": "b", "lookupValue": "c"}]
SCRIPT = [{"name": "first", "type": "script", "file": "first.js"}]
MOCK = [{"name": "answer", "type": "string", "value": "always"}]
NESTED = [{"type": "object", "properties": [{"name": "answer", "type": "string", "const": "always"}]}]

REST = ("capability", "exposes", 0)
MORE_ROUTE = (*REST, "resources", 1, "operations", 0)
MCP = ("capability", "exposes", 1)
MORE_TOOL = (*MCP, "tools", 1)
OTHER = ("capability", "consumes", 1)

ROUTES = ("GET /more", "GET /others", "GET /things")
TOOLS = ("list-things", "more", "others")


class Case(msgspec.Struct, frozen=True):
    """A construct: where it is put, what is reported, and what it takes with it."""

    at: tuple[str | int, ...]
    value: object
    code: str
    routes: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    """Keys that have to go, for the construct to stand in their place."""
    below: tuple[str | int, ...] = ()
    """Where in the value the construct itself is, if it is not the key that has the value."""


def on_both(key: str, value: object, code: str, *without: str, below: tuple[str | int, ...] = ()) -> Iterable[Any]:
    """The same construct on a route and on a tool."""
    route = Case((*MORE_ROUTE, key), value, code, ("GET /more",), (), without, below)
    tool = Case((*MORE_TOOL, key), value, code, (), ("more",), without, below)
    yield pytest.param(route, id=f"{key}-of-a-route")
    yield pytest.param(tool, id=f"{key}-of-a-tool")


def one(name: str, *at: str | int, value: object, code: str, **more: Any) -> Any:
    return pytest.param(Case(at, value, code, **more), id=name)


AGGREGATES = [{"namespace": "flows", "functions": [{"name": "more", "description": "d", "call": "api.list-things"}]}]
LOST = {"routes": ("GET /others",), "tools": ("others",)}
CASES = [
    *on_both("steps", STEPS, "not-built-steps", "call", below=(0, "type")),
    one("script", *MORE_TOOL, "steps", value=SCRIPT, code="not-built-steps", tools=("more",), without=("call",),
        below=(0, "type")),
    *on_both("mappings", [{"targetName": "a", "value": "$.first.a"}], "not-built-mappings"),
    *on_both("ref", "flows.more", "not-built-ref", "call"),
    *on_both("outputParameters", MOCK, "not-built-mock", below=(0, "value")),
    one("nested-const", *MORE_TOOL, "outputParameters", value=NESTED, code="not-built-mock", tools=("more",),
        below=(0, "properties", 0, "const")),
    one("const-beside-a-mapping", *MORE_TOOL, "outputParameters", code="not-built-const", below=(0, "const"),
        value=[{"type": "string", "mapping": "$.a", "const": "b"}]),
    *on_both("inputParameters", [{"name": "word", "type": "string", "value": "fixed"}], "not-built-input-value",
             below=(0, "value")),
    one("responses", *MORE_ROUTE, "responses", value={"200": {"description": "d"}}, code="not-built-responses",
        routes=("GET /more",)),
    one("response-binary", *MORE_ROUTE, "responseBinary", value={"mediaType": "image/png", "description": "d"},
        code="not-built-response-binary", routes=("GET /more",)),
    one("binary-limit", *REST, "maxBinarySize", value="1MiB", code="not-built-binary-limit"),
    one("aggregates", "capability", "aggregates", value=AGGREGATES, code="not-built-aggregates"),
    one("root-aggregates", "aggregates", value=AGGREGATES, code="not-built-aggregates"),
    one("resources", *MCP, "resources", code="not-built-resources",
        value=[{"name": "r", "label": "R", "uri": "things://all", "description": "d", "call": "api.list-things"}]),
    one("resource-templates", *MCP, "resourceTemplates", code="not-built-resources",
        value=[{"name": "r", "uri": "things://{id}", "description": "d", "call": "api.list-things"}]),
    one("prompts", *MCP, "prompts", code="not-built-prompts",
        value=[{"name": "p", "label": "P", "description": "d", "template": [{"role": "user", "content": "hi"}]}]),
    one("stdio", *MCP, "transport", value="stdio", code="not-built-stdio"),
    one("tunnel", *OTHER, "tunnel", value={"type": "ziti", "service": "s", "identity": "i"}, code="not-built-tunnel",
        **LOST),
    one("tunnel-with-another-way", *OTHER, "tunnel", code="not-built-tunnel",
        value={"type": "ziti", "service": "s", "identity": "i", "fallback": "direct"}),
    one("import-by-location", *OTHER, value={"location": "./other.yaml", "import": "other"}, code="not-built-import",
        **LOST),
    one("import-by-from", *OTHER, value={"from": "./o.yaml", "import": "there", "as": "other"}, code="not-built-import",
        **LOST),
    one("import-by-ref", *OTHER, value={"namespace": "other", "ref": "./o.yaml"}, code="not-built-import", **LOST),
    one("imported-binds", "binds", 0, value={"from": "./binds.yaml", "import": "env"}, code="not-built-import"),
    one("imported-exposes", "capability", "exposes", 2, value={"from": "./e.yaml", "import": "things-rest"},
        code="not-built-import"),
    one("root-import", "import", value=["./more.yaml"], code="not-built-import"),
    one("root-consumes", "consumes", value=[{"namespace": "other2", "type": "http", "baseUri": "https://o.example"}],
        code="not-built-standalone"),
    one("root-exposes", "exposes", value=[{"type": "rest", "namespace": "r", "port": 1}], code="not-built-standalone"),
    one("skill", "capability", "exposes", 2, code="not-built-skill",
        value={"type": "skill", "namespace": "s", "port": 8081, "skills": [{"name": "a", "description": "d"}]}),
    one("control", "capability", "exposes", 2, code="not-built-control",
        value={"type": "control", "port": 8082, "management": {"health": True}}),
]  # fmt: skip


def tree(at: tuple[str | int, ...], value: object, without: tuple[str, ...] = ()) -> dict[str, Any]:
    out: dict[str, Any] = yaml.safe_load(DOCUMENT)
    place: Any = out
    for step in at[:-1]:
        place = place[step]
    for key in without:
        del place[key]
    if isinstance(place, list) and at[-1] == len(place):
        place.append(value)
    else:
        place[at[-1]] = value
    return out


def maps(node: Any) -> Any:
    """Lists of named things as maps by name, as the later dialects write them."""
    if isinstance(node, list):
        return [maps(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: {item["name"]: {k: maps(v) for k, v in item.items() if k != "name"} for item in value}
        if key in {*KEYED, "steps", "prompts", "functions", "skills"} and all("name" in item for item in value)
        else maps(value)
        for key, value in node.items()
    }


def text(dialect: str, at: tuple[str | int, ...], value: object, without: tuple[str, ...] = ()) -> str:
    document = tree(at, value, without)
    return f"{dialect}\n" + yaml.safe_dump(
        maps(document) if dialect.startswith("ikanos") else document, sort_keys=False
    )


def compiled(path: Path) -> Compiled:
    return compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())


def served(out: Compiled, type_: str) -> list[str]:
    assert out.plan is not None, out.refusal
    return sorted(
        f"{call.exposed.method} {call.exposed.path}" if call.exposed.method else call.exposed.name
        for exposure in out.plan.exposures
        if exposure.type == type_
        for call in exposure.calls
    )


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", CASES)
def test_a_construct_has_its_code_at_its_line_and_takes_only_what_it_touches(
    document: Callable[..., Path], case: Case, dialect: str
) -> None:
    written = text(dialect, case.at, case.value, case.without)
    out = compiled(document(written))
    said = [d for d in out.diagnostics if d.code.startswith("not-built-")]
    first = said[0]

    assert {case.code} == {d.code for d in said}
    assert ["warning"] * len(said) == [d.severity for d in said]
    assert first.hint
    assert place(written, case) == first.at.line
    assert sorted(set(ROUTES) - set(case.routes)) == served(out, "rest")
    assert sorted(set(TOOLS) - set(case.tools)) == served(out, "mcp")
    # Nothing else is wrong with the document, and the construct is not also an unknown key.
    assert not [d for d in out.diagnostics if d.severity != "info" and d.code != case.code]


def place(written: str, case: Case) -> int:
    """The line of the construct: of the key it is, or of the entry that it is the mapping of."""
    node: yaml.Node = yaml.compose(written)
    key = node
    for step in (*case.at, *case.below):
        assert not isinstance(node, yaml.ScalarNode)
        if isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            key = node = node.value[step]
        elif isinstance(step, int):
            key, node = node.value[step]
        else:
            key, node = next(pair for pair in node.value if pair[0].value == step)
    return int(key.start_mark.line) + 1


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_route_that_is_left_out_says_why_and_a_tool_is_not_listed(
    document: Callable[..., Path], dialect: str
) -> None:
    doc = tree((*MORE_ROUTE, "steps"), STEPS, ("call",))
    doc["capability"]["exposes"][1]["tools"][1] = {"name": "more", "description": "More.", "ref": "flows.more"}
    shaped = maps(doc) if dialect.startswith("ikanos") else doc
    path = document(f"{dialect}\n" + yaml.safe_dump(shaped, sort_keys=False))
    with upstream() as api, gateway(path, base_uris={"api": api.url, "other": api.url}) as cap:
        left_out = httpx.get(cap.url + "/more")
        fine = httpx.get(cap.url + "/things")
        listed = rpc(cap.url, "tools/list", {})["result"]["tools"]
        called = rpc(cap.url, "tools/call", {"name": "more", "arguments": {}})

    assert (501, "application/problem+json") == (left_out.status_code, left_out.headers["content-type"])
    assert "not-built-steps" == left_out.json()["code"]
    assert "steps that look something up are not run yet" in left_out.json()["detail"]
    assert 200 == fine.status_code
    assert ["list-things", "others"] == [tool["name"] for tool in listed]
    assert -32602 == called["error"]["code"]
    assert [b"/things"] == [request.target for request in api.requests]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_forward_answers_every_method_with_its_reason(document: Callable[..., Path], dialect: str) -> None:
    resource = {
        "name": "proxy",
        "path": "/proxy/{path}",
        "forward": {"targetNamespace": "api", "trustedHeaders": ["A"]},
    }
    path = document(text(dialect, (*REST, "resources", 3), resource))
    with upstream() as api, gateway(path, base_uris={"api": api.url, "other": api.url}) as cap:
        answers = [httpx.request(method, cap.url + "/proxy/a") for method in ("GET", "POST", "DELETE")]
        fine = httpx.get(cap.url + "/things")

    assert [(501, "not-built-forward")] * 3 == [(a.status_code, a.json()["code"]) for a in answers]
    assert 200 == fine.status_code


@pytest.mark.parametrize("key", ["consumes", "exposes", "aggregates", "binds"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_file_for_others_to_import_is_refused_as_what_it_is(
    document: Callable[..., Path], dialect: str, key: str
) -> None:
    out = compiled(document(f"{dialect}\ninfo: {{label: Part}}\n{key}:\n- {{namespace: a}}\n"))

    assert out.refusal is not None
    assert ("not-built-standalone", 3) == (out.refusal.code, out.refusal.at.line)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_where_nothing_else_is_live_the_first_construct_refuses_the_document(
    document: Callable[..., Path], dialect: str
) -> None:
    text = f"""\
{dialect}
capability:
  exposes:
  - type: mcp
    namespace: m
    port: 9090
    prompts:
    - {{name: p, description: d}}
  - type: skill
    namespace: s
    port: 8081
"""
    out = compiled(document(text))

    assert out.refusal is not None
    assert ("not-built-prompts", 7) == (out.refusal.code, out.refusal.at.line)


NOT_HERE = [
    one("consumes-by-location", "consumes", 0, value={"location": "./other.yaml", "import": "api"}, code=""),
    one("consumes-by-from", "consumes", 0, value={"from": "./other.yaml", "import": "there", "as": "api"}, code=""),
    one("consumes-by-ref", "consumes", 0, value={"namespace": "api", "ref": "./other.yaml"}, code=""),
    one("exposes", "exposes", 0, value={"from": "./other.yaml", "import": "things-rest"}, code=""),
]  # fmt: skip


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("case", NOT_HERE)
def test_where_nothing_is_live_without_an_import_the_import_refuses_the_document(
    document: Callable[..., Path], case: Case, dialect: str
) -> None:
    """It is the error, at its own line, and not the calls that lead there, wherever they stand."""
    doc = tree(("capability", *case.at), case.value)
    doc["capability"]["consumes"][1:] = []
    doc["capability"]["exposes"][1:] = []
    # What is exposed stands first, so that no order of lines makes the import the first cause.
    doc["capability"] = dict(reversed(doc["capability"].items()))
    written = f"{dialect}\n" + yaml.safe_dump(maps(doc) if dialect.startswith("ikanos") else doc, sort_keys=False)
    out = compiled(document(written))
    line = place(written, msgspec.structs.replace(case, at=("capability", *case.at)))

    assert [("not-built-import", line)] == [(d.code, d.at.line) for d in out.diagnostics if d.severity == "error"]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_an_import_of_variables_takes_nothing_with_it(document: Callable[..., Path], dialect: str) -> None:
    """Imported variables are not the reason where calls are dead for one of their own, although they come first."""
    doc = tree(("binds", 0), {"from": "./binds.yaml", "import": "env"})
    doc["capability"]["consumes"] = []
    written = f"{dialect}\n" + yaml.safe_dump(maps(doc) if dialect.startswith("ikanos") else doc, sort_keys=False)
    out = compiled(document(written))

    assert out.refusal is not None
    assert "dangling-call" == out.refusal.code
    assert written.splitlines()[out.refusal.at.line - 1].endswith("call: api.list-things")
    assert [("not-built-import", "warning")] == [
        (d.code, d.severity) for d in out.diagnostics if d.code.startswith("not-built-")
    ]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_where_an_import_of_variables_is_all_there_is_it_is_the_reason(
    document: Callable[..., Path], dialect: str
) -> None:
    text = f"{dialect}\nbinds:\n- {{from: ./binds.yaml, import: env}}\ncapability:\n  exposes: []\n"
    out = compiled(document(text))

    assert out.refusal is not None
    assert ("not-built-import", 3) == (out.refusal.code, out.refusal.at.line)


def test_a_call_into_an_imported_namespace_is_told_from_a_slip(document: Callable[..., Path]) -> None:
    written = text(DIALECTS[0], OTHER, {"location": "./other.yaml", "import": "other"})
    line = next(n for n, text in enumerate(written.splitlines(), 1) if "./other.yaml" in text)
    out = compiled(document(written))
    assert out.plan is not None
    why = {left.exposed.name: left.why for e in out.plan.exposures for left in e.rejected}

    assert "not-built-import" == why["others"].code
    assert f"'other.get-other' cannot be called, see line {line}" == why["others"].message


def test_a_value_that_is_a_path_is_a_mapping(document: Callable[..., Path]) -> None:
    outputs = [{"name": "answer", "type": "string", "value": "$.a.b"}]
    out = compiled(document(text(DIALECTS[0], (*MORE_TOOL, "outputParameters"), outputs)))

    assert out.plan is not None
    (mapped,) = [
        c for e in out.plan.exposures for c in e.calls if c.exposed.name == "more" and c.exposed.kind == "tool"
    ]
    assert ["$.a.b"] == [output.mapping for output in mapped.outputs]
    assert not [d for d in out.diagnostics if d.severity != "info"]


ENVIRONMENT = [
    {"name": "THINGS_EDITION", "in": "environment"},
    {"name": "kind", "in": "query", "value": "{{THINGS_EDITION}}"},
]


@pytest.mark.parametrize("path", ["/{THINGS_EDITION}/things", "/{{THINGS_EDITION}}/things"])
def test_a_consumed_parameter_in_the_environment_is_no_callers(
    document: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    doc = tree(("capability", "consumes", 0, "resources", 0, "path"), path)
    doc["capability"]["consumes"][0]["resources"][0]["operations"][0]["inputParameters"] = ENVIRONMENT
    written = document(f"{DIALECTS[0]}\n" + yaml.safe_dump(doc, sort_keys=False))
    monkeypatch.setenv("THINGS_EDITION", "second")
    with upstream() as api, gateway(written, base_uris={"api": api.url, "other": api.url}) as cap:
        httpx.get(cap.url + "/things", params={"THINGS_EDITION": "mine"})
        schema = rpc(cap.url, "tools/list", {})["result"]["tools"][0]["inputSchema"]
    monkeypatch.delenv("THINGS_EDITION")
    with upstream() as silent, gateway(written, base_uris={"api": silent.url, "other": silent.url}) as cap:
        unset = httpx.get(cap.url + "/things")

    assert [b"/second/things?kind=second"] == [request.target for request in api.requests]
    assert {} == schema["properties"]
    assert 503 == unset.status_code
    assert "THINGS_EDITION is not set" in unset.json()["detail"]
    assert [] == silent.requests


@pytest.mark.parametrize(("where", "left_out"), [(MORE_ROUTE, "GET /more"), (MORE_TOOL, "more")])
def test_an_exposed_input_never_comes_from_the_environment(
    document: Callable[..., Path], where: tuple[str | int, ...], left_out: str
) -> None:
    inputs = [{"name": "word", "in": "environment", "type": "string"}]
    out = compiled(document(text(DIALECTS[0], (*where, "inputParameters"), inputs)))

    assert ["bad-input-place"] == [d.code for d in out.diagnostics if d.severity != "info"]
    assert left_out not in served(out, "rest") + served(out, "mcp")


def test_every_construct_has_a_code_and_a_test() -> None:
    table = unsupported.TABLE
    tested = {case.values[0].code for case in CASES} | {"not-built-forward"}

    assert {row.code for row in table.values()} == tested
    assert {code for code in CODES if code.startswith("not-built-")} == tested


def rpc(url: str, method: str, params: dict[str, Any]) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer: dict[str, Any] = httpx.post(
        url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"}
    ).json()
    return answer
