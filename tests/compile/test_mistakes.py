"""Documents with one frequent mistake each: the first line that is said has the place, and words that help."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader

GOOD = """\
naftiko: 1.0.0-alpha2
info: {label: Store}
binds:
- namespace: env
  keys: {SHOP_TOKEN: SHOP_TOKEN}
capability:
  consumes:
  - namespace: store
    type: http
    baseUri: https://store.example
    authentication: {type: bearer, token: '{{SHOP_TOKEN}}'}
    resources:
    - path: /items/{id}
      name: item
      description: One item.
      operations:
      - name: get-item
        method: GET
        inputParameters:
        - {name: id, in: path}
  exposes:
  - type: rest
    namespace: store-rest
    port: 8080
    resources:
    - path: /items/{id}
      name: item
      operations:
      - {method: GET, name: get-item, call: store.get-item}
  - type: mcp
    namespace: store-mcp
    port: 9090
    tools:
    - name: get-item
      description: Get one.
      call: store.get-item
"""
Change = tuple[str, str]
CALL = "name: get-item, call: store.get-item}"
AUTH = "{type: bearer, token: '{{SHOP_TOKEN}}'}"
PARAMETER = "        - {name: id, in: path}"
EXPOSES = GOOD[GOOD.index("  exposes:") :]

YAML: list[tuple[str, Change, tuple[int, int], str]] = [
    ("key-one-too-few", ("        method: GET\n", "       method: GET\n"), (18, 8), "line 17 by 8; indent it by 8"),
    ("key-one-too-many", ("        method: GET\n", "         method: GET\n"), (18, 10), "deeper than line 17"),
    ("key-two-too-few", ("        method: GET\n", "      method: GET\n"), (19, 9), "deeper than line 18, which has a value"),
    ("entry-one-too-few", ("    port: 8080\n", "   port: 8080\n"), (24, 4), "line 23 by 4; indent it by 4"),
    ("colon-in-text", ("Get one.", "Get: one."), (35, 23), "put the text in quotes"),
    ("colon-in-braces", (CALL, "name: Get: it, call: store.get-item}"), (29, 32), "put the text in quotes"),
    ("at-sign", ("Get one.", "@get"), (35, 20), "a text cannot begin with @; put the text in quotes"),
    ("percent", ("Get one.", "%get"), (35, 20), "a text cannot begin with %; put the text in quotes"),
    ("backtick", ("Get one.", "`get`"), (35, 20), "a text cannot begin with `; put the text in quotes"),
    ("star", ("Get one.", "*.json"), (35, 20), "a text cannot begin with *; put the text in quotes"),
    ("emphasis", ("Get one.", "*Get* one."), (35, 20), "put the text in quotes"),
    ("ampersand", ("Get one.", "& one"), (35, 20), "a text cannot begin with &; put the text in quotes"),
    ("quote-in-quotes", ("Get one.", "'It's one.'"), (35, 24), "a quote inside them is ''"),
    ("text-behind-quotes", ("Get one.", '"Get" one.'), (35, 26), "put all of it in quotes"),
    ("quote-left-open", ("Get one.", "'Get one."), (35, 20), "has no end; close it with the same quote"),
    ("backslash", ("Get one.", '"\\d+"'), (35, 21), "use single quotes"),
    ("no-space-behind-colon", ("method: GET\n", "method:GET\n"), (18, 15), "write 'method: GET'"),
    ("no-space-in-an-entry", ("- name: get-item\n        m", "- name:get-item\n        m"), (17, 13), "write 'name: get-item'"),
    ("no-space-behind-dash", ("- name: get-item\n        m", "-name: get-item\n        m"), (17, 8), "write '- name: get-item'"),
    ("no-colon", ("        method: GET\n", "        method GET\n"), (18, 9), "write 'key: value'"),
    ("equals", ("        method: GET\n", "        method = GET\n"), (18, 16), "write ': ' behind a key"),
    ("tab", ("        method: GET\n", "\tmethod: GET\n"), (18, 1), "use spaces"),
    ("list-as-map", ("  exposes:\n  - type: rest", "  exposes:\n    type: rest"), (30, 3), "begin line 22 with '- ' too"),
    ("brace-left-open", ("in: path}", "in: path"), (20, 11), "close it with }"),
    ("bracket-for-brace", ("in: path}", "in: path]"), (20, 30), "close it with }"),
    ("brace-too-many", ("in: path}", "in: path}}"), (20, 31), "remove it"),
    ("no-comma", ("{name: id, in", "{name: id in"), (20, 21), "a comma is missing before in"),
    ("variable-without-quotes", ("'{{SHOP_TOKEN}}'", "{{SHOP_TOKEN}}"), (11, 44), "quote braces"),
    ("shell-variable-in-braces", ("'{{SHOP_TOKEN}}'", "${SHOP_TOKEN}"), (11, 44), "put the text in quotes"),
    ("placeholder-first", ("path: /items/{id}", "path: {id}/items"), (13, 17), "in quotes"),
    ("list-behind-key", ("binds:\n- namespace", "binds: - namespace"), (3, 8), "begin it on the next line"),
    ("merge", ("        method: GET\n", "<<<<<<< HEAD\n        method: GET\n"), (18, 1), "keep one of the two sides"),
    ("curly-quotes", ("'{{SHOP_TOKEN}}'", "\u201c{{SHOP_TOKEN}}\u201d"), (11, 43), "put texts in ' or"),
    ("no-break-space", ("method: GET\n", "method:\u00a0GET\n"), (18, 16), "write a plain space"),
    ("bullet", ("  - type: mcp", "  * type: mcp"), (30, 3), "begin it with '- '"),
    ("comment-with-slashes", ("naftiko:", "// mine\nnaftiko:"), (1, 1), "begin it with '# '"),
    ("hash-in-braces", (CALL, "name: get #1, call: store.get-item}"), (29, 9), "put its text in quotes"),
    ("text-behind-a-bar", ("Get one.", "| Get one."), (35, 20), "begin it there"),
]  # fmt: skip


def said(text: str, tmp_path: Path) -> list[str]:
    path = tmp_path / "store.yaml"
    path.write_text(text)
    out = compile_source(DocumentSource("store", "store.yaml", path), loader.load(), CompileOptions())
    return [str(d) for d in out.diagnostics if d.severity != "info"]


def changed(change: Change) -> str:
    assert change[0] in GOOD
    return GOOD.replace(*change, 1)


def test_the_document_is_good(tmp_path: Path) -> None:
    assert [] == said(GOOD, tmp_path)


@pytest.mark.parametrize(("change", "place", "helps"), [pytest.param(*rest, id=name) for name, *rest in YAML])
def test_what_is_no_yaml(tmp_path: Path, change: Change, place: tuple[int, int], helps: str) -> None:
    (line,) = said(changed(change), tmp_path)

    assert line.startswith(f"store.yaml:{place[0]}:{place[1]}: error[not-yaml]: ")
    assert helps in line
    assert "while parsing" not in line
    assert "expected" not in line or "stands where" in line


KEYS: list[tuple[str, Change, tuple[int, int], str, str]] = [
    ("timeout", ("    baseUri", "    timeout: 5s\n    baseUri"), (10, 5), "unknown-key", "[upstreams.NAMESPACE] in cap.toml"),
    ("timeouts-of-an-operation", ("        method: GET", "        timeoutMs: 5\n        method: GET"), (18, 9), "unknown-key", "[upstreams.NAMESPACE]"),
    ("retries", ("    baseUri", "    retries: 3\n    baseUri"), (10, 5), "unknown-key", "repeats no call"),
    ("rate-limit", ("    baseUri", "    rateLimit: 3\n    baseUri"), (10, 5), "unknown-key", "limits no rates"),
    ("headers", ("    baseUri", "    headers: {A: b}\n    baseUri"), (10, 5), "unknown-key", "'in: header'"),
    ("query-params", ("        method: GET", "        queryParams: {a: b}\n        method: GET"), (18, 9), "unknown-key", "'in: query'"),
    ("url", ("        method: GET", "        url: /x\n        method: GET"), (18, 9), "unknown-key", "'baseUri'"),
    ("environment", ("    baseUri", "    env: {A: b}\n    baseUri"), (10, 5), "unknown-key", "'binds'"),
    ("cors", ("    port: 8080", "    port: 8080\n    cors: true"), (25, 5), "unknown-key", "--allow-origin"),
    ("get-as-key", ("{method: GET, name", "{get: x, name"), (29, 10), "unknown-key", "write 'method: GET'"),
    ("single-braces", ("'{{SHOP_TOKEN}}'", "'{SHOP_TOKEN}'"), (11, 43), "literal-credential", "write '{{SHOP_TOKEN}}'"),
    ("variable-of-node", ("'{{SHOP_TOKEN}}'", "process.env.SHOP_TOKEN"), (11, 43), "literal-credential", "write '{{SHOP_TOKEN}}'"),
    ("variable-with-a-default", ("'{{SHOP_TOKEN}}'", "'${SHOP_TOKEN:-x}'"), (11, 43), "literal-credential", "write '{{SHOP_TOKEN}}'"),
    ("inputs", ("        inputParameters", "        inputs"), (19, 9), "unknown-key", "write 'inputParameters'"),
    ("handler", ("      call: store", "      handler: store"), (36, 7), "unknown-key", "write 'call: namespace.operation'"),
    ("port-of-consumes", ("    baseUri", "    port: 1\n    baseUri"), (10, 5), "misplaced-key", "in an entry of 'exposes'"),
    ("glued-in-braces", ("{name: id, in: path}", "{name: id, in:path}"), (20, 22), "unknown-key", "'in: path'"),
    ("misspelt-key", ("    baseUri", "    descripton: x\n    baseUri"), (10, 5), "unknown-key", "did you mean 'description'?"),
    ("base-url", ("baseUri", "baseUrl"), (10, 5), "unknown-key", "did you mean 'baseUri'?"),
    ("auth-in-one-word", (AUTH, "bearer"), (11, 21), "bad-auth", "write '{type: bearer, …}'"),
    ("auth-none", (AUTH, "none"), (11, 21), "bad-auth", "leave 'authentication' out"),
    ("auth-of-callers-in-one-word", ("    port: 8080", "    port: 8080\n    auth: bearer"), (25, 11), "bad-auth", "write '{type: bearer, …}'"),
    ("auth-type", ("{type: bearer", "{type: Bearr"), (11, 28), "unknown-auth", "did you mean 'bearer'?"),
    ("shell-variable", ("'{{SHOP_TOKEN}}'", "'${SHOP_TOKEN}'"), (11, 43), "literal-credential", "write '{{SHOP_TOKEN}}'"),
    ("bare-variable", ("'{{SHOP_TOKEN}}'", "SHOP_TOKEN"), (11, 43), "literal-credential", "write '{{SHOP_TOKEN}}'"),
    ("bare-variable-in-a-header", (PARAMETER, f"{PARAMETER}\n        - {{name: V, in: header, value: SHOP_TOKEN}}"), (21, 40), "literal-source", "write '{{SHOP_TOKEN}}'"),
    ("shell-variable-in-a-query", (PARAMETER, f"{PARAMETER}\n        - {{name: v, in: query, value: '${{X}}'}}"), (21, 39), "literal-source", "write '{{X}}'"),
    ("bare-variable-in-with", (CALL, CALL[:-1] + ", with: {id: rest.id, v: SHOP_TOKEN}}"), (29, 84), "literal-source", "write '{{SHOP_TOKEN}}'"),
    ("bare-input-in-with", (CALL, CALL[:-1] + ", with: {id: id}}"), (29, 72), "literal-source", "write 'rest.id'"),
    ("undeclared-variable", ("'{{SHOP_TOKEN}}'", "'{{SHOP_TOKN}}'"), (11, 43), "unbound-variable", "did you mean 'SHOP_TOKEN'?"),
    ("binds-as-list", ("{SHOP_TOKEN: SHOP_TOKEN}", "[SHOP_TOKEN]"), (5, 3), "wrong-type", "write SHOP_TOKEN: SHOP_TOKEN"),
    ("call-without-namespace", (CALL, "name: get-item, call: get-item}"), (29, 45), "malformed-call", "did you mean 'store.get-item'?"),
    ("call-with-a-slash", (CALL, "name: get-item, call: store/get-item}"), (29, 45), "malformed-call", "did you mean 'store.get-item'?"),
    ("call-misspelt", (CALL, "name: get-item, call: store.getitm}"), (29, 45), "dangling-call", "did you mean 'store.get-item'?"),
    ("with-as-list", (CALL, CALL[:-1] + ", with: [{id: rest.id}]}"), (29, 67), "wrong-type", "without the dashes"),
    ("with-as-text", (CALL, CALL[:-1] + ", with: 'id:rest.id'}"), (29, 67), "wrong-type", "'id: rest.id'"),
    ("parameters-of-names", (PARAMETER, "        - id"), (20, 11), "wrong-type", "write '{name: id}'"),
    ("parameter-as-map", (PARAMETER, "          name: id\n          in: path"), (20, 11), "wrong-type", "begin each of its entries with '- '"),
    ("parameters-with-types", (PARAMETER, "          id: string"), (20, 11), "wrong-type", "write 'id: {type: string}'"),
    ("consumes-as-map", ("  - namespace: store\n", "    namespace: store\n"), (8, 5), "wrong-type", "begin each of its entries with '- '"),
    ("tool-as-map", ("    - name: get-item\n      desc", "      name: get-item\n      desc"), (34, 7), "wrong-type", "begin each of its entries with '- '"),
    ("port-in-words", ("port: 8080", "port: eighty"), (24, 11), "wrong-type", "a whole number, not 'eighty'"),
    ("port-too-large", ("port: 8080", "port: 80800"), (24, 11), "wrong-type", "use 1 to 65535"),
    ("port-zero", ("port: 8080", "port: 0"), (24, 11), "no-port", "8080 is used"),
    ("type-int", ("in: path}", "in: path, type: int}"), (20, 38), "unknown-type", "did you mean 'integer'?"),
    ("in-url", ("in: path}", "in: url}"), (20, 26), "guessed-place", "write in: query, path"),
    ("path-with-colon", ("- path: /items/{id}", "- path: /items/:id"), (17, 9), "lost-identifier", "write {id} into the path"),
    ("exposure-in-capitals", ("type: rest", "type: REST"), (22, 11), "unknown-exposure", "did you mean 'rest'?"),
    ("exposure-without-type", ("  - type: rest\n    names", "  - names"), (22, 5), "unknown-exposure", "type: rest"),
    ("scheme", ("https://store", "store"), (10, 14), "bad-base-uri", "http"),
    ("tool-name-with-a-space", ("- name: get-item\n      desc", "- name: get item\n      desc"), (34, 13), "bad-tool-name", "use letters"),
    ("mapping-without-dollar", (CALL, CALL[:-1] + ", outputParameters: [{mapping: a.b}]}"), (29, 90), "bad-mapping", "start with $"),
    ("info-in-one-word", ("{label: Store}", "Store"), (2, 7), "wrong-type", "must be a mapping"),
    ("description-as-list", ("Get one.", "[Get, one]"), (35, 20), "wrong-type", "must be text, not a list"),
    ("capability-misspelt", ("capability:", "capabilites:"), (6, 1), "missing-key", "did you mean 'capability'?"),
    ("no-dialect", ("naftiko: 1.0.0-alpha2\n", ""), (1, 1), "not-a-capability", "start it with 'naftiko: 1.0.0-alpha2'"),
    ("first-generation", ("1.0.0-alpha2", '"0.5"'), (1, 10), "unknown-version", "is the first generation"),
    ("never-published", ("naftiko: 1.0.0-alpha2", "ikanos: 1.0.0-alpha2"), (1, 9), "older-version", "write ikanos: 1.0.0-alpha3"),
    ("exposes-below-consumes", (EXPOSES, re.sub("(?m)^", "  ", EXPOSES)), (21, 5), "misplaced-key", "'exposes' belongs below 'capability'"),
    ("exposes-below-a-resource", (EXPOSES, re.sub("(?m)^", "    ", EXPOSES)), (21, 7), "misplaced-key", "'exposes' belongs below 'capability'"),
    ("exposes-at-the-root", (EXPOSES, re.sub("(?m)^  ", "", EXPOSES)), (21, 1), "not-built-standalone", "write it under 'capability'"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "place", "code", "helps"), [pytest.param(*rest, id=name) for name, *rest in KEYS])
def test_what_is_no_capability(tmp_path: Path, change: Change, place: tuple[int, int], code: str, helps: str) -> None:
    lines = said(changed(change), tmp_path)

    told = [line for line in lines if re.match(rf"store\.yaml:{place[0]}:{place[1]}: \w+\[{code}\]: ", line)]
    assert len(told) == 1, lines
    assert helps in told[0]


@pytest.mark.parametrize(
    ("text", "kind", "helps"),
    [
        ("openapi: 3.1.0\ninfo: {title: x}\npaths: {}\n", "an OpenAPI document", "cap import"),
        ('{"swagger": "2.0", "info": {}, "paths": {}}', "a Swagger", "cap import"),
        ('{"info": {"_postman_id": "x", "name": "y"}, "item": []}', "a Postman collection", "cap import"),
        ("apiVersion: v1\nkind: Service\n", "a Kubernetes manifest", "name a capability document"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path: Path, text: str, kind: str, helps: str) -> None:
    (line,) = said(text, tmp_path)

    assert "error[not-a-capability]: this is " + kind in line
    assert helps in line


@pytest.mark.parametrize("break_", ["\n", "\r\n"])
def test_lines_may_end_in_either_way(tmp_path: Path, break_: str) -> None:
    text = changed(("method: GET\n", "method:GET\n")).replace("\n", break_)
    path = tmp_path / "store.yaml"
    path.write_bytes(text.encode())
    out = compile_source(DocumentSource("store", "store.yaml", path), loader.load(), CompileOptions())

    assert out.refusal is not None
    assert (out.refusal.at.line, out.refusal.hint) == (18, "write 'method: GET'")


@pytest.mark.parametrize("n", range(40))
def test_a_document_that_ends_anywhere_is_told_with_places(tmp_path: Path, n: int) -> None:
    assert all(re.match(r"store\.yaml:\d+:\d+: ", line) for line in said(GOOD[: n * len(GOOD) // 40], tmp_path))
