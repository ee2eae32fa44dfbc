"""Any text gives a plan or located diagnostics, never an exception, within bounded time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader

QUICK = 5.0
"""Seconds that the worst document below may take on a busy machine; most take milliseconds."""

GOOD = """\
naftiko: 1.0.0-alpha2
info: {label: Things, description: d}
binds:
- {namespace: env, keys: {TOKEN: TOKEN}}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://{{HOST}}/v1
    authentication: {type: bearer, token: '{{env.TOKEN}}'}
    resources:
    - path: /things/{id}
      operations:
      - name: change
        method: PUT
        inputParameters: [{name: id, in: path}, {name: q, in: query, value: 'a{{tools.q}}'}]
        body: {type: json, data: {a: '{{tools.a}}', b: [1, '{{tools.c}}']}}
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
    - path: /v1/things/{id}
      operations:
      - name: change
        method: PUT
        call: api.change
        with: {id: rest.id}
        outputParameters: [{name: n, type: string, mapping: $.a.b}]
  - type: mcp
    namespace: m
    port: 9090
    tools: [{name: change, description: d, call: api.change, with: {id: tools.id}}]
"""


@pytest.fixture(scope="module")
def compiling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    registry = loader.load()
    path = tmp_path_factory.mktemp("any") / "any.yaml"

    def compiled(data: bytes) -> Compiled:
        path.write_bytes(data)
        begun = time.monotonic()
        out = compile_source(DocumentSource("any", "any.yaml", path), registry, CompileOptions())
        assert time.monotonic() - begun < QUICK
        # What ends a line for YAML 1.1, whose scanner counts them.
        ends = (b"\n", b"\r", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xa9")
        lines = sum(data.count(end) for end in ends) + 2
        assert (out.plan is None) == (out.refusal is not None)
        for said in out.diagnostics:
            assert "any.yaml" == said.at.file
            assert 0 < said.at.line <= lines
            assert "\n" not in str(said)
        return out

    return compiled


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes(compiling: Any, data: bytes) -> None:
    compiling(data)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=300))
def test_any_text_behind_a_dialect_key(compiling: Any, text: str) -> None:
    compiling(b"naftiko: 1.0.0-alpha2\n" + text.encode("utf-8", "replace"))


LINES = GOOD.splitlines()
ODD = st.sampled_from(
    [
        "{{",
        "}}",
        "{{#x}}",
        "[",
        "]",
        "{",
        "}",
        ":",
        "-",
        "&a",
        "*a",
        "null",
        "~",
        "yes",
        "2020-01-01",
        "''",
        "\t",
        "|",
        "%",
        "{x}",
    ]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.sampled_from("dsri"), st.integers(0, 60), ODD), max_size=4)
)
def test_a_good_document_changed_at_random(compiling: Any, changes: list[tuple[int, str, int, str]]) -> None:
    lines = list(LINES)
    for line, how, at, odd in changes:
        text = lines[line]
        if how == "d":
            lines[line] = ""
        elif how == "s":
            lines[line] = " " * (at % 8) + text
        elif how == "r":
            lines[line] = text[:at] + odd
        else:
            lines[line] = text[:at] + odd + text[at:]
    compiling("\n".join(lines).encode())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 100_000, id="nested-lists"),
        pytest.param(b"{a: " * 50_000, id="nested-maps"),
        pytest.param(b"naftiko: 1.0.0-alpha2\n" + b"a" * 10_000_000, id="10-MB"),
        pytest.param(b"naftiko: 1.0.0-alpha2\nx:\n" + b"- a\n" * 1_000_000, id="a-million-items"),
        pytest.param(b"&a [*a]", id="cycle"),
        pytest.param(b"naftiko: 1.0.0-alpha2\na: &a {b: 1}\nc: {<<: *a}\n", id="merge-key"),
        pytest.param(b"\xef\xbb\xbf" + GOOD.encode(), id="bom"),
        pytest.param(GOOD.replace("\n", "\r\n").encode(), id="crlf"),
        pytest.param(GOOD.replace("  ", "\t").encode(), id="tabs"),
        pytest.param(GOOD.replace("Things", "Th\x00ings").encode(), id="nul"),
        pytest.param(GOOD.encode("utf-16"), id="utf-16"),
        pytest.param(GOOD.replace("Things", "yes").replace(" d}", " 2020-01-01}").encode(), id="yes-and-dates"),
        pytest.param(b"naftiko: " + b"9" * 5000, id="a-long-number"),
        pytest.param(GOOD.replace("$.a.b", "$" + ".a" * 5000).encode(), id="a-long-path"),
        pytest.param(GOOD.replace("{{tools.a}}", "{{" * 5000).encode(), id="many-braces"),
    ],
)
def test_what_might_cost_too_much(compiling: Any, data: bytes) -> None:
    compiling(data)


WIDE = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - {type: http, namespace: api, baseUri: https://api.example, resources: [%s]}
  exposes:
  - {type: rest, namespace: r, port: 8080, resources: [%s]}
  - {type: mcp, namespace: m, port: 9090, tools: [%s]}
"""


