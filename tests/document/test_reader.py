"""Spellings that documents have and no rule forbids: each means what its author evidently meant."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import Answered, gateway, upstream

LIST = """
resources:
- {name: things, path: /things, operations: [{name: list-things, method: GET}]}
"""
WRITE = """
resources:
- name: trips
  path: /trips
  operations:
  - name: plan
    method: POST
    body: |
      {"ship": "{{ship}}", "crew": {{crew}}, "cargo": {{cargo}}, "note": "a: {{note}}, b"}
"""


def compiled(path: Path) -> Compiled:
    return compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())


def surprises(out: Compiled) -> list[str]:
    return [str(d) for d in out.diagnostics if d.severity != "info"]


@pytest.mark.parametrize(
    "items",
    [
        "{type: object, properties: [{name: id, type: string, mapping: $.id}]}",
        "{type: object, properties: {id: {type: string, mapping: $.id}}}",
        "[{type: object, properties: {id: {type: string, mapping: $.id}}}]",
        "[{name: id, type: string, mapping: $.id}]",
        "{id: {type: string, mapping: $.id}}",
    ],
)
def test_items_may_be_one_shape_or_the_members_of_one(things: Callable[..., Path], items: str) -> None:
    outputs = f"[{{type: array, mapping: $.all, items: {items}}}]"
    rest = f"- {{path: /things, operations: [{{method: GET, call: api.list-things, outputParameters: {outputs}}}]}}"
    document = things(LIST, rest, "- {name: list-things, description: d, call: api.list-things}")
    answer = Answered(body=b'{"all": [{"id": 1, "x": 2}, {"id": 3}]}')
    with upstream(lambda r: answer) as api, gateway(document, base_uris={"api": api.url}) as cap:
        got = httpx.get(cap.url + "/things").json()

    assert [] == surprises(compiled(document))
    assert [{"id": "1"}, {"id": "3"}] == got


NAMES = ("mapping", "type", "properties", "name", "description", "value", "const", "required", "enum", "maxLength")


@pytest.mark.parametrize("name", [*NAMES, "items", "values"])
@pytest.mark.parametrize("place", ["items", "properties", "outputParameters"])
def test_a_named_output_may_be_called_like_a_key(things: Callable[..., Path], name: str, place: str) -> None:
    members = f"{{{name}: {{type: string, mapping: '$.{name}'}}, weight: {{type: number, mapping: '$.weight'}}}}"
    outputs = {
        "items": f"[{{type: array, mapping: $.all, items: {members}}}]",
        "properties": f"[{{type: object, mapping: '$.all[0]', properties: {members}}}]",
        "outputParameters": members.replace("$.", "$.all[0]."),
    }[place]
    rest = f"- {{path: /things, operations: [{{method: GET, call: api.list-things, outputParameters: {outputs}}}]}}"
    document = things(LIST, rest)
    document.write_text(document.read_text().replace("naftiko: 1.0.0-alpha2", "ikanos: 1.0.0-beta5"))
    answer = Answered(body=f'{{"all": [{{"{name}": "a", "weight": 2, "secret": 3}}]}}'.encode())
    with upstream(lambda r: answer) as api, gateway(document, base_uris={"api": api.url}) as cap:
        got = httpx.get(cap.url + "/things").json()

    assert {name: "a", "weight": 2} == (got[0] if place == "items" else got)


@pytest.mark.parametrize("outputs", ["[{type: string, mapping: $.id}]", "{type: string, mapping: $.id}"])
def test_one_output_may_stand_alone(things: Callable[..., Path], outputs: str) -> None:
    document = things(
        LIST, f"- {{path: /a, operations: [{{method: GET, call: api.list-things, outputParameters: {outputs}}}]}}"
    )
    answer = Answered(body=b'{"id": 7}')
    with upstream(lambda r: answer) as api, gateway(document, base_uris={"api": api.url}) as cap:
        assert "7" == httpx.get(cap.url + "/a").json()


@pytest.mark.parametrize(
    ("key", "value", "helps"),
    [
        ("outputParameters", "{name: whole, items: {type: string}}", "begin each of its entries with '- '"),
        ("inputParameters", "{name: id, in: query}", "begin each of its entries with '- '"),
        ("inputParameters", "{id: string}", "write 'id: {type: string}'"),
        ("inputParameters", "{id: query}", "write 'id: {…}'"),
    ],
)
def test_a_map_of_named_things_holds_mappings(things: Callable[..., Path], key: str, value: str, helps: str) -> None:
    out = compiled(
        things(LIST, f"- {{path: /a, operations: [{{method: GET, call: api.list-things, {key}: {value}}}]}}")
    )

    assert out.refusal is not None
    assert ("wrong-type", f"'{key}' must be a list, not a mapping") == (out.refusal.code, out.refusal.message)
    assert helps in out.refusal.hint


def test_an_older_spelling_of_an_input(things: Callable[..., Path]) -> None:
    consumes = (
        "resources:\n- {path: /t, operations: [{name: get, method: GET, inputParameters: [{name: q, in: query}]}]}"
    )
    rest = "- {path: /a, operations: [{method: GET, call: api.get, with: {q: $this.things-rest.word}}]}"
    with upstream() as api, gateway(things(consumes, rest), base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/a", params={"word": "x"})

    assert [b"/t?q=x"] == [request.target for request in api.requests]


def test_a_name_in_a_path_may_have_spaces(things: Callable[..., Path]) -> None:
    outputs = "[{type: string, mapping: $.all.Participation Status.name}]"
    document = things(
        LIST, f"- {{path: /a, operations: [{{method: GET, call: api.list-things, outputParameters: {outputs}}}]}}"
    )
    answer = Answered(body=b'{"all": {"Participation Status": {"name": "in"}}}')
    with upstream(lambda r: answer) as api, gateway(document, base_uris={"api": api.url}) as cap:
        assert "in" == httpx.get(cap.url + "/a").json()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (
            {"vessel": "a", "crew": ["x", 'y"'], "cargo": [], "note": "n"},
            {"ship": "a", "crew": ["x", 'y"'], "cargo": [], "note": "a: n, b"},
        ),
        ({"vessel": "a", "crew": [1]}, {"ship": "a", "crew": [1]}),
    ],
)
def test_a_variable_without_quotes_in_a_raw_body_is_a_value(
    things: Callable[..., Path], given: dict[str, Any], sent: dict[str, Any]
) -> None:
    tools = """
