"""Documents that are refused: one located line that says where, what and what would help."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.diagnostics.codes import CODES
from cap_core.document.sources import DocumentSource
from cap_core.errors import ConfigError
from cap_core.explain.find_operation import find_operation
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

Document = Callable[..., Path]


def compiled(path: Path, **options: object) -> Compiled:
    return compile_source(DocumentSource(path.stem, path.name, path), loader.load(), CompileOptions(**options))  # type: ignore[arg-type]


GOOD = """\
naftiko: 1.0.0-alpha2
info: {label: Things, description: d}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    authentication: {type: bearer, token: '{{TOKEN}}'}
    resources:
    - path: /things
      operations:
      - {name: list, method: GET}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - path: /things
      operations:
      - {name: list, method: GET, call: api.list}
binds:
- namespace: env
  keys: {TOKEN: TOKEN}
"""


def test_the_good_document_is_served_without_a_word(document: Document) -> None:
    out = compiled(document(GOOD))

    assert out.plan is not None
    assert [] == [d for d in out.diagnostics if d.severity != "info"]


@pytest.mark.parametrize(
    ("change", "place", "code", "says"),
    [
        pytest.param(
            ("naftiko: 1.0.0-alpha2\n", "a: [1,\n"), "things.yaml:1:4", "not-yaml", "close it with ]", id="yaml"
        ),
        pytest.param(
            ("naftiko: 1.0.0-alpha2", "kind: x"), "things.yaml:1:1", "not-a-capability", "kind", id="no-dialect"
        ),
        pytest.param(("1.0.0-alpha2", "banana"), "things.yaml:1:10", "unknown-version", "'banana'", id="no-version"),
        pytest.param(
            ("1.0.0-alpha2", "0.5.0"), "things.yaml:1:10", "unknown-version", "first generation", id="old-version"
        ),
        pytest.param(
            ("    namespace: api", "    namespace: api\n    type: x"),
            "things.yaml:7:5",
            "duplicate-key",
            "line 5",
            id="twice",
        ),
        pytest.param(
            ("capability:\n", "---\ncapability:\n"),
            "things.yaml:4:1",
            "several-documents",
            "second",
            id="second-document",
        ),
        pytest.param(
            ("type: bearer,", "<<: {type: bearer},"), "things.yaml:8:22", "merge-key", "merge keys", id="merge-key"
        ),
        pytest.param(("type: bearer", "type: hmac"), "things.yaml:8:28", "unknown-auth", "'hmac'", id="auth-type"),
        pytest.param(
            ("{type: bearer, token: '{{TOKEN}}'}", "{type: bearer}"),
            "things.yaml:8:21",
            "bad-auth",
            "'token'",
            id="auth-options",
        ),
        pytest.param(("token:", "tokn:"), "things.yaml:8:42", "bad-auth", "'tokn'", id="auth-option"),
        pytest.param(("type: rest", "type: soap"), "things.yaml:14:11", "unknown-exposure", "'soap'", id="exposure"),
        pytest.param(("port: 8080", "port: high"), "things.yaml:16:11", "wrong-type", "'high'", id="wrong-type"),
        pytest.param(("port: 8080", "port: 70000"), "things.yaml:16:11", "wrong-type", "70000", id="port"),
        pytest.param(("    namespace: api\n", ""), "things.yaml:5:5", "missing-key", "'namespace'", id="missing"),
        pytest.param(
            ("https://api.example", "ftp://api.example"), "things.yaml:7:14", "bad-base-uri", "http", id="scheme"
        ),
        pytest.param(
            ("https://api.example", "https://u:p@api.example"),
            "things.yaml:7:14",
            "bad-base-uri",
            "user name",
            id="userinfo",
        ),
        pytest.param(
            ("https://api.example", "https://{{a}.example"), "things.yaml:7:14", "bad-base-uri", "balanced", id="braces"
        ),
        pytest.param(("'{{TOKEN}}'", "'{{#TOKEN}}'"), "things.yaml:8:43", "bad-template", "sections", id="template"),
        pytest.param(
            ("call: api.list", "call: api.lst"), "things.yaml:20:41", "dangling-call", "api.lst", id="dangling"
        ),
    ],
)
def test_one_line_says_where_and_what(
    document: Document, change: tuple[str, str], place: str, code: str, says: str
) -> None:
    assert change[0] in GOOD
    refusal = compiled(document(GOOD.replace(*change))).refusal

    assert refusal is not None
    line = str(refusal)
    assert line.startswith(f"{place}: error[{code}]: ")
    assert says in line
    assert "\n" not in line
    assert refusal.hint


def test_a_newer_version_is_read_as_the_newest_known(document: Document) -> None:
    out = compiled(document(GOOD.replace("1.0.0-alpha2", "1.0.0-beta9")))

    assert out.plan is not None
    assert ["newer-version"] == [d.code for d in out.diagnostics if d.severity == "warning"]


def test_a_key_nobody_acts_upon_is_reported_with_a_did_you_mean(document: Document) -> None:
    out = compiled(document(GOOD.replace("{name: list, method: GET}", "{name: list, method: GET, descripton: x}")))
    found = [d for d in out.diagnostics if d.code == "unknown-key"]

    assert ["things.yaml:12:35"] == [str(d.at) for d in found]
    assert "did you mean 'description'?" in found[0].message


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\x00",
        "a",
        "[]",
        "naftiko:",
        "naftiko: {version: 1}",
        "- naftiko: x",
        "&a [*a]",
        "[" * 5000,
        "a: &x [1]\nb: *y",
    ],
)
def test_whatever_is_no_document_gives_one_located_error(document: Document, text: str) -> None:
    out = compiled(document(text))

    assert out.plan is None
    assert out.refusal is not None
    assert out.refusal.at.line > 0


def test_a_file_that_grows_through_aliases_is_refused_quickly(document: Document) -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12))
    out = compiled(document(f"naftiko: 1.0.0-alpha2\nl0: &l0 [1]\n{levels}\n"))

    assert "too-large" == (out.refusal and out.refusal.code)


TWO = GOOD.replace(
    "      - {name: list, method: GET, call: api.list}",
    "      - {name: list, method: GET, call: api.list}\n      - {name: gone, method: POST, call: api.lst}",
)


def test_one_bad_operation_leaves_the_others_served(document: Document) -> None:
    out = compiled(document(TWO))

    assert out.plan is not None
    exposure = out.plan.exposures[0]
    assert (["list"], ["gone"]) == (
        [c.exposed.name for c in exposure.calls],
        [q.exposed.name for q in exposure.rejected],
    )
    why = exposure.rejected[0].why
    assert ("dangling-call", "things.yaml:21:42") == (why.code, str(why.at))
    assert "did you mean 'api.list'?" == why.hint


def test_every_code_of_the_table_says_what_it_means() -> None:
    for name, row in CODES.items():
        assert name == row.name
        assert row.meaning.endswith(".")
        assert row.severity in ("info", "warning", "error")


def test_a_way_of_writing_is_said_once_for_a_file(document: Document) -> None:
    text = GOOD.replace(
        "      - {name: list, method: GET}", "".join(SPELLED.format(n=n) for n in range(5)).rstrip("\n")
    )
    out = compiled(document(text.replace("api.list", "api.list-0")))

    (alias,) = [d for d in out.diagnostics if d.code == "alias-key"]
    assert (12, "the key 'id' is read as 'name' (5 times)") == (alias.at.line, alias.message)
    (path,) = [d for d in out.diagnostics if d.code == "operation-path"]
    assert path.message.startswith("'list-0' has the path '/own' of its own; 'list-1' has")
    assert path.message.endswith("; and 2 more like it in this file")


SPELLED = """\
      - {{id: list-{n}, method: GET, path: /own}}
