"""Sources of `with` that are spelled otherwise mean the input, and what merely looks like one is reported."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.compile.respelled import respelled_input
from cap_core.diagnostics.report import Diagnostic
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

CONSUMES = """
resources:
- path: /things
  operations:
  - name: list
    method: GET
    inputParameters: [{name: after, in: query}, {name: $top, in: query}, {name: query.term, in: query}]
  - name: write
    method: POST
    inputParameters: [{name: after, in: body}]
"""
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
HEADERS = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}

SPELLINGS = [
    "params.after",
    "args.after",
    "arguments.after",
    "input.after",
    "inputs.after",
    "request.after",
    "query.after",
    "path.after",
    "body.after",
    "headers.after",
    "tool.after",
    "request.query.after",
    "$rest.after",
    "$tools.after",
    "$params.after",
    "${rest.after}",
    "${after}",
    "{rest.after}",
    "{tools.after}",
    "${ rest.after }",
]


def compiled(path: Path) -> Compiled:
    return compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())


def warnings(path: Path) -> list[Diagnostic]:
    found = (d for d in compiled(path).diagnostics if d.severity == "warning")
    return [d for d in found if d.code != "renamed-property"]  # of $top


@pytest.fixture
def with_(things: Callable[..., Path]) -> Callable[..., Path]:
    """A document whose route and whose tool assign the same to a parameter."""

    def write(source: str, parameter: str = "after", more: str = "", binds: str = "", op: str = "list") -> Path:
        method = "GET" if op == "list" else "POST"
        entry = f'call: api.{op}, with: {{{parameter}: "{source}"}} {more}'
        path = things(
            CONSUMES,
            f"- {{path: /t, operations: [{{method: {method}, name: t, {entry}}}]}}",
            f"- {{name: t, description: d, {entry}}}",
        )
        if binds:
            path.write_text(re.sub(r"(?ms)^binds:.*?(?=^capability:)", f"binds: {binds}\n", path.read_text()))
        return path

    return write


@pytest.mark.parametrize("source", SPELLINGS)
def test_it_is_the_input_on_both_faces(with_: Callable[..., Path], source: str) -> None:
    path = with_(source)
    with upstream() as api, gateway(path, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/t", params={"after": "4"})
        arguments = {"name": "t", "arguments": {"after": "5"}}
        httpx.post(cap.url + "/mcp", json=CALL | {"params": arguments}, headers=HEADERS)

    assert [b"/things?after=4", b"/things?after=5"] == [request.target for request in api.requests]
    found = warnings(path)
    assert ["respelled-source", "respelled-source"] == [d.code for d in found]
    assert ["write 'rest.after'", "write 'tools.after'"] == [d.hint for d in found]


@pytest.mark.parametrize(
    ("source", "parameter", "more", "asked", "sent"),
    [
        ("params.word", "after", ", inputParameters: [{name: word, in: query}]", {"word": "1"}, b"/things?after=1"),
        ("params.$top", "$top", "", {"top": "1"}, b"/things?$top=1"),
        ("params.query.term", "query.term", "", {"query.term": "1"}, b"/things?query.term=1"),
    ],
)
def test_it_may_be_declared_and_keeps_a_name_of_its_own(
    with_: Callable[..., Path], source: str, parameter: str, more: str, asked: dict[str, str], sent: bytes
) -> None:
    assert {"respelled-source"} == {d.code for d in warnings(with_(source, parameter, more))}
    arguments = {"name": "t", "arguments": asked}
    with upstream() as api, gateway(with_(source, parameter, more), base_uris={"api": api.url}) as cap:
        httpx.post(cap.url + "/mcp", json=CALL | {"params": arguments}, headers=HEADERS)

    assert [sent] == [request.target for request in api.requests]


def test_it_may_be_a_placeholder_and_go_into_a_body(things: Callable[..., Path]) -> None:
    path = things(
        CONSUMES, "- {path: '/t/{id}', operations: [{method: POST, call: api.write, with: {after: params.id}}]}"
    )
    with upstream() as api, gateway(path, base_uris={"api": api.url}) as cap:
        httpx.post(cap.url + "/t/7")

    assert [b'{"after":"7"}'] == [request.body for request in api.requests]


@pytest.mark.parametrize("source", ["after", "list", "foo.after", "$x", "{after}", "$.after", "params.nobody"])
def test_other_text_stays_text(with_: Callable[..., Path], source: str) -> None:
    path = with_(source)
    with upstream() as api, gateway(path, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/t", params={"after": "4"})

    assert source == str(httpx.URL("http://x" + api.requests[0].target.decode()).params["after"])
    found = [d for d in warnings(path) if d.code == "literal-source"]
    assert (2 if source not in ("list", "params.nobody") else 0) == len(found)


@pytest.mark.parametrize(
    ("binds", "source", "codes"),
    [
        ("[{namespace: params, keys: {after: AFTER}}]", "params.after", set()),
        ("[{namespace: query, keys: {other: OTHER}}]", "query.after", set()),
        ("[{namespace: env, keys: {TOKEN: TOKEN}}]", "${TOKEN}", {"literal-source"}),
    ],
)
def test_what_is_a_binding_stays_one(with_: Callable[..., Path], binds: str, source: str, codes: set[str]) -> None:
    found = warnings(with_(source, binds=binds))

    assert codes == {d.code for d in found}
    assert all("{{TOKEN}}" in d.hint for d in found)


def test_inside_of_a_list_it_is_reported(things: Callable[..., Path]) -> None:
    path = things(
        CONSUMES, "- {path: /t, operations: [{method: POST, call: api.write, with: {after: [params.after]}}]}"
    )

    assert [("literal-source", "write '{{rest.after}}' for the input")] == [(d.code, d.hint) for d in warnings(path)][
        :1
    ]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("params.id", "id"),
        ("${crm.id}", "id"),
        ("crm.id", None),  # a source as it stands
        ("$id", None),
        ("{id}", None),
        ("${id", None),
        ("$id}", None),
        ("params.", None),
        ("params.other", None),
        ("params.i d", None),
        ("other.id", None),
    ],
)
def test_which_input_is_meant(text: str, name: str | None) -> None:
    assert name == respelled_input(text, {"rest", "tools", "crm"}, {"id"})


@pytest.mark.parametrize(
    "source", ["{{params.after}}", "a {{args.after}} b", "{{request.query.after}}", "{{input.after}}"]
)
def test_in_a_template_other_spellings_mean_the_input_too(with_: Callable[..., Path], source: str) -> None:
    path = with_(source)
    wanted = source.replace(source[source.index("{{") : source.index("}}") + 2], "7")
    with upstream() as api, gateway(path, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/t", params={"after": "7"})
        arguments = {"name": "t", "arguments": {"after": "7"}}
        httpx.post(cap.url + "/mcp/things", json={**CALL, "params": arguments}, headers=HEADERS)

    assert [wanted, wanted] == [httpx.URL(request.target.decode()).params["after"] for request in api.requests]
    assert ["respelled-source", "respelled-source"] == [d.code for d in warnings(path)]


def test_in_a_template_a_variable_and_an_unknown_name_stay_what_they_are(with_: Callable[..., Path]) -> None:
    binds = "[{namespace: params, keys: {after: AFTER}}]"

    assert [] == warnings(with_("{{params.after}}", binds=binds))
    assert {"unbound-variable"} == {d.code for d in warnings(with_("{{params.elsewhere}}"))}
