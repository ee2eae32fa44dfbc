"""A value that cannot be read leaves out what it stands on; whatever else the document has is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

CONSUMES = """
resources:
- path: /fine
  operations: [{name: fine, method: GET}]
- path: /odd
  operations: [{name: odd, method: GET}]
"""
REST = """
- {path: /fine, operations: [{method: GET, name: fine, call: api.fine}]}
- {path: /odd, operations: [{method: GET, name: odd, call: api.odd}]}
"""
TOOLS = """
- {name: fine, description: d, call: api.fine}
- {name: odd, description: d, call: api.odd}
"""


def compiled(path: Path) -> Compiled:
    return compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())


def served(out: Compiled) -> list[str]:
    assert out.plan is not None, out.diagnostics
    return [f"{exposure.type} {call.exposed.name}" for exposure in out.plan.exposures for call in exposure.calls]


EVERYTHING = ["rest fine", "rest odd", "mcp fine", "mcp odd"]
FINE = ["rest fine", "mcp fine"]


@pytest.mark.parametrize(
    ("part", "old", "new", "left"),
    [
        ("consumes", "{name: odd, method: GET}", "{name: odd, method: [GET]}", FINE),
        ("consumes", "{name: odd, method: GET}", "{name: odd, method: GET, outputParameters: x}", FINE),
        ("consumes", "{name: odd, method: GET}", "{name: odd, method: GET, inputParameters: [q]}", FINE),
        ("consumes", "{name: odd, method: GET}", "{name: odd, method: GET, inputParameters: [{in: query}]}", FINE),
        ("consumes", "{name: odd, method: GET}", "{method: GET}", FINE),
        ("consumes", "- path: /odd\n", "- path: [/odd]\n", FINE),
        ("consumes", "- path: /odd\n", "- pth: /odd\n", FINE),
        ("rest", "name: odd, call: api.odd", "name: odd, call: [api.odd]", [*FINE[:1], *EVERYTHING[2:]]),
        ("rest", "call: api.odd", "call: api.odd, with: [a]", [*FINE[:1], *EVERYTHING[2:]]),
        ("rest", "call: api.odd", "call: api.odd, outputParameters: [{items: 5}]", [*FINE[:1], *EVERYTHING[2:]]),
        ("rest", "call: api.odd", "call: api.odd, inputParameters: [{name: a, maxLength: -1}]", [*FINE[:1], *EVERYTHING[2:]]),
        ("tools", "call: api.odd", "call: api.odd, outputParameters: [{properties: [x]}]", EVERYTHING[:3]),
        ("tools", "- {name: odd, description: d, call: api.odd}", "- odd", EVERYTHING[:3]),
        ("tools", "{name: odd, description", "{name: [odd], description", EVERYTHING[:3]),
        ("tools", "name: odd, description: d", "name: odd, description: [d]", EVERYTHING),
    ],
)  # fmt: skip
def test_one_wrong_value_leaves_out_one_operation(
    things: Callable[..., Path], part: str, old: str, new: str, left: list[str]
) -> None:
    parts = {"consumes": CONSUMES, "rest": REST, "tools": TOOLS}
    assert old in parts[part]
    path = things(**{**parts, part: parts[part].replace(old, new)})
    out = compiled(path)

    assert left == served(out)
    told = [
        d for d in out.diagnostics if d.severity != "info" and d.code in ("wrong-type", "missing-key", "unknown-key")
    ]
    assert told
    assert all(d.severity == "warning" for d in out.diagnostics if d.severity != "info")


@pytest.mark.parametrize("key", ["enum", "values"])
@pytest.mark.parametrize("part", ["{KEY: {a: 1}}", "{type: array, items: {type: string, KEY: {type: integer}}}"])
def test_allowed_values_in_a_mapping_leave_out_what_they_should_restrict(
    things: Callable[..., Path], key: str, part: str
) -> None:
    odd = "call: api.odd, inputParameters: [{name: x, " + part.replace("KEY", key)[1:] + "]"
    out = compiled(things(CONSUMES, REST, TOOLS.replace("call: api.odd", odd)))

    assert EVERYTHING[:3] == served(out)
    told = [(d.code, d.message.partition(";")[0]) for d in out.diagnostics if d.severity != "info"]
    assert [("wrong-type", f"'{key}' must be a list, not a mapping")] == told


def test_what_is_left_out_answers_with_the_reason_and_the_rest_is_called(things: Callable[..., Path]) -> None:
    path = things(CONSUMES.replace("{name: odd, method: GET}", "{name: odd, method: {}}"), REST, TOOLS)
    with upstream() as api, gateway(path, base_uris={"api": api.url}) as cap:
        fine, odd = httpx.get(cap.url + "/fine"), httpx.get(cap.url + "/odd")

    assert (200, 501) == (fine.status_code, odd.status_code)
    assert "'method' must be text, not a mapping" in odd.json()["detail"]
    assert [b"/fine"] == [request.target for request in api.requests]


@pytest.mark.parametrize("port", ["70000", "high", "-1", "[8080]"])
def test_an_exposure_nobody_can_listen_for_leaves_the_other(things: Callable[..., Path], port: str) -> None:
    path = things(CONSUMES, REST, TOOLS)
    path.write_text(path.read_text().replace("port: 8080", f"port: {port}"))

    assert ["mcp fine", "mcp odd"] == served(compiled(path))


def test_port_zero_names_none(things: Callable[..., Path]) -> None:
    path = things(CONSUMES, REST, TOOLS)
    path.write_text(path.read_text().replace("port: 8080", "port: 0"))
    out = compiled(path)

    assert EVERYTHING == served(out)
    assert ["no-port"] == [d.code for d in out.diagnostics if d.severity == "warning"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("    namespace: api\n", "", "missing-key"),
        ("    namespace: api\n", "    namespace: [api]\n", "wrong-type"),
        ("  consumes:\n", "  consumes: 5\n  ignored:\n", "wrong-type"),
        ("  exposes:\n", "  exposes: 5\n  ignored:\n", "wrong-type"),
        ("THINGS_KEY: THINGS_KEY", "THINGS_KEY: [THINGS_KEY]", "wrong-type"),
    ],
)
def test_nothing_left_refuses_the_document_at_the_cause(
    things: Callable[..., Path], old: str, new: str, code: str
) -> None:
    path = things(CONSUMES, REST, TOOLS)
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    refusal = compiled(path).refusal

    assert refusal is not None
    assert code == refusal.code


def test_what_a_document_says_of_itself_is_no_reason_to_refuse_it(things: Callable[..., Path]) -> None:
    path = things(CONSUMES, REST, TOOLS)
    path.write_text(path.read_text().replace("label: Things,", "label: [Things], stakeholders: someone,"))
    out = compiled(path)

    assert EVERYTHING == served(out)
    assert ["wrong-type", "wrong-type"] == [d.code for d in out.diagnostics if d.severity == "warning"]