"""


BAD_UPSTREAMS = [
    pytest.param("baseUri: https://b.example", "baseUri: ftp://b.example", "bad-base-uri", id="address"),
    pytest.param("baseUri: https://b.example", "baseUri: https://u:sesame@b.example", "bad-base-uri", id="userinfo"),
    pytest.param("type: bearer, token: '{{TOKEN}}'", "type: apikey, key: X", "bad-auth", id="option"),
    pytest.param("token: '{{TOKEN}}'", "token: '{{#sesame}}'", "bad-template", id="template"),
    pytest.param("type: bearer", "type: hmac", "unknown-auth", id="type"),
]
SECOND = """\
  - namespace: b
    baseUri: https://b.example
    authentication: {type: bearer, token: '{{TOKEN}}'}
    resources:
    - path: /others
      operations:
      - {name: list, method: GET}
  exposes:
"""


@pytest.mark.parametrize(("good", "bad", "code"), BAD_UPSTREAMS)
def test_one_bad_upstream_leaves_out_what_calls_it(document: Document, good: str, bad: str, code: str) -> None:
    text = GOOD.replace("  exposes:\n", SECOND.replace(good, bad))
    text = text.replace("call: api.list}", "call: api.list}\n    - path: /others\n      operations:\n" + OTHERS)
    path = document(text)
    with upstream() as api, gateway(path, base_uris={"api": api.url}, values={"TOKEN": "t"}) as running:
        assert 200 == httpx.get(running.url + "/things").status_code
        left_out = httpx.get(running.url + "/others")

    assert (501, code) == (left_out.status_code, left_out.json()["code"])
    assert 1 == len(api.requests)
    (why, *_) = [d for d in compiled(path).diagnostics if d.code == code]
    assert "b.example" in text.splitlines()[why.at.line - 1] or "authentication" in text.splitlines()[why.at.line - 1]
    assert "sesame" not in why.message


OTHERS = "      - {name: others, method: GET, call: b.list}"


def test_callers_that_nobody_can_check_are_let_in_nowhere(document: Document) -> None:
    guard = "    port: 8080\n    authentication: {type: apikey, key: X, value: v, placement: query}\n"
    second = """\
  - type: rest
    namespace: open-rest
    port: 8080
    resources:
    - path: /open
      operations:
      - {name: open, method: GET, call: api.list}
