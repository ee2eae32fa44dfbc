"""What documents get wrong: what is said, where, and that the rest is served as its author meant it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.diagnostics.report import Diagnostic
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream
from published import CORPUS


def compiled(path: Path) -> Compiled:
    return compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())


def warned(out: Compiled, text: str) -> list[tuple[str, str]]:
    """Each warning or error, with its line."""
    lines = text.splitlines()
    return [(d.code, lines[d.at.line - 1].strip()) for d in out.diagnostics if d.severity != "info"]


CONSUMES = """
resources:
- name: fine
  path: /fine
  operations:
  - {{name: fine, method: GET}}
- name: odd
  path: {path}
  operations:
  - name: odd
{operation}
"""
REST = """
- {{name: fine, path: /fine, operations: [{{name: fine, method: GET, call: api.fine}}]}}
- {{name: odd, path: {path}, operations: [{{name: odd, method: {method}, call: api.odd{more}}}]}}
"""
TOOLS = "- {name: fine, description: d, call: api.fine}"


@pytest.fixture
def odd(things: Callable[..., Path]) -> Callable[..., Path]:
    """A document with one odd operation beside one that is fine."""

    def write(
        operation: str, path: str = "/odd", rest: str = "/odd", method: str = "GET", more: str = "", tools: str = TOOLS
    ) -> Path:
        lines = "\n".join(f"    {line}" for line in operation.strip().splitlines())
        consumes = CONSUMES.format(path=path, operation=lines)
        return things(consumes, REST.format(path=rest, method=method, more=more), tools)

    return write


PARAMETER = "method: GET\ninputParameters:\n- {}"


@pytest.mark.parametrize(
    ("operation", "code", "line", "sent"),
    [
        pytest.param(PARAMETER.format("{name: q, in: que}"), "guessed-place", "- {name: q, in: que}", b"?q=1", id="in"),
        pytest.param(PARAMETER.format("{name: q}"), "guessed-place", "- {name: q}", b"?q=1", id="no-in"),
        pytest.param(
            PARAMETER.format("{name: q, in: query, type: s}"),
            "unknown-type",
            "- {name: q, in: query, type: s}",
            b"?q=1",
            id="type",
        ),
        pytest.param(
            PARAMETER.format("{name: '', in: query}\n- {name: q, in: query}"),
            "nameless-parameter",
            "- {name: '', in: query}",
            b"?q=1",
            id="no-name",
        ),
        pytest.param(
            PARAMETER.format("{name: q, in: query}\n- {name: q, in: query, type: integer}"),
            "duplicate-parameter",
            "- {name: q, in: query, type: integer}",
            b"?q=1",
            id="twice",
        ),
        pytest.param("inputParameters: [{name: q, in: query}]", "no-method", "- name: odd", b"?q=1", id="no-method"),
        pytest.param(
            PARAMETER.format("{name: q, in: query, required: 'true'}"),
            "loose-value",
            "- {name: q, in: query, required: 'true'}",
            b"?q=1",
            id="quoted-boolean",
        ),
        pytest.param(
            PARAMETER.format("{name: q, in: query}\noutputRawFormat: papyrus"),
            "unknown-format",
            "outputRawFormat: papyrus",
            b"?q=1",
            id="format-of-an-untouched-answer",
        ),
    ],
)
def test_an_odd_parameter_is_said_and_the_request_is_right(
    odd: Callable[..., Path], operation: str, code: str, line: str, sent: bytes
) -> None:
    document = odd(operation)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        answer = httpx.get(cap.url + "/odd", params={"q": "1"})

    assert [(code, line)] == warned(compiled(document), document.read_text())
    assert 200 == answer.status_code
    assert [b"/odd" + sent] == [request.target for request in api.requests]


@pytest.mark.parametrize(
    ("path", "asked", "code", "sent"),
    [
        ("odd/it", "/odd", "odd-slashes", b"/odd/it"),
        ("/o/{id}/o/{id}", "/odd/7", "repeated-placeholder", b"/o/7/o/7"),
        ("/o?action=get&q={q}&id={{id}}", "/odd?q=a%26b&id=7", None, b"/o?action=get&id=7&q=a%26b"),
        ("/o?action=get&q={q}", "/odd", None, b"/o?action=get"),
        ("/o?action={q}.json", "/odd?q=1", None, b"/o?action=1.json"),
    ],
)
def test_an_odd_path(odd: Callable[..., Path], path: str, asked: str, code: str | None, sent: bytes) -> None:
    declared = "method: GET" + ("\ninputParameters: [{name: id, in: path}]" if "{{id}}" in path else "")
    document = odd(declared, path=f"'{path}'", rest="'/odd/{id}'" if "/odd/" in asked else "/odd")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + asked)

    assert ([] if code is None else [code]) == [c for c, _ in warned(compiled(document), document.read_text())]
    assert [sent] == [request.target for request in api.requests]


def test_a_variable_in_the_query_of_a_path_is_of_its_parameters_type(odd: Callable[..., Path]) -> None:
    declared = "method: GET\ninputParameters: [{name: limit, in: path, type: integer, required: true}]"
    document = odd(declared, path="'/o?limit={limit}'")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        wrong = httpx.get(cap.url + "/odd", params={"limit": "many"})
        missing = httpx.get(cap.url + "/odd")
        httpx.get(cap.url + "/odd", params={"limit": "7"})

    assert [400, 400] == [wrong.status_code, missing.status_code]
    assert [b"/o?limit=7"] == [request.target for request in api.requests]


def test_an_operation_of_rest_may_have_a_path_of_its_own(things: Callable[..., Path]) -> None:
    consumes = """