- name: plan
  description: Plan.
  call: api.plan
  inputParameters:
  - {name: vessel, type: string, required: true}
  - {name: crew, type: array}
  - {name: cargo, type: array}
  - {name: note, type: string}
  with: {ship: things-mcp.vessel, crew: things-mcp.crew, cargo: things-mcp.cargo, note: things-mcp.note}
"""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "plan", "arguments": given}}
    with upstream() as api, gateway(things(WRITE, "[]", tools), base_uris={"api": api.url}) as cap:
        httpx.post(cap.url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"})

    assert [sent] == [msgspec.json.decode(request.body) for request in api.requests]
    assert b"application/json" == api.requests[0].header("content-type")


def test_a_variable_as_a_key_is_never_sent_as_it_stands(things: Callable[..., Path]) -> None:
    consumes = "resources:\n- {path: /t, operations: [{name: w, method: POST, body: {type: json, data: {'{{k}}': 1}}}, {name: l, method: GET}]}"
    rest = "- {path: /t, operations: [{method: POST, call: api.w}, {method: GET, call: api.l}]}"
    out = compiled(things(consumes, rest))

    assert out.plan is not None
    assert ["bad-template"] == [d.code for d in out.diagnostics if d.severity != "info" and "empty" not in d.code]
    assert ["POST"] == [left.exposed.method for e in out.plan.exposures for left in e.rejected]


BEARER = "authentication: {type: bearer, token: '{{THINGS_KEY}}'}\n"


def test_a_file_of_bindings_that_is_not_there_is_no_matter_of_the_document(things: Callable[..., Path]) -> None:
    document = things(BEARER + LIST, "- {path: /things, operations: [{method: GET, call: api.list-things}]}", "[]")
    located = "- namespace: env\n  location: file:///./shared/secrets.yaml\n  keys:"
    document.write_text(document.read_text().replace("- namespace: env\n  keys:", located))
    without = [d.code for d in compiled(document).diagnostics]
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        unset = httpx.get(cap.url + "/things")
        (document.parent / "shared").mkdir()
        (document.parent / "shared" / "secrets.yaml").write_text("THINGS_KEY: now\n")
        cap.replace(document)
        found = httpx.get(cap.url + "/things")

    assert [d.code for d in compiled(document).diagnostics] == without
    assert (503, 200) == (unset.status_code, found.status_code)
    assert "THINGS_KEY is not set" in unset.json()["detail"]
    assert [b"Bearer now"] == [request.header("authorization") for request in api.requests]


@pytest.mark.parametrize("type_", ["oauth2, authorizationServerUri: 'https://a.example'", "basic, username: a"])
def test_callers_that_cannot_be_checked_leave_out_their_exposure_alone(things: Callable[..., Path], type_: str) -> None:
    document = things(
        LIST,
        "- {path: /things, operations: [{method: GET, call: api.list-things}]}",
        "- {name: list-things, description: d, call: api.list-things}",
    )
    guarded = document.read_text().replace("port: 8080", f"port: 8080\n    authentication: {{type: {type_}}}")
    document.write_text(guarded)
    (why,) = [d for d in compiled(document).diagnostics if d.code == "unknown-auth"]
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        closed = httpx.get(cap.url + "/things")
        message = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "list-things", "arguments": {}},
        }
        tool = httpx.post(cap.url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"}).json()

    assert "warning" == why.severity
    assert "authentication: {type:" in guarded.splitlines()[why.at.line - 1]
    assert (501, "unknown-auth") == (closed.status_code, closed.json()["code"])
    assert not tool["result"].get("isError")
    assert [b"/things"] == [request.target for request in api.requests]