binds:
"""
    path = document(GOOD.replace("    port: 8080\n", guard).replace("binds:\n", second))
    with upstream() as api, gateway(path, base_uris={"api": api.url}, values={"TOKEN": "t"}) as running:
        assert 501 == httpx.get(running.url + "/things?X=v").status_code
        assert 200 == httpx.get(running.url + "/open").status_code
    assert 1 == len(api.requests)


@pytest.mark.parametrize("tail", ["---\n", "---", "---\n\n# the end\n", "--- # the end\n", "...\n", "...\n# the end\n"])
def test_nothing_but_comments_may_stand_behind_a_last_separator(document: Document, tail: str) -> None:
    out = compiled(document(GOOD + tail))

    assert out.plan is not None, out.refusal
    assert ["list"] == [call.exposed.name for call in out.plan.exposures[0].calls]


@pytest.mark.parametrize("tail", ["---\n''\n", "---\nmore\n", "---\n[]\n", "---\n# a comment\n---\na: b\n"])
def test_whatever_else_stands_there_is_a_second_document(document: Document, tail: str) -> None:
    out = compiled(document(GOOD + tail))

    assert out.refusal is not None
    line = len((GOOD + tail).splitlines())
    assert ("several-documents", line) == (out.refusal.code, out.refusal.at.line)


FORMATS = GOOD.replace(
    "      - {name: list, method: GET}",
    "      - {name: list, method: GET, outputRawFormat: toml}\n      - {name: more, method: POST, outputRawFormat: ini}",
).replace(
    "      - {name: list, method: GET, call: api.list}",
    """\
      - {name: list, method: GET, call: api.list}
      - {name: more, method: POST, call: api.list}
      - {name: same, method: PUT, call: api.list, outputParameters: [{name: a, type: string, mapping: $.a}]}""",
)


def test_a_format_that_nobody_reads_is_said_once_where_it_stands(document: Document) -> None:
    """Once for each consumed operation: called or not, and also where a call has been left out for it."""
    out = compiled(document(FORMATS))
    lines = FORMATS.splitlines()
    said = [d for d in out.diagnostics if d.code == "unknown-format"]

    assert ["toml", "ini"] == [lines[d.at.line - 1][d.at.column - 1 :].rstrip("}") for d in said]


LOOSE = GOOD.replace(
    "call: api.list}", "call: api.list, outputParameters: [{name: a, type: object, mapping: $.a, %s}]}"
)


@pytest.mark.parametrize(
    ("says", "loose"),
    [
        ("description: d", True),
        ("values: {type: string}", False),
        ("properties: {b: {type: string, mapping: $.b}}", False),
    ],
)
def test_an_object_of_which_something_is_said_is_not_loose(document: Document, says: str, loose: bool) -> None:
    text = LOOSE % says
    out = compiled(document(text))

    assert out.plan is not None, out.refusal
    assert loose == any("without 'properties' or 'items'" in d.message for d in out.diagnostics)


def said(out: Compiled) -> list[tuple[str, str]]:
    """Each warning and error: the code, and all that the line says."""
    return [(d.code, f"{d.message}; {d.hint}") for d in out.diagnostics if d.severity != "info"]


LIST = "{name: list, method: GET}"


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        pytest.param(("'{{TOKEN}}'", "'{{TOKNE}}'"), "unbound-variable", "did you mean 'TOKEN'?", id="variable"),
        pytest.param(("'{{TOKEN}}'", "'{{evn.TOKEN}}'"), "unbound-variable", "did you mean 'env.TOKEN'?", id="bind"),
        pytest.param(
            (LIST, "{name: list, method: POST, body: {type: text, data: 'a {{TOKNE}}'}}"),
            "unbound-variable",
            "did you mean 'TOKEN'?",
            id="variable-of-a-body",
        ),
        pytest.param(
            ("call: api.list}", "call: api.list, with: {limt: '1'}}"),
            "unknown-parameter",
            "did you mean 'limit'?",
            id="with",
        ),
        pytest.param(("type: bearer", "type: baerer"), "unknown-auth", "did you mean 'bearer'?", id="auth"),
        pytest.param(("type: rest", "type: rset"), "unknown-exposure", "did you mean 'rest'?", id="exposure"),
        pytest.param(
            (LIST, "{name: list, method: GET, outputRawFormat: jsno}"),
            "unknown-format",
            "did you mean 'json'?",
            id="format",
        ),
        pytest.param(("in: query", "in: qurey"), "guessed-place", "did you mean 'query'?", id="in"),
        pytest.param(("in: query}", "in: query, type: strng}"), "unknown-type", "did you mean 'string'?", id="type"),
        pytest.param(
            ("call: api.list}", "call: api.list, inputParameters: [{name: limit, in: haeder}]}"),
            "bad-input-place",
            "did you mean 'header'?",
            id="exposed-in",
        ),
        pytest.param(
            ("{type: bearer, token: '{{TOKEN}}'}", "{type: apikey, key: K, value: '{{TOKEN}}', placement: heder}"),
            "bad-auth",
            "did you mean 'header'?",
            id="placement",
        ),
        pytest.param(
            (LIST, "{name: list, method: POST, body: {type: json, dta: x}}"),
            "unknown-key",
            "did you mean 'data'?",
            id="body-key",
        ),
        pytest.param(("naftiko:", "naftikoo:"), "not-a-capability", "did you mean 'naftiko'?", id="dialect"),
        pytest.param(("alpha2", "alpah2"), "unknown-version", "did you mean '1.0.0-alpha2'?", id="version"),
        pytest.param(("capability:", "capabilities:"), "missing-key", "did you mean 'capability'?", id="capability"),
        pytest.param(
            ("info:", "ikanos: 1.0.0-beta5\ninfo:"), "unknown-key", "two dialect keys, 'naftiko' and", id="two-dialects"
        ),
        pytest.param(
            ("https://api.example", "https://{{a}.example"), "bad-base-uri", "as many braces before as behind", id="uri"
        ),
        pytest.param(
            ("in: query}", "in: query, required: yes}"),
            "loose-value",
            "is read as true; write true or false",
            id="boolean",
        ),
    ],
)
def test_a_hint_says_what_was_meant(document: Document, change: tuple[str, str], code: str, says: str) -> None:
    text = GOOD.replace("    resources:\n", "    inputParameters: [{name: limit, in: query}]\n    resources:\n", 1)
    assert change[0] in text
    lines = said(compiled(document(text.replace(*change))))

    assert {code} == {line[0] for line in lines if says in line[1]}, lines


def test_a_key_without_a_value_is_no_credential(document: Document) -> None:
    text = GOOD.replace("{type: bearer, token: '{{TOKEN}}'}", "{type: apikey, key: X}")

    assert {"bad-auth"} == {code for code, _ in said(compiled(document(text)))}


def test_a_second_operation_at_one_address_is_named_as_it_is_written(document: Document) -> None:
    one = "      - {name: list, method: GET, call: api.list}\n"
    text = GOOD.replace(
        "- path: /things\n      operations:\n" + one, "- path: '/things/{id}'\n      operations:\n" + one * 2
    )
    (line,) = [what for code, what in said(compiled(document(text))) if code == "duplicate-route"]

    assert "'GET /things/{id}' already stands in line 20" in line


@pytest.mark.parametrize("key", ["location", "import", "from", "ref", "tunnel"])
@pytest.mark.parametrize("nothing", ["", "null", "[]", "{}"])
def test_a_key_of_a_consumes_entry_that_says_nothing_changes_nothing(
    document: Document, key: str, nothing: str
) -> None:
    out = compiled(document(GOOD.replace("    namespace: api\n", f"    namespace: api\n    {key}: {nothing}\n")))

    assert out.plan is not None
    assert [] == said(out)
    assert ["list"] == [call.exposed.name for call in out.plan.exposures[0].calls]


@pytest.mark.parametrize("key", ["import", "from"])
def test_a_key_of_a_binds_entry_that_says_nothing_changes_nothing(document: Document, key: str) -> None:
    assert [] == said(compiled(document(GOOD.replace("- namespace: env\n", f"- namespace: env\n  {key}:\n"))))


@pytest.mark.parametrize("key", ["steps", "mappings", "ref"])
def test_an_operation_whose_steps_are_none_is_served(document: Document, key: str) -> None:
    out = compiled(document(GOOD.replace("call: api.list}", f"call: api.list, {key}: []}}")))

    assert [] == said(out)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(("    namespace: api\n", "    namespace: null\n"), id="consumes"),
        pytest.param(("- namespace: env\n", "- namespace: null\n"), id="binds"),
    ],
)
def test_a_namespace_that_is_null_is_missing(document: Document, change: tuple[str, str]) -> None:
    refusal = compiled(document(GOOD.replace(*change))).refusal

    assert refusal is not None
    assert "missing-key" == refusal.code
    assert "'namespace'" in refusal.message


def test_an_exposure_whose_namespace_is_null_is_called_by_its_type(document: Document) -> None:
    out = compiled(document(GOOD.replace("namespace: things-rest", "namespace: null")))

    assert out.plan is not None
    assert ("rest", ["no-namespace"]) == (out.plan.exposures[0].namespace, [code for code, _ in said(out)])


def test_a_file_outside_is_named_as_it_is_written(document: Document) -> None:
    text = GOOD.replace("- namespace: env\n", "- namespace: env\n  location: file:///etc/passwd\n")
    ((_, line),) = said(compiled(document(text)))

    assert "the file '/etc/passwd' lies outside the document's directory" in line
    assert "--allow-files" in line


def test_an_operation_that_is_left_out_is_among_what_may_be_meant_and_none_is_there_twice(document: Document) -> None:
    text = GOOD.replace(
        "      - {name: list, method: GET, call: api.list}\n",
        "      - {name: list, method: GET, call: api.list}\n      - {name: all, method: POST, call: api.list}\n"
        "      - {name: gone, method: PUT, call: api.lst}\n",
    )
    out = compiled(document(text))
    assert out.plan is not None

    with pytest.raises(ConfigError) as left_out:
        find_operation(out.plan, "PUT /thing")
    with pytest.raises(ConfigError) as twice:
        find_operation(out.plan, "api.lis")

    assert "'PUT /things'" in left_out.value.hint
    assert "did you mean 'api.list' or 'api.lst'?" == twice.value.hint


def test_one_output_of_which_nothing_is_said_is_one(document: Document) -> None:
    out = compiled(
        document(GOOD.replace("call: api.list}", "call: api.list, outputParameters: [{name: a, type: object}]}"))
    )

    assert ["1 output without"] == [d.message[:16] for d in out.diagnostics if d.code == "beyond-schema"]
