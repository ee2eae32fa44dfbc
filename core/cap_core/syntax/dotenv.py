"""Reads dotenv text (`NAME=value` lines) with python-dotenv's parser, and finds the line of each name."""

from __future__ import annotations

from io import StringIO

from dotenv.parser import parse_stream

from cap_core.errors import CapError, Mark


def read_dotenv(text: str, file: str) -> dict[str, tuple[str, int]]:
    """Names with their value and line; nothing is expanded. Raises `CapError` at a line that is no assignment."""
    out: dict[str, tuple[str, int]] = {}
    for binding in parse_stream(StringIO(text)):
        # The parser counts the blank lines before an assignment as part of it.
        source = binding.original.string
        line = binding.original.line + source[: len(source) - len(source.lstrip())].count("\n")
        if binding.error:
            raise CapError("not a NAME=value line", at=Mark(file, line, 1), hint="quote the value")
        if binding.key is not None:
            out[binding.key] = (binding.value or "", line)
    return out
