"""What a document says of its REST exposures, and what the core is told."""

from __future__ import annotations

import pytest

from cap_core.diagnostics.report import Diagnostic
from cap_core.document.reader import read
from cap_core.plugins.exposure import ExposeContext
from cap_core.syntax.yaml_tree import load
from cap_plugins.expose.rest.model import RestEntry, declared

ENTRY = """\
type: rest
namespace: cats-rest
port: 8080
description: Cats for all.
inputParameters:
- {name: X-Tenant, in: header, type: string}
- {name: limit, in: query, type: string}
resources:
- path: /v1/cats/{cat-id}
  name: cats
  description: One cat.
  tags: [Pets]
  inputParameters:
  - {name: cat-id, in: path, type: string, description: Which.}
  - {name: limit, in: query, type: integer}
  operations:
  - method: get
    name: getcat
    label: Get a cat
    description: Gets a cat.
    tags: [Read]
    call: vendor.getcat
    with: {cat: rest.cat-id}
    inputParameters:
    - {name: X-Tenant, in: header, type: integer}
    outputParameters:
    - {type: object, mapping: $.cat}
  - {method: DELETE, call: vendor.drowncat}
"""


@pytest.fixture
def tell():
    """What an entry declares, and what was said about it."""

    def tell(text):
        said = []

        def say(code, mark, what, hint=None):
            said.append((code, mark.line, what))
            return Diagnostic(mark, "warning", code, what)

        entry = read(load(text.encode(), "cats.yaml"), RestEntry, say, "the rest exposure")
        at = ExposeContext(capability="cats", namespace="cats-rest", at=entry.at, report=say)
        return list(declared(entry, at)), said

    return tell


def test_every_operation_is_declared_with_its_place(tell):
    (get, delete), said = tell(ENTRY)

    assert [("beyond-schema", 4)] == [(code, line) for code, line, _ in said]
    assert ("getcat", "GET", "/v1/cats/{cat-id}", "vendor.getcat") == (get.name, get.method, get.path, get.call)
    assert ("Gets a cat.", 17, 22) == (get.description, get.at.line, get.call_at.line)
    assert {"cat": "rest.cat-id"} == get.with_
    assert ["$.cat"] == [output.mapping for output in get.outputs]
    assert ("Get a cat", ("Pets", "Read")) == (get.detail.label, get.detail.tags)
    assert ("DELETE /v1/cats/{cat-id}", None, "") == (delete.name, delete.with_, delete.description)


def test_the_nearest_declaration_of_an_input_wins(tell):
    (get, delete), _ = tell(ENTRY)

    assert [("X-Tenant", "integer"), ("limit", "integer"), ("cat-id", "string")] == [
        (i.name, i.of.types[0]) for i in get.inputs
    ]
    assert ["string", "integer", "string"] == [i.of.types[0] for i in delete.inputs]


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("/a/{b", "braces that are not balanced"),
        ("/a/{}", "braces that are not balanced"),
        ("/#CreateGroup", "a fragment"),
        ("/a?b=c", "a query"),
    ],
)
def test_a_path_no_request_can_reach_takes_its_operations_out(tell, path, what):
    (one,), said = tell(f"""\
type: rest
namespace: n
resources:
- path: '{path}'
  operations:
  - {{method: GET, call: a.b}}
""")

    assert "unbalanced-path" == one.rejection.code
    assert [("unbalanced-path", 4, f"the path '{path}' has {what}; no request can reach it")] == said


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("ref", "not-built-ref"),
        ("mappings", "not-built-mappings"),
        ("responses", "not-built-responses"),
        ("responseBinary", "not-built-response-binary"),
    ],
)
def test_what_is_not_built_is_said_at_its_place_and_takes_its_operation_out(tell, key, code):
    (one, other, null), said = tell(f"""\
type: rest
namespace: n
resources:
- path: cats
  operations:
  - {{method: GET, name: one, call: a.b, {key}: {{a: b}}}}
  - {{method: PUT, name: other, call: a.b}}
  - {{method: POST, name: null, call: a.b, {key}: ~}}
""")

    assert (code, None, None) == (one.rejection.code, other.rejection, null.rejection)
    (told,) = [entry for entry in said if entry[0] == code]
    assert 6 == told[1]
    assert told[2].startswith("'one': ")
    assert told[2].endswith("; it is left out")
    assert "/cats" == one.path


def test_a_forward_is_an_address_that_says_it_is_not_served(tell):
    (forward,), said = tell("""\
type: rest
namespace: n
resources:
- path: /proxy/{path}
  forward: {targetNamespace: vendor}
""")

    assert ("*", "/proxy/{path}", "not-built-forward") == (forward.method, forward.path, forward.rejection.code)
    what = "the resource '/proxy/{path}': requests are not forwarded yet; it is left out"
    assert [("not-built-forward", 5, what)] == said


def test_a_key_nobody_acts_upon_is_reported(tell):
    _, said = tell("""\
type: rest
namespace: n
resources:
- path: /a
  operations:
  - {method: GET, call: a.b, hints: {readOnly: true}}
""")

    assert ["misplaced-key"] == [code for code, _, _ in said]
