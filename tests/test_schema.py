"""The JSON Schema that editors get: it accepts what is published and served, and marks what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cap_core import plugins
from cap_core.compile import CompileOptions, compile_source
from cap_core.dialects import VERSIONS
from cap_core.schema import schema, shipped
from cap_core.sources import Source

CORPUS = Path(os.environ.get("CAP_SHARED", Path(__file__).parents[2] / "shared")) / "corpus"


@pytest.fixture(scope="module")
def offers() -> plugins.Offers:
    return plugins.load()


def validator(dialect: str, offers: plugins.Offers) -> Any:
    made = schema(dialect, offers.exposures, offers.auth_schemes)
    jsonschema.Draft202012Validator.check_schema(made)
    return jsonschema.Draft202012Validator(made)


def built_in(dialect: str) -> str:
    """The schema of the built-in plugins alone, as a file has it."""
    others = frozenset(plugin.name for plugin in plugins.load().plugins if plugin.distribution != plugins.OURS)
    ours = plugins.load(block=others)
    made = schema(dialect, ours.exposures, ours.auth_schemes)
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
def test_the_command_prints_a_valid_schema(dialect: str, offers: plugins.Offers) -> None:
    command = [sys.executable, "-m", "cap_core", "schema", dialect]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)

    assert schema(dialect, offers.exposures, offers.auth_schemes) == json.loads(run.stdout)


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


def test_a_good_document_is_accepted(offers: plugins.Offers) -> None:
    assert [] == list(validator("naftiko", offers).iter_errors(GOOD))


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
def test_a_mistake_is_marked(document: dict[str, Any], offers: plugins.Offers) -> None:
    assert list(validator("naftiko", offers).iter_errors(document))


def test_maps_are_accepted_in_the_later_dialect(offers: plugins.Offers) -> None:
    document = changed(
        "capability", "consumes", 0, "resources", to={"t": {"path": "/t", "operations": {"list": {"method": "GET"}}}}
    )
    document["ikanos"] = "1.0.0-beta5"
    del document["naftiko"]

    assert [] == list(validator("ikanos", offers).iter_errors(document))


def test_published_documents_without_a_complaint_of_ours_have_none_of_the_schema(offers: plugins.Offers) -> None:
    if not CORPUS.is_dir():
        pytest.skip("the published documents are not beside the checkout (corpus)")
    check = validator("naftiko", offers)
    seen = 0
    for path in sorted((CORPUS / "documents").rglob("*.yaml"))[::5]:
        out = compile_source(Source(path.stem, path.name, path), offers, CompileOptions())
        if out.plan is None or any(
            d.code in ("unknown-key", "wrong-type") or d.code.startswith("not-built-") for d in out.diagnostics
        ):
            continue
        seen += 1
        errors = [(list(e.path), e.message) for e in check.iter_errors(yaml.safe_load(path.read_text()))]
        assert [] == errors, path.name

    assert seen > 100


if __name__ == "__main__":
    for dialect in VERSIONS:
        shipped(dialect).write_text(built_in(dialect))
