"""What is said of tools that a model would stumble over, by `cap check` and at the start."""

from __future__ import annotations

import pytest
import structlog

from cap_core.cli import main
from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import gateway
from cap_plugins.expose.mcp.tool_names import prefixed_name

CODES = {"bare-delete", "opaque-body", "untyped-member", "cut-description", "shortened-tool-name", "long-tool-name"}


@pytest.fixture
def said(things):
    """What is said of the one tool `x`, whose operation has these keys and parameters."""

    def check(path="/x", method="POST", parameters="[]", about="Do it.", at=""):
        consumes = f"""
resources:
- path: '{path}'
  operations:
  - {{name: x, method: {method}, inputParameters: {parameters}}}
"""
        document = things(consumes, tools=f"- {{name: x, description: '{about}', call: api.x{at}}}")
        source = DocumentSource("things", "things.yaml", document)
        found = compile_source(source, loader.load(), CompileOptions()).diagnostics
        return [(d.code, d.severity, d.message) for d in found if d.code in CODES]

    return check


@pytest.mark.parametrize(
    ("path", "parameters", "at"),
    [("/x", "[]", ""), ("/x?all=true", "[]", ""), ("/x", "[{name: all, in: query, value: 'true'}]", "")],
)
def test_a_delete_that_nothing_narrows_is_a_warning(said, path, parameters, at):
    ((code, severity, message),) = said(path, "DELETE", parameters, at=at)

    assert (code, severity) == ("bare-delete", "warning")
    assert "'x'" in message


@pytest.mark.parametrize(
    ("path", "parameters", "at"),
    [
        ("/x/{id}", "[]", ""),
        ("/x/{id}", "[{name: id, in: path}]", ", with: {id: '5'}"),
        ("/x", "[{name: id, in: query}]", ""),
        ("/x", "[{name: roles, in: body, type: array}]", ""),
    ],
)
def test_a_delete_that_something_narrows_is_none(said, path, parameters, at):
    assert said(path, "DELETE", parameters, at=at) == []


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_a_body_of_which_nothing_is_declared_is_told(said, method):
    ((code, severity, message),) = said(method=method)

    assert (code, severity) == ("opaque-body", "info")
    assert "'x'" in message


def test_an_input_without_a_type_is_told_where_it_is_not_sent_as_text(said):
    parameters = "[{name: a, in: body}, {name: b, in: body, type: string}, {name: c, in: query}, {name: d, in: header}]"
    ((code, severity, message),) = said(parameters=parameters)

    assert (code, severity) == ("untyped-member", "info")
    assert message.endswith("inputs without a type: 'a'")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("x" * 160, True),
        ("x" * 240, True),
        ("x" * 159, True),
        ("x" * 159 + ",", True),
        ("x" * 161, False),
        ("x" * 159 + ".", False),
        ("x" * 239 + ")", False),
        ("x", False),
    ],
)
def test_a_description_that_was_cut_is_told(said, text, cut):
    expected = [("cut-description", "info")] if cut else []

    assert [one[:2] for one in said("/x", "GET", about=text)] == expected
    parameters = f"[{{name: a, in: query, type: string, description: '{text}'}}]"
    assert [one[:2] for one in said("/x", "GET", parameters)] == expected


# --- names --------------------------------------------------------------------------------------------------------

LONG = "oracle-transportation-management-capability-one"


def test_a_shortened_name_keeps_the_tools_own_part():
    name = prefixed_name(LONG, "create-shipment")

    assert len(name) == 48
    assert name.startswith("oracle-")
    assert name.endswith("_create-shipment")


@pytest.mark.parametrize("parts", [(LONG, "x" * 64), (LONG, "ns", "x" * 40), ("a", "x" * 60), ("é" * 50, "x")])
def test_no_name_is_over_48_characters_and_its_parts_are_told_apart(parts):
    name, other = prefixed_name(*parts), prefixed_name(*parts[:-1], parts[-1] + "y")

    assert len(name) <= 48
    assert name != other
    assert name == prefixed_name(*parts)


@pytest.mark.parametrize("parts", [("shop", "list"), ("shop", "ns", "list"), ("x" * 40, "y" * 7)])
def test_a_name_that_is_short_enough_stays(parts):
    assert prefixed_name(*parts) == "_".join(parts)


def test_the_start_warns_of_names_that_it_shortens(things, get_thing):
    tool = "- {name: create-shipment, description: Get it., call: api.get-thing}"
    paths = [things(get_thing, tools=tool, name=f"{LONG}{n}.yaml") for n in "12"]
    with structlog.testing.capture_logs() as logs, gateway(*paths, base_uris={"api": "http://127.0.0.1:9"}):
        pass

    warnings = [line["event"] for line in logs if "shortened names" in line["event"]]
    assert len(warnings) == 2
    assert f"1 of the tools of {LONG}1 are listed on /mcp under shortened names" in warnings[0]
    assert "_create-shipment" in warnings[0]


def test_the_start_says_nothing_of_names_that_fit(things, get_thing):
    tool = "- {name: get, description: Get it., call: api.get-thing}"
    paths = [things(get_thing, tools=tool, name=f"{name}.yaml") for name in ("one", "two")]
    with structlog.testing.capture_logs() as logs, gateway(*paths, base_uris={"api": "http://127.0.0.1:9"}):
        pass

    assert "names" not in str(logs)


def test_the_start_warns_of_long_names_too(things, get_thing):
    tool = f"- {{name: {'x' * 49}, description: Get it., call: api.get-thing}}"
    with (
        structlog.testing.capture_logs() as logs,
        gateway(things(get_thing, tools=tool), base_uris={"api": "http://127.0.0.1:9"}),
    ):
        pass

    assert "1 of the tools of things have names over 48 characters" in str(logs)


def test_check_knows_of_names_that_clash_within_a_document(document, capsys):
    tool = "tools: [{name: create-shipment, description: d, call: api.get}]"
    path = document(
        f"""naftiko: 1.0.0-alpha2
capability:
  consumes:
  - {{namespace: api, baseUri: 'https://x.example', resources: [{{path: /, operations: [{{name: get, method: GET}}]}}]}}
  exposes:
  - {{type: mcp, namespace: first-{"x" * 40}, port: 9090, {tool}}}
  - {{type: mcp, namespace: second, port: 9090, {tool}}}
"""
    )
    main(["check", str(path)])

    lines = [line for line in capsys.readouterr().out.splitlines() if "shortened-tool-name" in line]
    assert len(lines) == 1
    assert "_create-shipment'" in lines[0]