resources:
- {name: a, path: /a, operations: [{name: list, method: GET}]}
- {name: one, path: '/a/{id}', operations: [{name: get, method: GET}]}
"""
    rest = "- {path: /v1/a, operations: [{method: GET, call: api.list}, {method: GET, path: '/{id}', call: api.get}]}"
    document = things(consumes, rest, "- {name: list, description: d, call: api.list}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/v1/a")
        httpx.get(cap.url + "/v1/a/7")

    assert ["operation-path"] == [code for code, _ in warned(compiled(document), document.read_text())]
    assert [b"/a", b"/a/7"] == [request.target for request in api.requests]


def test_an_operation_of_rest_without_a_method_is_left_out(odd: Callable[..., Path]) -> None:
    document = odd("method: GET", method="''")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        left_out = httpx.get(cap.url + "/odd")
        fine = httpx.get(cap.url + "/fine")

    assert (501, "no-method") == (left_out.status_code, left_out.json()["code"])
    assert 200 == fine.status_code


@pytest.mark.parametrize(
    ("more", "code", "sent"),
    [
        (", with: {q: }", "empty-with", {}),
        (", with: {q: [{tag: rest.tag}]}", "literal-source", {"q": [{"tag": "rest.tag"}]}),
    ],
)
def test_an_odd_with(odd: Callable[..., Path], more: str, code: str, sent: dict[str, object]) -> None:
    document = odd("method: POST\ninputParameters: [{name: q, in: body}]", method="POST", more=more)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        answer = httpx.post(cap.url + "/odd")

    assert [code] == [c for c, _ in warned(compiled(document), document.read_text())]
    assert 200 == answer.status_code
    assert [sent] == [msgspec.json.decode(request.body or b"{}") for request in api.requests]


def test_a_placeholder_on_both_sides_needs_no_mention_in_with(things: Callable[..., Path]) -> None:
    consumes = """
resources:
- name: one
  path: /a/{someId}
  operations: [{name: get, method: GET, inputParameters: [{name: q, in: query}, {name: someId, in: path}]}]
"""
    rest = "- {path: '/v1/a/{some-id}', operations: [{method: GET, name: get, call: api.get, with: {q: rest.q}}]}"
    tools = "- {name: get, description: d, call: api.get, with: {q: tools.q}}"
    document = things(consumes, rest, tools)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/v1/a/7", params={"q": "x"})

    # The tool has no such place: there the input that nobody mentions is worth a word.
    assert [("uncovered-parameter", tools)] == warned(compiled(document), document.read_text())
    assert [b"/a/7?q=x"] == [request.target for request in api.requests]


def left_out(out: Compiled) -> list[Diagnostic]:
    """Why each operation of a document that is served is not."""
    assert out.plan is not None
    return [one.why for exposure in out.plan.exposures for one in exposure.rejected]


def test_a_with_that_is_no_mapping_leaves_its_operation_out(odd: Callable[..., Path]) -> None:
    (why,) = left_out(compiled(odd("method: GET", more=", with: q")))

    assert ("wrong-type", "'with' must be a mapping, not 'q'") == (why.code, why.message)


def test_a_body_of_nothing_is_no_body(odd: Callable[..., Path]) -> None:
    with (
        upstream() as api,
        gateway(odd("method: POST\nbody:", method="POST"), base_uris={"api": api.url}) as cap,
    ):
        httpx.post(cap.url + "/odd", json={"mine": 1})

    assert [b'{"mine":1}'] == [request.body for request in api.requests]


@pytest.mark.parametrize(
    ("hints", "code"),
    [
        ("readOn", "bad-hints"),
        ("", "bad-hints"),
        ("{readOnly: [true]}", "bad-hints"),
        ("{readOnly: 'yes'}", "loose-value"),
        ("{readOnly: true, destructive: true}", "contradicting-hints"),
    ],
)
def test_odd_hints_cost_themselves_alone(odd: Callable[..., Path], hints: str, code: str) -> None:
    document = odd("method: GET", tools=f"- {{name: fine, description: d, call: api.fine, hints: {hints}}}")
    out = compiled(document)

    assert [code] == [c for c, _ in warned(out, document.read_text())]
    assert out.plan is not None
    assert ["fine"] == [call.exposed.name for e in out.plan.exposures if e.type == "mcp" for call in e.calls]


def test_what_is_no_method_is_never_sent(things: Callable[..., Path]) -> None:
    consumes = """
