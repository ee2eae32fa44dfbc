"""The built-in plugins stand alone: no package imports its neighbours, and no module is part of a circle."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "plugins"
SHARED = {"cap_plugins.transport.http1": {"cap_plugins.transport.aiohttp", "cap_plugins.transport.httpx"}}
"""Packages that others may import, and which."""


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {module_name(path): path for path in sorted((ROOT / "cap_plugins").rglob("*.py"))}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py"}


def package_of(module: str) -> str:
    return module if module in PACKAGES else module.rpartition(".")[0]


def imported(module: str) -> set[str]:
    """The plugins' modules that a module imports, for types or not, inside functions or not."""
    found = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= submodules & MODULES.keys() if submodules <= MODULES.keys() else {node.module, *submodules}
    return found & MODULES.keys() - {module}


def test_no_module_is_part_of_a_circle() -> None:
    try:
        TopologicalSorter({module: imported(module) for module in MODULES}).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


@pytest.mark.parametrize("module", MODULES)
def test_a_package_imports_itself_and_what_it_shares(module: str) -> None:
    own = package_of(module)
    for other in imported(module):
        package = package_of(other)
        assert package == own or own in SHARED.get(package, ()), f"{module} imports {other}"
