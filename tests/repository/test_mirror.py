"""A change of a module is tested in the file of its name: tests mirror the packages of the core."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CORE = ROOT / "core" / "cap_core"
TESTS = ROOT / "tests"
PACKAGES = sorted(path.parent.name for path in CORE.glob("*/__init__.py") if (TESTS / path.parent.name).is_dir())
BESIDE = {
    "cli": {"bad_starts", "commands", "inspecting"},  # what all commands have in common
    "compile": {"any_text", "mistakes", "refusals"},  # properties of all of compiling
}
"""Tests of a whole package, by what they are about."""


@pytest.mark.parametrize("package", PACKAGES)
def test_each_file_of_tests_is_named_after_a_module(package: str) -> None:
    modules = {path.stem for path in (CORE / package).rglob("*.py")} | {
        path.name for path in (CORE / package).iterdir()
    }
    for path in sorted((TESTS / package).glob("test_*.py")):
        name = path.stem.removeprefix("test_")
        named = [module for module in modules if name == module or name.startswith(f"{module}_")]
        assert named or name in BESIDE.get(package, ()), f"{path.relative_to(ROOT)} is named after no module"


def test_every_package_has_tests() -> None:
    packages = {path.parent.name for path in CORE.glob("*/__init__.py")}

    assert packages - {"diagnostics", "plan", "syntax", "testing"} <= set(PACKAGES)  # data, and what all tests use
