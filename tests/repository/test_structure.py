"""What the architecture test asks of the imports: arrows are found wherever they stand, and so are circles."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structure import arrows, circles, lengths, levels, overloaded, violations

Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def house(tmp_path: Path) -> Write:
    """Write a package `house` from sources by path without suffix; every folder becomes a package."""

    def write(sources: dict[str, str]) -> Path:
        root = tmp_path / "house"
        for name, source in {"__init__": "", **sources}.items():
            path = root / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "__init__.py").touch()
            path.write_text(source)
        return root

    return write


ORDER = ("cli", ("explain", "testing"), "plan", "errors")


@pytest.mark.parametrize(
    "statement",
    [
        "from house.cli import serve",
        "from house.cli.serve import run",
        "import house.cli.serve",
        "from ..cli import serve",
        "from ..cli.serve import run",
        "def f():\n    from house.cli import serve",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.cli.serve import run",
    ],
)
def test_an_import_to_the_left_is_found_however_it_is_written(house: Write, statement: str) -> None:
    root = house(
        {"cli/serve": "", "explain/a": "", "testing": "", "plan/values": "", "plan/a": statement, "errors": ""}
    )
    assert violations(root, ORDER) == [
        "house.plan.a imports house.cli.serve, which does not stand to the right of plan"
    ]


def test_imports_to_the_right_and_within_a_package_are_right(house: Write) -> None:
    root = house(
        {
            "__init__": "from house.plan.a import x",
            "__main__": "import house.cli.serve",
            "cli/serve": "from house import explain, errors\nfrom house.plan import a\nimport json",
            "explain/a": "from house.plan.a import x",
            "testing": "import house.plan.b",
            "plan/a": "from . import b\nx = 1",
            "plan/b": "from house.errors import E",
            "errors": "",
        },
    )
    assert violations(root, ORDER) == []
    assert circles(root) == []


def test_packages_side_by_side_and_the_root_are_not_imported(house: Write) -> None:
    sources = {"cli/a": "", "explain/a": "import house.testing", "testing": "from house import NAME", "plan/a": ""}
    assert violations(house({**sources, "errors": ""}), ORDER) == [
        "house.explain.a imports house.testing, which does not stand to the right of explain",
        "house.testing imports house, which does not stand to the right of testing",
    ]


def test_what_has_no_place_and_a_place_without_anything_are_reported(house: Write) -> None:
    root = house({"cli": "", "plan/a": "", "new/a": "", "errors": ""})
    assert violations(root, ("cli", "gone", "plan", "errors")) == [
        "the order names gone, which is not there",
        "house.new has no place in the order",
        "house.new.a has no place in the order",
    ]


def test_a_package_inside_of_another_can_have_a_place_of_its_own(house: Write) -> None:
    root = house({"expose/mcp/a": "from house.expose import common", "expose/common": "import house.expose.mcp.a"})
    assert violations(root, ("expose.mcp", "expose")) == [
        "house.expose.common imports house.expose.mcp.a, which does not stand to the right of expose"
    ]


def test_circles_are_found_also_through_others_and_for_types_alone(house: Write) -> None:
    root = house(
        {
            "a": "import house.b",
            "b": "def f():\n    import house.c",
            "c": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house import a\nimport house.d",
            "d": "",
            "e": "from house.a import x",
        },
    )
    assert circles(root) == [["house.a", "house.b", "house.c"]]
    assert levels(arrows(root)) == 3


def test_a_folder_inside_of_a_package_is_read_by_its_full_names(house: Write) -> None:
    root = house({"plan/a": "from . import b", "plan/b": "from house.plan.a import x", "errors": ""})
    assert circles(root / "plan") == [["house.plan.a", "house.plan.b"]]


def test_lengths_and_words_are_counted(house: Write) -> None:
    root = house(
        {
            "a": "class C:\n    def f(self):\n        _said = saidX = essay = 1\n\n        # he said\n        return _said\n"
        }
    )
    found = lengths(root)
    assert [(one.lines, one.name) for one in (found["class"][0], found["function"][0], found["module"][0])] == [
        (6, "house.a.C"),
        (5, "house.a.C.f"),
        (6, "house.a"),
    ]
    assert overloaded(root)["said"] == {"identifiers": 3, "anywhere": 3}
    assert overloaded(root)["say"] == {"identifiers": 0, "anywhere": 0}


def test_the_command_reports_a_folder_for_people_and_for_programs(house: Write) -> None:
    root = house({"a": "import house.b", "b": "import house.a"})
    command = [sys.executable, str(Path(__file__).with_name("structure.py")), str(root)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "house.a, house.b" in text
    done = subprocess.run([*command, "--format", "json"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["house"]["circles"] == [["house.a", "house.b"]]