def wide(consumed: list[str], tools: list[str], rest: str = "") -> bytes:
    """A document of one line for each list."""
    return (WIDE % (", ".join(consumed), rest, ", ".join(tools))).encode()


def resource(name: str, more: str = "", method: str = "GET", path: str = "/t") -> str:
    return f"{{path: '{path}', operations: [{{name: {name}, method: {method}{more}}}]}}"


def tool(name: str, call: str, more: str = "") -> str:
    return f"{{name: {name}, description: d, call: api.{call}{more}}}"


def each(form: str, count: int = 4000) -> str:
    return ", ".join(form.format(n) for n in range(count))


def parameters(count: int, place: str = "query") -> str:
    return f", inputParameters: [{each('{{name: p-{}, in: ' + place + '}}', count)}]"


KEYS = f", with: {{{each('p_{0}: tools.q{0}')}}}"
INPUTS = f", inputParameters: [{each('{{name: q{}, type: string}}')}]"
PATH = "".join(f"/{{p-{n}}}" for n in range(2000))
OWN_PATH = "".join(f"/{{q{n}}}" for n in range(2000))
OWN_KEYS = each("p_{0}: rest.q{0}", 2000)


@pytest.mark.parametrize(
    ("data", "served"),
    [
        pytest.param(
            wide([resource(f"o{n}") for n in range(2000)], [tool(f"t{n}", f"o{n}") for n in range(2000)]),
            True,
            id="operations",
        ),
        pytest.param(
            wide([resource("same")] * 1500, [tool(f"t{n}", "same", ", with: {a: tools.a}") for n in range(1500)]),
            False,
            id="operations-of-one-name",
        ),
        pytest.param(
            wide([resource(f"o{n}") for n in range(3000)], [tool(f"t{n}", f"oo{n}") for n in range(3000)]),
            False,
            id="dangling-calls",
        ),
        pytest.param(wide([resource("o", parameters(4000))], [tool("t", "o", INPUTS + KEYS)]), True, id="keys"),
        pytest.param(
            wide([resource("o", parameters(4000, "body"), "POST")], [tool("t", "o", INPUTS + KEYS)]),
            True,
            id="keys-of-a-body",
        ),
        pytest.param(wide([resource("o", parameters(4000))], [tool("t", "o")]), True, id="parameters"),
        pytest.param(wide([resource("o")], [tool("t", "o", KEYS)]), True, id="keys-of-nothing"),
        pytest.param(wide([resource("o", "", "POST")], [tool("t", "o", INPUTS)]), True, id="inputs-of-nothing"),
        pytest.param(
            wide(
                [resource("o", parameters(2000, "path"), path=PATH)],
                [tool("t", "o")],
                f"{{path: '{OWN_PATH}', operations: [{{method: GET, call: api.o, with: {{{OWN_KEYS}}}}}]}}",
            ),
            True,
            id="placeholders",
        ),
        pytest.param(
            wide(
                [resource("o", parameters(1, "body"), "POST")],
                [tool("t", "o", f", with: {{p-0: [{each('x', 80_000)}]}}")],
            ),
            True,
            id="items",
        ),
        pytest.param(
            wide(
                [resource("o", f", inputParameters: [{{name: a, in: query, value: '{'{{' * 20_000}'}}]")],
                [tool("t", "o")],
            ),
            False,
            id="openings",
        ),
    ],
)
def test_what_is_wide_takes_as_long_as_it_is_wide(compiling: Any, data: bytes, served: bool) -> None:
    out = compiling(data)

    assert served == (out.plan is not None)
    assert all(len(said.message) <= 600 for said in out.diagnostics)
