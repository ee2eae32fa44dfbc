"""The JSON Schema that editors get: it accepts what is published and served, and marks what is not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.dialects import VERSIONS
from cap_core.document.json_schema import schema, shipped
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.plugins.registry import Registry
from published import CORPUS


@pytest.fixture(scope="module")
def registry() -> Registry:
    return loader.load()


def validator(dialect: str, registry: Registry) -> Any:
    return jsonschema.Draft202012Validator(
        schema(dialect, registry.exposures, registry.auth_schemes, registry.output_mappers)
    )


def built_in(dialect: str) -> str:
    """The schema of the built-in plugins alone, as a file has it."""
    others = frozenset(
        plugin.name for plugin in loader.load().plugins if plugin.distribution != loader.CORE_DISTRIBUTION
    )
    ours = loader.load(block=others)
    made = schema(dialect, ours.exposures, ours.auth_schemes, ours.output_mappers)
    return json.dumps(made, indent=2) + "\n"


@pytest.mark.parametrize("dialect", VERSIONS)
def test_the_shipped_file_is_what_the_models_make(dialect: str) -> None:
    """After a change of a model: python tests/test_schema.py"""
    assert built_in(dialect) == shipped(dialect).read_text()


@pytest.mark.parametrize("dialect", VERSIONS)
def test_the_command_says_where_the_shipped_file_is(dialect: str) -> None:
    command = [sys.executable, "-m", "cap_core", "schema", dialect, "--path"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    made = json.loads(Path(run.stdout.strip()).read_text())
    jsonschema.Draft202012Validator.check_schema(made)
    assert dialect in made["required"]


@pytest.mark.parametrize("dialect", VERSIONS)
def test_the_command_prints_a_valid_schema(dialect: str, registry: Registry) -> None:
    command = [sys.executable, "-m", "cap_core", "schema", dialect]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert schema(dialect, registry.exposures, registry.auth_schemes, registry.output_mappers) == json.loads(run.stdout)


GOOD = {
    "naftiko": "1.0.0-alpha2",
    "info": {"label": "Things", "description": "d"},
    "binds": [{"namespace": "env", "keys": {"TOKEN": "TOKEN"}}],
    "capability": {
        "consumes": [
            {
                "namespace": "api",
                "baseUri": "https://api.example",
                "authentication": {"type": "bearer", "token": "{{TOKEN}}"},
                "resources": [{"path": "/t", "operations": [{"name": "list", "method": "GET"}]}],
            }
        ],
        "exposes": [
            {
                "type": "rest",
                "namespace": "r",
                "port": 8080,
                "resources": [{"path": "/t", "operations": [{"name": "list", "method": "GET", "call": "api.list"}]}],
            }
        ],
    },
}


def changed(*path: object, to: object) -> dict[str, Any]:
    out: dict[str, Any] = json.loads(json.dumps(GOOD))
    place: Any = out
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return out


def test_a_good_document_is_accepted(registry: Registry) -> None:
    assert [] == list(validator("naftiko", registry).iter_errors(GOOD))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(changed("naftiko", to="9"), id="version"),
        pytest.param(changed("capabilty", to={}), id="unknown-key"),
        pytest.param(changed("capability", "exposes", 0, "port", to="x"), id="type"),
        pytest.param(
            changed("capability", "exposes", 0, "resources", 0, "operations", 0, "cal", to="x"), id="nested-key"
        ),
        pytest.param(changed("capability", "consumes", 0, "authentication", "tokn", to="x"), id="auth-option"),
        pytest.param(
            changed("capability", "consumes", 0, "resources", 0, "operations", 0, to={"name": "x"}), id="missing"
        ),
    ],
)
def test_a_mistake_is_marked(document: dict[str, Any], registry: Registry) -> None:
    assert list(validator("naftiko", registry).iter_errors(document))


API = ("capability", "consumes", 0)
CALLED = (*API, "resources", 0, "operations", 0)
REST = ("capability", "exposes", 0)
ROUTE = (*REST, "resources", 0, "operations", 0)


def with_parameter(*path: object, **keys: object) -> dict[str, Any]:
    return changed(*path, "inputParameters", to=[{"name": "q", "in": "query", **keys}])


def with_output(**keys: object) -> dict[str, Any]:
    return changed(*ROUTE, "outputParameters", to=[{"type": "object", **keys}])


def with_credential(**keys: object) -> dict[str, Any]:
    return changed(*API, "authentication", to=keys)


def found_by_the_compiler(document: dict[str, Any], registry: Registry, tmp_path: Path) -> list[str]:
    path = tmp_path / "things.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    out = compile_source(DocumentSource("things", path.name, path), registry, CompileOptions())
    return [str(d) for d in out.diagnostics if d.severity != "info"]


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(with_parameter(*CALLED, **{"in": "qurey"}), id="in"),
        pytest.param(with_parameter(*CALLED, type="strng"), id="type"),
        pytest.param(changed(*CALLED, "method", to="GTE"), id="method"),
        pytest.param(changed(*CALLED, "outputRawFormat", to="jsn"), id="format"),
        pytest.param(changed(*CALLED, "body", to={"type": "jsn", "data": "x"}), id="body-type"),
        pytest.param(changed(*CALLED, "body", to={"type": "json", "dta": "x"}), id="body-key"),
        pytest.param(changed(*API, "type", to="htp"), id="protocol"),
        pytest.param(changed(*REST, "type", to="rst"), id="exposure"),
        pytest.param(changed(*REST, "port", to=70000), id="port"),
        pytest.param(with_parameter(*ROUTE, **{"in": "qurey"}), id="exposed-in"),
        pytest.param(with_credential(type="baerer", token="{{TOKEN}}"), id="auth-type"),
        pytest.param(with_credential(type="basic", password="{{TOKEN}}"), id="auth-option-missing"),
        pytest.param(with_credential(type="apikey", key="K", value="{{TOKEN}}", placement="heder"), id="placement"),
        pytest.param(
            with_credential(**{"type": "apikey", "name": "K", "value": "{{TOKEN}}", "in": "heder"}), id="apikey-in"
        ),
    ],
)
@pytest.mark.parametrize("dialect", VERSIONS)
def test_a_mistaken_word_is_marked_as_the_compiler_says_it(
    document: dict[str, Any], dialect: str, registry: Registry, tmp_path: Path
) -> None:
    document = in_dialect(dialect, document)

    assert list(validator(dialect, registry).iter_errors(document))
    assert found_by_the_compiler(document, registry, tmp_path)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(with_output(type="strng"), id="output"),
        pytest.param(with_output(properties={"z": {"type": "strng"}}), id="member"),
        pytest.param(with_parameter(*ROUTE, type="strng"), id="input"),
    ],
)
def test_a_mistaken_type_of_what_is_exposed_is_marked(document: dict[str, Any], registry: Registry) -> None:
    assert list(validator("naftiko", registry).iter_errors(document))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(changed(*API, "resources", to={"t": {"path": "/t", "operations": {"list": {"method": "GET"}}}})),
        pytest.param(changed(*CALLED, "inputParameters", to={"q": {"in": "query", "type": "string"}})),
        pytest.param(changed(*CALLED, "outputParameters", to={"z": {"type": "string"}, "y": None})),
        pytest.param(changed(*CALLED, "outputParameters", to={"type": "array", "items": {"type": "string"}})),
        pytest.param(
            changed(*REST, "resources", to={"t": {"path": "/t", "operations": {"l": {"method": "GET", "call": "c"}}}})
        ),
        pytest.param(
            changed(*REST, to={"type": "mcp", "port": 1, "namespace": "m", "tools": {"t": {"call": "api.list"}}})
        ),
        pytest.param(with_output(properties={"z": {"type": "string"}})),
        pytest.param(with_output(properties=[{"name": "z", "type": "string"}])),
        pytest.param(changed(*ROUTE, "outputParameters", to={"type": "object", "properties": {"z": {}}})),
        pytest.param(with_output(type="array", items={"z": {"type": "string"}})),
        pytest.param(with_output(type="array", items=[{"name": "z", "type": "string"}])),
        pytest.param(with_output(type="array", items={"type": "string"})),
        pytest.param(with_parameter(*CALLED, **{"in": "Query", "type": "String"})),
        pytest.param(changed(*CALLED, "method", to="get")),
        pytest.param(changed(*CALLED, "outputRawFormat", to="JSON")),
        pytest.param(changed(*CALLED, "body", to="text")),
        pytest.param(changed(*CALLED, "body", to={"type": "formUrlEncoded", "data": {"a": "b"}})),
        pytest.param(changed(*CALLED, "body", to={"type": "multipart-form-data", "data": {"a": "b"}})),
        pytest.param(with_credential(type="apiKey", key="K", value="{{TOKEN}}", placement="Header")),
        pytest.param(with_credential(type="api-key", key="K", value="{{TOKEN}}", placement="query")),
        pytest.param(with_credential(type="oauth2", clientId="x")),
        pytest.param(changed("capability", "exposes", 0, to={"type": "skill", "anything": 1})),
    ],
)
@pytest.mark.parametrize("dialect", VERSIONS)
def test_what_is_read_without_an_error_is_accepted_in_both_dialects(
    document: dict[str, Any], dialect: str, registry: Registry
) -> None:
    errors = validator(dialect, registry).iter_errors(in_dialect(dialect, document))

    assert [] == [(list(error.path), error.message) for error in errors]


def in_dialect(dialect: str, document: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in document.items() if key != "naftiko"}
    return {dialect: VERSIONS[dialect][-1], **rest}


# One fault of an operation hides the others, so what hides some is among these.
COMPLAINTS = frozenset(
    {"unknown-key", "wrong-type", "guessed-place", "unknown-type", "unknown-method", "unknown-format"}
    | {"unsupported-body", "unknown-auth", "loose-value", "bad-input-place", "lost-identifier"}
)


def test_published_documents_without_a_complaint_of_ours_have_none_of_the_schema(registry: Registry) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the published documents are not beside the checkout (corpus)")
    check = validator("naftiko", registry)
    seen, wrong = 0, []
    for path in sorted((CORPUS / "documents").rglob("*.yaml"))[::2]:
        out = compile_source(DocumentSource(path.stem, path.name, path), registry, CompileOptions())
        if out.plan is None or any(d.code in COMPLAINTS or d.code.startswith("not-built-") for d in out.diagnostics):
            continue
        seen += 1
        tree = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        tree = json.loads(json.dumps(tree, default=str))  # a date is text in YAML 1.2
        wrong += [(path.name, list(e.path), e.message) for e in check.iter_errors(tree)]

    assert [] == wrong
    assert seen > 250


if __name__ == "__main__":
    for dialect in VERSIONS:
        shipped(dialect).write_text(built_in(dialect))