resources:
- {name: fine, path: /fine, operations: [{name: fine, method: PURGE}]}
- {name: odd, path: /odd, operations: [{name: odd, method: FOO BAR}]}
"""
    rest = """
- {path: /fine, operations: [{method: GET, call: api.fine}]}
- {path: /odd, operations: [{method: GET, call: api.odd}]}
"""
    document = things(consumes, rest)
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        left_out = httpx.get(cap.url + "/odd")
        httpx.get(cap.url + "/fine")

    text = document.read_text()
    assert (501, "unknown-method") == (left_out.status_code, left_out.json()["code"])
    assert ["PURGE"] == [request.method for request in api.requests]
    consumed = "- {name: odd, path: /odd, operations: [{name: odd, method: FOO BAR}]}"
    assert ("unknown-method", consumed) in warned(compiled(document), text)


@pytest.mark.parametrize(
    ("consumed", "more"),
    [
        ("{name: q, in: query, maxLength: -1}", ""),
        ("{name: q, in: query}", ", inputParameters: [{name: q, type: string, maxLength: -1}]"),
        ("{name: q, in: query}", ", outputParameters: [{name: n, type: string, mapping: $.n, maxLength: -1}]"),
    ],
)
def test_a_length_below_nothing(odd: Callable[..., Path], consumed: str, more: str) -> None:
    document = odd(PARAMETER.format(consumed), more=more)
    assert left_out(compiled(document))
    (why,) = [d for d in compiled(document).diagnostics if d.code == "wrong-type" and d.cause is None]

    assert "'maxLength' must be 0 or more, not -1" == why.message
    line = document.read_text().splitlines()[why.at.line - 1]
    assert "-1" == line[why.at.column - 1 :][:2]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: ä\nb: ok, x\x00y\n", (2, 9), "the control character U+0000 cannot stand in YAML"),
        ("a: 1\nb: 'x\x07y'\n", (2, 6), "the control character U+0007 cannot stand in YAML"),
        ("a: 1\nb: 'open\nc: 2\nd: 3\n", (2, 4), "a text in quotes begins here and has no end"),
        ('a: 1\nb: "open\nc: 2\n', (2, 4), "a text in quotes begins here and has no end"),
        ("a:\n\tb: 1\n", (2, 1), "a tab cannot indent"),
        ("a:\n  b: 1\n\tc: 2\n", (3, 1), "a tab cannot indent"),
        ("a: |\n\tx\n", (2, 1), "a tab cannot indent"),
        ("a: [1\nb: 2\n", (1, 4), "the [ that stands here is not closed before line 2"),
    ],
)
def test_what_is_not_yaml_is_said_where_it_is(
    document: Callable[..., Path], text: str, place: tuple[int, int], said: str
) -> None:
    why = compiled(document(text)).refusal

    assert why is not None
    assert ("not-yaml", place, said) == (why.code, (why.at.line, why.at.column), why.message)


@pytest.mark.parametrize(
    ("version", "path", "mapping"),
    [
        ("9" * 100_000, "/odd", "$.a"),
        ("1.0.0-alpha2", "/{a}" * 20_000, "$.a"),
        ("1.0.0-alpha2", "/odd", "$[?(@.a =="),
        ("1.0.0-alpha2", "/odd", "$" + ".a" * 20_000),
    ],
)
def test_what_is_said_can_be_read(
    odd: Callable[..., Path], document: Callable[..., Path], version: str, path: str, mapping: str
) -> None:
    more = f", outputParameters: [{{name: n, type: string, mapping: '{mapping}'}}]"
    text = odd("method: GET", path=f"'{path}'", more=more).read_text()
    out = compiled(document(text.replace("1.0.0-alpha2", version)))

    assert out.diagnostics
    for said in out.diagnostics:
        assert len(said.message) <= 501
        assert 1 == len(str(said).splitlines())


def test_a_document_cut_anywhere_gives_a_plan_or_a_place() -> None:
    """Pages show documents up to some size; the cut falls anywhere, also inside a key or a character."""
    if not CORPUS.is_dir():
        pytest.skip("the published documents are not beside the checkout (corpus)")
    chance = random.Random(7)
    registry = loader.load()
    documents = chance.sample(sorted((CORPUS / "documents").rglob("*.yaml")), 60)
    for path in documents:
        text = path.read_bytes()
        for cut in (chance.randrange(1, len(text)), chance.randrange(len(text) // 2, len(text))):
            with Cut(text[:cut]) as short:
                out = compile_source(DocumentSource("cut", "cut.yaml", short), registry, CompileOptions())
            assert (out.plan is None) == (out.refusal is not None), (path.name, cut)
            # What is missing at the end is missed on the line after it.
            last = text[:cut].count(b"\n") + 2
            assert all(1 <= d.at.line <= last for d in out.diagnostics), (path.name, cut)


class Cut:
    """A file that holds these bytes for a while."""

    def __init__(self, data: bytes) -> None:
        import tempfile

        self._file = tempfile.NamedTemporaryFile(suffix=".yaml")  # noqa: SIM115  (closed by __exit__)
        self._file.write(data)
        self._file.flush()

    def __enter__(self) -> Path:
        return Path(self._file.name)

    def __exit__(self, *reason: object) -> None:
        self._file.close()


QUIET = {
    "an-empty-password": (
        "authentication: {type: basic, username: '{{THINGS_KEY}}', password: ''}",
        "{name: a, method: GET}",
    ),
    "no-password": ("authentication: {type: basic, username: '{{THINGS_KEY}}'}", "{name: a, method: GET}"),
    "form": ("", "{name: a, method: POST, body: {type: form, data: {a: b}}}"),
    "multipart": ("", "{name: a, method: POST, body: {type: multipart, data: {a: b}}}"),
}


@pytest.mark.parametrize(("authentication", "operation"), QUIET.values(), ids=QUIET)
def test_what_these_pages_write_gives_no_warning(
    things: Callable[..., Path], authentication: str, operation: str
) -> None:
    consumes = f"{authentication}\nresources:\n- {{path: /a, operations: [{operation}]}}"
    rest = "- {path: /a, operations: [{method: POST, name: a, call: api.a}]}"
    out = compiled(things(consumes, rest, "- {name: a, description: d, call: api.a}"))

    assert [] == [str(d) for d in out.diagnostics if d.severity != "info"]


@pytest.mark.parametrize(
    "written", ["username: '{{THINGS_KEY}}', password: x", "username: x", "username: x, password: ''"]
)
def test_a_user_or_a_password_in_the_document_gives_one(things: Callable[..., Path], written: str) -> None:
    consumes = f"authentication: {{type: basic, {written}}}\nresources:\n- {{path: /a, operations: [{{name: a, method: GET}}]}}"
    rest = "- {path: /a, operations: [{method: GET, name: a, call: api.a}]}"
    out = compiled(things(consumes, rest, "- {name: a, description: d, call: api.a}"))

    assert ["literal-credential"] == [d.code for d in out.diagnostics if d.severity != "info"]


def test_a_tool_that_nothing_describes_is_told(things: Callable[..., Path]) -> None:
    consumes = """
resources:
- path: /a
  operations: [{name: a, method: GET, description: All of them.}, {name: b, method: POST}]
"""
    tools = "- {name: a, call: api.a}\n- {name: b, call: api.b}\n- {name: c, description: d, call: api.b}"
    out = compiled(things(consumes, "- {path: /a, operations: [{method: POST, name: a, call: api.b}]}", tools))

    assert ["nothing describes the tool 'b'"] == [d.message for d in out.diagnostics if d.code == "no-description"]


def test_what_is_found_for_several_operations_at_one_place_is_said_once(things: Callable[..., Path]) -> None:
    consumes = """
authentication: {type: apikey, key: X-Key, value: '{{THINGS_KEY}}'}
inputParameters: [{name: X-Key, in: header}]
resources:
- {path: /a, operations: [{name: a, method: GET}, {name: b, method: POST}]}
"""
    rest = "- {path: /a, operations: [{method: GET, name: a, call: api.a}, {method: POST, name: b, call: api.b}]}"
    out = compiled(things(consumes, rest, "- {name: a, description: d, call: api.a}"))

    lines = [str(d) for d in out.diagnostics]
    assert len(set(lines)) == len(lines)
    assert any("auth-supplies" in line for line in lines)
