"""What keeps the design true: imports point one way, the core knows no plugin, every hook is tested and documented."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
import structure

from cap_core.plugins import hookspecs

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "cap_core"
PLUGINS = ROOT / "plugins" / "cap_plugins"

ORDER: structure.Order = (
    "cli",
    ("explain", "testing"),
    ("compile", "server"),
    "runtime",
    "document",
    ("plugins", "settings"),
    "plan",
    ("diagnostics", "syntax"),
    ("logging", "errors", "version"),
)
SEAMS = {"errors", "plugins", "plan", "diagnostics", "syntax", "logging", "version", "document"}
"""Packages that any plugin may import."""
SERVED = {"server.asgi", "server.problems", "server.router", "runtime"}
"""What else an exposure or a transport stands on."""


def test_a_package_imports_itself_and_what_stands_to_its_right() -> None:
    assert [] == structure.violations(CORE, ORDER)


@pytest.mark.parametrize("root", [CORE, PLUGINS], ids=lambda root: root.name)
def test_no_module_is_part_of_a_circle(root: Path) -> None:
    assert [] == structure.circles(root)


@pytest.mark.parametrize("path", sorted([*CORE.rglob("*.py"), *PLUGINS.rglob("*.py")]), ids=str)
def test_no_module_or_function_is_too_long(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = len(text.splitlines())

    assert lines <= structure.LONG_MODULE or path in TABLES, lines
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno - node.lineno < structure.LONG_FUNCTION, node.name


TABLES = {CORE / "diagnostics" / "codes.py"}


def test_the_core_knows_no_plugin() -> None:
    names = re.compile(r"portkey|aimlapi|openai", re.IGNORECASE)
    for path in (*CORE.rglob("*.py"), *PLUGINS.rglob("*.py")):
        text = path.read_text("utf-8")
        assert CORE not in path.parents or not re.search(r"^\s*(from|import) cap_plugins", text, re.MULTILINE), path
        if path.parent.name != "cli":  # examples in help texts name an installed capability
            assert not names.search(text), path


@pytest.mark.parametrize("path", sorted(PLUGINS.rglob("*.py")), ids=lambda path: str(path.relative_to(PLUGINS)))
def test_plugins_use_only_what_anyone_may(path: Path) -> None:
    """Built-ins stand on the public seams; none reaches into what the core does with a document."""
    for name in re.findall(r"^\s*from cap_core\.([\w.]+) import", path.read_text("utf-8"), re.MULTILINE):
        assert name.partition(".")[0] in SEAMS or name in SERVED or name.partition(".")[0] in SERVED, name


HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("cap_")}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_tested_and_documented(hook: str) -> None:
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__))
    assert f"def {hook}(" in tests
    signature = f"{hook}{inspect.signature(HOOKS[hook])}".replace("'", "")
    assert signature in (ROOT / "docs" / "plugins.md").read_text()
