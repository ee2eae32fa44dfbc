"""Any text gives a plan or located diagnostics, never an exception, within bounded time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from effort import assert_linear, at_most

QUICK = 4000
"""Units of work that the worst document below may cost, a few seconds; most cost less than ten."""

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
        with at_most(QUICK):
            out = compile_source(DocumentSource("any", "any.yaml", path), registry, CompileOptions())
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


def each(form: str, count: int) -> str:
    return ", ".join(form.format(n) for n in range(count))


def parameters(count: int, place: str = "query") -> str:
    return f", inputParameters: [{each('{{name: p-{}, in: ' + place + '}}', count)}]"


def keys(count: int) -> str:
    return f", with: {{{each('p_{0}: tools.q{0}', count)}}}"


def inputs(count: int) -> str:
    return f", inputParameters: [{each('{{name: q{}, type: string}}', count)}]"


def operations(count: int) -> bytes:
    return wide([resource(f"o{n}") for n in range(count)], [tool(f"t{n}", f"o{n}") for n in range(count)])


def operations_of_one_name(count: int) -> bytes:
    return wide([resource("same")] * count, [tool(f"t{n}", "same", ", with: {a: tools.a}") for n in range(count)])


def dangling_calls(count: int) -> bytes:
    return wide([resource(f"o{n}") for n in range(count)], [tool(f"t{n}", f"oo{n}") for n in range(count)])


def placeholders(count: int) -> bytes:
    path, own = ("".join(f"/{{{name}{n}}}" for n in range(count)) for name in ("p-", "q"))
    call = f"{{method: GET, call: api.o, with: {{{each('p_{0}: rest.q{0}', count)}}}}}"
    consumed = resource("o", parameters(count, "path"), path=path)
    return wide([consumed], [tool("t", "o")], f"{{path: '{own}', operations: [{call}]}}")


def items(count: int) -> bytes:
    consumed = resource("o", parameters(1, "body"), "POST")
    return wide([consumed], [tool("t", "o", f", with: {{p-0: [{each('x', count)}]}}")])


def openings(count: int) -> bytes:
    return wide(
        [resource("o", f", inputParameters: [{{name: a, in: query, value: '{'{{' * count}'}}]")], [tool("t", "o")]
    )


@pytest.mark.parametrize(
    ("document", "most", "served"),
    [
        pytest.param(operations, 2000, True, id="operations"),
        pytest.param(operations_of_one_name, 1500, False, id="operations-of-one-name"),
        pytest.param(dangling_calls, 3000, False, id="dangling-calls"),
        pytest.param(
            lambda n: wide([resource("o", parameters(n))], [tool("t", "o", inputs(n) + keys(n))]),
            4000,
            True,
            id="keys",
        ),
        pytest.param(
            lambda n: wide([resource("o", parameters(n, "body"), "POST")], [tool("t", "o", inputs(n) + keys(n))]),
            4000,
            True,
            id="keys-of-a-body",
        ),
        pytest.param(lambda n: wide([resource("o", parameters(n))], [tool("t", "o")]), 4000, True, id="parameters"),
        pytest.param(lambda n: wide([resource("o")], [tool("t", "o", keys(n))]), 4000, True, id="keys-of-nothing"),
        pytest.param(
            lambda n: wide([resource("o", "", "POST")], [tool("t", "o", inputs(n))]), 4000, True, id="inputs-of-nothing"
        ),
        pytest.param(placeholders, 2000, True, id="placeholders"),
        pytest.param(items, 80_000, True, id="items"),
        pytest.param(openings, 20_000, False, id="openings"),
    ],
)
def test_what_is_wide_costs_as_much_as_it_is_wide(
    compiling: Any, document: Callable[[int], bytes], most: int, served: bool
) -> None:
    out = compiling(document(most))

    assert served == (out.plan is not None)
    assert all(len(said.message) <= 600 for said in out.diagnostics)
    documents = {count: document(count) for count in (most // 4, most)}
    assert_linear(lambda count: compiling(documents[count]), most // 4)
