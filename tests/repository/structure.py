"""The structure of a package, read from its source: modules, arrows between them, circles, levels, and what is long.

    python tests/repository/structure.py                       # core/cap_core and plugins/cap_plugins
    python tests/repository/structure.py core/cap_core/cli     # any folder of modules
    python tests/repository/structure.py --format json

An arrow leads from a module to one that it imports: at its top, in a function or for types alone (`TYPE_CHECKING`).
Nothing is imported to find them. `violations` and `circles` are what the architecture test asks.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import tokenize
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEFAULT = (ROOT / "core" / "cap_core", ROOT / "plugins" / "cap_plugins")

LONG_FUNCTION, LONG_MODULE = 50, 300
OVERLOADED = ("said", "say", "asked", "told", "tell", "spelled")
"""Words that had several meanings each."""

Order = tuple["str | tuple[str, ...]", ...]
"""Packages from left to right. Those in an inner tuple stand side by side: neither imports the other."""

Graph = Mapping[str, frozenset[str]]
"""What each name imports."""


# --- imports ----------------------------------------------------------------------------------------------------------


def dotted(root: Path) -> str:
    """The full name of a package, from the folder it is in."""
    parts, folder = [root.resolve().name], root.resolve().parent
    while (folder / "__init__.py").is_file():
        parts, folder = [folder.name, *parts], folder.parent
    return ".".join(parts)


def modules(root: Path) -> dict[str, Path]:
    """Every module below a folder, by its full dotted name; a package has the name of its folder."""
    base, found = dotted(root), {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join([base, *(parts[:-1] if parts[-1] == "__init__" else parts)])] = path
    return found


def imported(path: Path, name: str) -> Iterator[str]:
    """Every dotted name that a module imports, with that of the thing: `a.b` of `from a import b`."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*parents, *([node.module] if node.module else [])])
            yield from (f"{source}.{alias.name}" for alias in node.names)


def arrows(root: Path) -> Graph:
    """Which modules each module below a folder imports; what lies outside of the folder is left out."""
    known = modules(root)
    graph = {}
    for name, path in known.items():
        targets = {_module(target, known) for target in imported(path, name)}
        graph[name] = frozenset(target for target in targets if target and target != name)
    return graph


def _module(target: str, known: Mapping[str, Path]) -> str:
    """The module that a dotted name is, or is in; empty for one that is not known."""
    while target and target not in known:
        target = target.rpartition(".")[0]
    return target


# --- the rules --------------------------------------------------------------------------------------------------------


def circles(root: Path) -> list[list[str]]:
    """The groups of modules below a folder that import each other, straight or by way of others."""
    return [group for group in groups(arrows(root)) if len(group) > 1]


def violations(root: Path, order: Order) -> list[str]:
    """Where a module imports what does not stand to the right of its own package, a sentence each.

    A package of `order` is named from `root` on (`plan`, `expose.mcp`); a module at the top counts as one. The root's
    own `__init__` and `__main__` may import everything, and nothing imports them.
    """
    base = dotted(root)
    places = {name: n for n, side in enumerate(order) for name in ([side] if isinstance(side, str) else side)}
    units = {module: _unit(module, base, places) for module in modules(root)}
    wrong = [f"the order names {name}, which is not there" for name in sorted(places.keys() - set(units.values()))]
    wrong += [f"{module} has no place in the order" for module, unit in units.items() if unit is None]
    for module, targets in arrows(root).items():
        for target in sorted(targets):
            one, other = units[module], units[target]
            if one is None or other is None or one == other:
                continue
            if places.get(other, -1) <= places.get(one, -1):
                wrong.append(f"{module} imports {target}, which does not stand to the right of {one or base}")
    return wrong


def _unit(module: str, base: str, places: Mapping[str, int]) -> str | None:
    """The package of the order that a module belongs to; empty for the root itself, None where none is named."""
    name = module.removeprefix(base).removeprefix(".")
    if name in ("", "__main__"):
        return ""
    while name and name not in places:
        name = name.rpartition(".")[0]
    return name or None


# --- measures ---------------------------------------------------------------------------------------------------------


def groups(graph: Graph) -> list[list[str]]:
    """The strongly connected components of a graph, each sorted, in a fixed order."""

    @cache
    def reached(start: str) -> frozenset[str]:
        seen, ahead = {start}, [start]
        while ahead:
            new = graph[ahead.pop()] - seen
            seen |= new
            ahead += new
        return frozenset(seen)

    found = {frozenset(other for other in reached(name) if name in reached(other)) for name in graph}
    return sorted(sorted(group) for group in found)


