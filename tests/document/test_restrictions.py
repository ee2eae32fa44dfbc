"""A key that would restrict and cannot be read closes what it stands on, and nothing beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.restrictions import RESTRICTING, misspelt
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import Answered, gateway, upstream

ANSWER = Answered(body=b'{"results": [{"id": 1, "cost": 9}]}')

ALPHA = """
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - namespace: api
    baseUri: https://api.example
    resources:
    - path: /fine
      operations:
      - {{name: fine, method: GET}}
    - path: /odd
      {consumed_resource}
      operations:
      - name: odd
        method: GET
        {consumed}
        inputParameters: [{{name: q, in: query {parameter}}}]
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
    - path: /fine
      operations: [{{method: GET, name: fine, call: api.fine}}]
    - path: /odd
      {resource}
      operations:
      - method: GET
        name: odd
        call: api.odd
        {operation}
        inputParameters: [{{name: q, in: query {input}}}]
        outputParameters:
        - {{type: array, mapping: $.results, items: {{type: object, properties: [{{name: id, mapping: $.id}}] {items}}} {output}}}
"""
BETA = """
ikanos: 1.0.0-beta5
capability:
  consumes:
  - namespace: api
    baseUri: https://api.example
    resources:
      fine: {{path: /fine, operations: {{fine: {{method: GET}}}}}}
      odd:
        path: /odd
        {consumed_resource}
        operations:
          odd:
            method: GET
            {consumed}
            inputParameters: {{q: {{in: query {parameter}}}}}
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
      fine: {{path: /fine, operations: {{fine: {{method: GET, call: api.fine}}}}}}
      odd:
        path: /odd
        {resource}
        operations:
          odd:
            method: GET
            call: api.odd
            {operation}
            inputParameters: {{q: {{in: query {input}}}}}
            outputParameters:
              all: {{type: array, mapping: $.results, items: {{type: object, properties: {{id: {{mapping: $.id}}}} {items}}} {output}}}
"""
PLACES = ("consumed_resource", "consumed", "parameter", "resource", "operation", "input", "items", "output")


def compiled(path: Path) -> Compiled:
    return compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())


def codes(path: Path) -> list[str]:
    return [d.code for d in compiled(path).diagnostics if d.severity != "info"]


@pytest.fixture
def written(document: Callable[..., Path]) -> Callable[..., Path]:
    def write(template: str, **places: str) -> Path:
        return document(template.format(**(dict.fromkeys(PLACES, "") | places)).lstrip(), "things.yaml")

    return write


@pytest.mark.parametrize("template", [pytest.param(ALPHA, id="naftiko"), pytest.param(BETA, id="ikanos")])
@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("operation", "outputParams: []"),
        ("operation", "authentication: {type: bearer, token: x}"),
        ("operation", "items: []"),
        ("resource", "authentification: {type: bearer, token: x}"),
        ("input", ", patern: '[a-z]+'"),
        ("input", ", enums: [a, b]"),
        ("input", ", max-length: 3"),
        ("input", ", requierd: true"),
        ("output", ", item: {type: string}"),
        ("output", ", Values: {mapping: $.x}, value_s: {mapping: $.y}"),
        ("items", ", propertys: [{name: cost}]"),
        ("items", ", maximum: 3"),
        ("parameter", ", Pattern: '[a-z]+'"),
        ("consumed", "outputParametres: []"),
        ("consumed", "body: {type: json, data: {a: b}, authentication: {type: bearer, token: x}}"),
        ("consumed", "body: {type: json, data: {a: b}, Required: [a]}"),
        ("consumed", "body: {type: text, data: a, enums: [a]}"),
        ("consumed", "body: {type: formUrlEncoded, data: {a: b}, patern: '[a-z]+'}"),
        ("consumed_resource", "authentication: {type: bearer, token: x}"),
    ],
)
def test_it_leaves_out_the_operation(written: Callable[..., Path], template: str, place: str, key: str) -> None:
    path = written(template, **{place: key})
    with upstream(lambda request: ANSWER) as api, gateway(path, base_uris={"api": api.url}) as cap:
        left_out = httpx.get(cap.url + "/odd", params={"q": "a"})
        fine = httpx.get(cap.url + "/fine")

    assert (501, "misspelt-restriction") == (left_out.status_code, left_out.json()["code"])
    assert b"cost" not in left_out.content
    assert 200 == fine.status_code
    assert [b"/fine"] == [request.target for request in api.requests]


@pytest.mark.parametrize("template", [pytest.param(ALPHA, id="naftiko"), pytest.param(BETA, id="ikanos")])
@pytest.mark.parametrize(
    ("place", "key"),
    [
        ("input", ", mapping: $.q"),
        ("output", ", maxProperties: 3"),
        ("operation", "deprecated: true"),
    ],
)
def test_any_other_unknown_key_is_a_warning_alone(
    written: Callable[..., Path], template: str, place: str, key: str
) -> None:
    path = written(template, **{place: key})
    with upstream(lambda request: ANSWER) as api, gateway(path, base_uris={"api": api.url}) as cap:
        assert 200 == httpx.get(cap.url + "/odd", params={"q": "a"}).status_code

    assert ["unknown-key"] == codes(path)


def test_a_mapping_of_an_input_is_told_of_with(written: Callable[..., Path]) -> None:
    found = [d for d in compiled(written(ALPHA, input=", mapping: $.q")).diagnostics if d.code == "unknown-key"]

    assert ["say in 'with' of what calls it where the input goes"] == [d.hint for d in found]


EXPOSURES = """
naftiko: 1.0.0-alpha2
{root}
capability:
  {capability}
  consumes:
  - namespace: api
    baseUri: https://api.example
    {consumes}
    resources: [{{path: /a, operations: [{{name: a, method: GET}}]}}]
  - namespace: other
    baseUri: https://api.example
    resources: [{{path: /b, operations: [{{name: b, method: GET}}]}}]
  exposes:
  - type: rest
    namespace: r
    port: 8080
    {rest}
    resources:
    - {{path: /a, operations: [{{method: GET, name: a, call: api.a}}]}}
  - type: mcp
    namespace: m
    port: 9090
    {mcp}
    tools: [{{name: a, description: A., call: api.a}}, {{name: b, description: B., call: other.b}}]
