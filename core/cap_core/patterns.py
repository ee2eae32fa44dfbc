"""`pattern` of an input: matched within a bounded time, because callers choose the text it is tried on."""

from __future__ import annotations

from collections.abc import Callable

import regex

from cap_core.errors import Mark
from cap_core.reading import Say

PATIENCE = 0.05
"""Seconds for one match. A pattern that backtracks without end must not hold up everybody else's calls."""


def checked_pattern(pattern: str | None, at: Mark, say: Say) -> str | None:
    """The pattern, or None, having said so, where it is none."""
    if pattern is None:
        return None
    try:
        regex.compile(pattern)
    except regex.error as error:
        say("bad-pattern", at, f"{pattern!r} is not a regular expression: {error}")
        return None
    return pattern


def matcher(pattern: str) -> Callable[[str], str | None]:
    """A function that says what is wrong with a text, or None where the pattern is found in it."""
    search = regex.compile(pattern).search

    def match(text: str) -> str | None:
        try:
            found = search(text, timeout=PATIENCE)
        except TimeoutError:
            return f"takes too long to match {pattern}"
        return None if found else f"must match {pattern}"

    return match