def levels(graph: Graph) -> int:
    """How many groups stand on the longest way along the arrows."""
    group_of = {name: tuple(group) for group in groups(graph) for name in group}

    @cache
    def height(group: tuple[str, ...]) -> int:
        below = {group_of[target] for name in group for target in graph[name]} - {group}
        return 1 + max(map(height, below), default=0)

    return max(map(height, group_of.values()), default=0)


def packages(graph: Graph, base: str) -> Graph:
    """The graph of what stands directly below the root: packages, and modules that are in none."""

    def unit(module: str) -> str:
        return module.removeprefix(base).removeprefix(".").split(".")[0] or "__init__"

    found: dict[str, set[str]] = {}
    for module, targets in graph.items():
        found.setdefault(unit(module), set()).update(unit(target) for target in targets)
    return {name: frozenset(targets - {name}) for name, targets in found.items()}


@dataclass(frozen=True, order=True)
class Length:
    """How many lines a module, a class or a function has."""

    lines: int
    name: str


def lengths(root: Path) -> dict[str, list[Length]]:
    """Modules, classes and functions by their length, the longest first; a function counts what is defined in it."""
    found: dict[str, list[Length]] = {"module": [], "class": [], "function": []}

    def look(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = prefix
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{prefix}.{child.name}"
                kind = "class" if isinstance(child, ast.ClassDef) else "function"
                found[kind].append(Length((child.end_lineno or child.lineno) - child.lineno + 1, name))
            look(child, name)

    for name, path in modules(root).items():
        text = path.read_text("utf-8")
        found["module"].append(Length(len(text.splitlines()), name))
        look(ast.parse(text), name)
    return {kind: sorted(all_, key=lambda length: (-length.lines, length.name)) for kind, all_ in found.items()}


def overloaded(root: Path) -> dict[str, dict[str, int]]:
    """How often each overloaded word is in an identifier (`said`, `_said`, `AskedAt`), and anywhere as a whole word.

    Python 3.12 and newer see the identifiers inside of f-strings, 3.11 does not: compare counts of one version.
    """
    identifiers, anywhere = Counter[str](), Counter[str]()
    for path in modules(root).values():
        with path.open("rb") as file:
            names = [token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.NAME]
        identifiers.update(word.lower() for name in names for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", name))
        anywhere.update(re.findall(r"[a-z]+", path.read_text("utf-8").lower()))
    return {word: {"identifiers": identifiers[word], "anywhere": anywhere[word]} for word in OVERLOADED}


# --- the report -------------------------------------------------------------------------------------------------------


def report(root: Path) -> dict[str, object]:
    """Everything measured of one folder."""
    graph, measured = arrows(root), lengths(root)
    units = packages(graph, dotted(root))
    folders = {path.parent for path in modules(root).values()} - {root}
    return {
        "modules": len(graph),
        "packages": len(folders),
        "levels": levels(graph),
        "arrows": sum(map(len, graph.values())),
        "circles": circles(root),
        "top": {
            "names": len(units),
            "levels": levels(units),
            "arrows": sum(map(len, units.values())),
            "circles": [group for group in groups(units) if len(group) > 1],
        },
        "longest": {kind: asdict(found[0]) for kind, found in measured.items() if found},
        "long functions": [asdict(one) for one in measured["function"] if one.lines > LONG_FUNCTION],
        "long modules": [asdict(one) for one in measured["module"] if one.lines > LONG_MODULE],
        "overloaded words": overloaded(root),
    }


def text(value: object, indent: str = "  ") -> Iterator[str]:
    """A report as indented lines."""
    for name, part in value.items() if isinstance(value, dict) else ():
        if isinstance(part, dict) and not all(isinstance(one, str | int) for one in part.values()):
            yield f"{indent}{name}"
            yield from text(part, indent + "  ")
        elif isinstance(part, list):
            yield f"{indent}{name:18}{len(part)}"
            yield from (f"{indent}  {_line(one)}" for one in part)
        else:
            yield f"{indent}{name:18}{_line(part)}"


def _line(part: object) -> str:
    if isinstance(part, dict):
        return "  ".join(f"{value}" if key in ("lines", "name") else f"{key} {value}" for key, value in part.items())
    return ", ".join(part) if isinstance(part, list) else str(part)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", metavar="DIR", nargs="*", type=Path, default=DEFAULT, help="a folder of modules")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    for folder in arguments.folders:
        if not any(folder.rglob("*.py")):
            parser.error(f"{folder}: no module in it")
    reports = {folder.name: report(folder) for folder in arguments.folders}
    if arguments.format == "json":
        print(json.dumps(reports, indent=2))
    else:
        print("\n".join(line for name, one in reports.items() for line in (name, *text(one))))


if __name__ == "__main__":
    main()
