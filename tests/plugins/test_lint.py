"""Lint rules of plugins: what they say is a diagnostic like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cap_core.cli import main
from cap_core.compile.document import CompileOptions, compile_source
from cap_core.diagnostics.codes import CODES
from cap_core.document.sources import DocumentSource
from cap_core.errors import PluginError
from cap_core.plugins import loader

RULE = """
from cap_core import *
from cap_core.diagnostics.codes import Code
from cap_core.diagnostics.report import Diagnostic

CODE = Code("{code}", "{severity}", "Only in this test.", "do otherwise")

def diagnose(plan):
    {body}

@hookimpl
def cap_diagnose():
    return [DiagnosticRule(key="house", codes=(CODE,), diagnose=diagnose)]
"""
SAYS = 'yield Diagnostic(plan.consumed[0].at, CODE.severity, CODE.name, "not here", CODE.remedy)'


@pytest.fixture
def rule(tmp_path: Path) -> Callable[..., Path]:
    def write(body: str = SAYS, code: str = "test-house", severity: str = "warning") -> Path:
        path = tmp_path / "house.py"
        path.write_text(RULE.format(body=body, code=code, severity=severity))
        return path

    return write


def test_a_rules_code_joins_the_table(rule: Callable[..., Path]) -> None:
    loader.load(files=(rule(),))

    assert "do otherwise" == CODES["test-house"].remedy


def test_a_code_that_already_means_something_else_stops_the_start(rule: Callable[..., Path]) -> None:
    with pytest.raises(PluginError, match="'house' cannot be used: the code 'bad-auth' already means something else"):
        loader.load(files=(rule(code="bad-auth"),))


def test_an_error_of_a_rule_refuses_the_document(thing: Path, rule: Callable[..., Path]) -> None:
    registry = loader.load(files=(rule(code="test-house-error", severity="error"),))
    out = compile_source(DocumentSource("things", "things.yaml", thing), registry, CompileOptions())

    assert out.plan is None
    assert str(out.refusal).endswith(": error[test-house-error]: not here; do otherwise")


def test_a_rule_that_fails_is_the_plugins_failure(thing: Path, rule: Callable[..., Path]) -> None:
    registry = loader.load(files=(rule("raise KeyError('lost')"),))

    with pytest.raises(PluginError, match="diagnose of the diagnostic rule house failed: there is no 'lost'"):
        compile_source(DocumentSource("things", "things.yaml", thing), registry, CompileOptions())


def test_check_says_it_once(thing: Path, rule: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    main(["check", str(thing), "--plugin", str(rule())])

    assert 1 == capsys.readouterr().out.count("[test-house]")
