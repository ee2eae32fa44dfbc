"""Matches the `pattern` of an input within a bounded time, because callers choose the text."""

from __future__ import annotations

import re
from collections.abc import Callable

import regex

from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark

PATIENCE = 0.05
"""Seconds for one match. A pattern that backtracks without end must not block other calls."""

MAX_LENGTH = 1000
"""Characters of a pattern; no published one has more than 60."""
MAX_DEPTH = 50
"""Groups within groups."""
MAX_SIZE = 100_000
"""Characters of a pattern after each repetition `{n}` is written out, which compiling it does."""

_ESCAPES_AND_SETS = re.compile(r"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)
_LEAST = re.compile(r"(?P<group>(?:^|[\s)}?*+])\s*)?\{(?P<least>[0-9]+)(?:,[0-9]*)?\}")


def checked_pattern(pattern: str | None, at: Mark, report: Reporter) -> str | None:
    """The pattern, or None if it is invalid, which is reported."""
    if pattern is None:
        return None
    fault = _beyond(pattern)
    if fault is None:
        try:
            regex.compile(pattern)
        except regex.error as error:
            fault = f"it is not a regular expression: {error}"
        except (RecursionError, MemoryError, OverflowError):
            fault = "it is too large"
    if fault is None:
        return pattern
    report("bad-pattern", at, f"the pattern {pattern!r} checks nothing: {fault}")
    return None


def _beyond(pattern: str) -> str | None:
    """Why a pattern is too large, or None. Compiling even a short one can exhaust time and memory."""
    if len(pattern) > MAX_LENGTH:
        return f"it has {len(pattern)} characters, more than {MAX_LENGTH}"
    bare = _ESCAPES_AND_SETS.sub("x", pattern)
    depth = deepest = 0
    for c in bare:
        depth += (c == "(") - (c == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        return f"its groups are nested more than {MAX_DEPTH} deep"
    # The estimate is never too small: a repetition after a group multiplies everything before it.
    size, times = len(bare), 1
    for found in _LEAST.finditer(bare):
        least = int(found["least"])
        if found["group"] is None:
            size += least
        else:
            times *= max(least, 1)
    if size * times > MAX_SIZE:
        return f"its repetitions, written out, are longer than {MAX_SIZE} characters"
    return None


def matcher(pattern: str) -> Callable[[str], str | None]:
    """The function that searches a text for the pattern. It gives None if it is found, else an error message."""
    search = regex.compile(pattern).search

    def match(text: str) -> str | None:
        try:
            found = search(text, timeout=PATIENCE)
        except TimeoutError:
            return f"takes too long to match {pattern}"
        return None if found else f"must match {pattern}"

    return match