"""


@pytest.mark.parametrize(
    ("place", "key", "live"),
    [
        ("rest", "authentification: {type: bearer, token: '{{K}}'}", ["a", "b"]),
        ("rest", "inputParameters: [{name: q, in: query, patern: a}]", ["a", "b"]),
        ("rest", "trustedHeader: [x]", ["a", "b"]),
        ("mcp", "Authentications: {type: bearer, token: '{{K}}'}", ["GET /a"]),
        ("consumes", "autentication: {type: bearer, token: '{{K}}'}", ["b"]),
        ("consumes", "inputParameters: [{name: q, in: query, enums: [a]}]", ["b"]),
        ("capability", "authentication: {type: bearer, token: '{{K}}'}", []),
        ("root", "authentication: {type: bearer, token: '{{K}}'}", []),
    ],
)
def test_it_leaves_out_all_that_is_below_it(
    document: Callable[..., Path], place: str, key: str, live: list[str]
) -> None:
    places = dict.fromkeys(("root", "capability", "consumes", "rest", "mcp"), "") | {place: key}
    out = compiled(document(EXPOSURES.format(**places).lstrip(), "things.yaml"))
    calls = [call for exposure in out.plan.exposures for call in exposure.calls] if out.plan else []

    assert live == [call.key.rpartition("/r/")[2].rpartition("/m/")[2] for call in calls]
    assert {"misspelt-restriction"} == {d.code for d in out.diagnostics if d.severity != "info"}
    assert (out.plan is None) == (not live)


def test_an_authentication_in_one_word_lets_nobody_in(document: Callable[..., Path]) -> None:
    places = dict.fromkeys(("root", "capability", "consumes", "mcp"), "") | {"rest": "auth: bearer"}
    out = compiled(document(EXPOSURES.format(**places).lstrip(), "things.yaml"))

    assert out.plan is not None
    assert [0, 2] == sorted(len(exposure.calls) for exposure in out.plan.exposures)
    assert {"alias-key", "bad-auth"} == {d.code for d in out.diagnostics if d.severity != "info"}
    assert ["write '{type: bearer, …}'"] == [d.hint for d in out.diagnostics if d.code == "bad-auth"]


def test_a_tool_whose_output_or_step_is_misspelt_is_left_out(things: Callable[..., Path]) -> None:
    consumes = "resources: [{path: /a, operations: [{name: a, method: GET}]}]"
    tools = """
- {name: fine, description: d, call: api.a}
- {name: output, description: d, call: api.a, outputParameters: [{name: n, mappings: $.x}]}
- {name: step, description: d, steps: [{name: s, type: call, call: api.a, outputParams: []}]}
"""
    plan = compiled(things(consumes, tools=tools)).plan

    assert plan is not None
    assert ["fine"] == [call.exposed.name for exposure in plan.exposures for call in exposure.calls]
    assert [("output", "misspelt-restriction"), ("step", "misspelt-restriction")] == [
        (rejected.exposed.name, rejected.why.code) for exposure in plan.exposures for rejected in exposure.rejected
    ]


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        *((key, key) for key in RESTRICTING),
        ("authentification", "authentication"),
        ("auth", "authentication"),
        ("output_parameters", "outputParameters"),
        ("outputParams", "outputParameters"),
        ("propertie", "properties"),
        ("property", "properties"),
        ("enums", "enum"),
        ("enu", None),
        ("minProperties", None),
        ("maxItems", None),
        ("description", None),
        ("surprise", None),
    ],
)
def test_what_a_key_means(key: str, meant: str | None) -> None:
    assert meant == misspelt(key)
