"""Shows the line of a document that a diagnostic is about, with a caret below the place; credentials are covered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from cap_core.cli.tables import printable
from cap_core.errors import Mark

_WIDTH = 100
"""Characters of a line that are shown at most; of a longer one those around the place."""
_SECRET = re.compile(
    r"""(?P<key>\b[\w-]*(?:token|password|passwd|secret|key|credential|authorization|username|value)["']?\s*:\s+)"""
    r"""(?P<value>[^\s{}\[\],][^,}\n]*)""",
    re.IGNORECASE,
)
"""A text behind a key that credentials have; variables and braces are no secret."""
_USER = re.compile(r"(?<=//)[^/@\s]+(?=@)")


class SourceLines:
    """The lines of documents, by the names that messages have for their files."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths
        self._read: tuple[str, list[str]] = ("", [])

    def show(self, at: Mark) -> str:
        """The line at a place and the caret below it; "" if there is none to show."""
        lines = self._lines(at.file)
        if not 0 < at.line <= len(lines):
            return ""
        text = _covered(lines[at.line - 1].replace("\t", " ").rstrip())
        column = min(max(at.column - 1, 0), len(text))
        start = max(0, column - _WIDTH // 2) if len(text) > _WIDTH else 0
        number = f"{at.line:>5} | "
        return f"{number}{printable(text[start : start + _WIDTH])}\n{' ' * (len(number) + column - start)}^\n"

    def _lines(self, file: str) -> list[str]:
        """The lines of one file; those of the last one are kept, because diagnostics come file by file."""
        if self._read[0] != file:
            try:
                text = self._paths.get(file, Path(file)).read_text("utf-8-sig")
            except (OSError, UnicodeDecodeError):
                text = ""
            self._read = (file, text.split("\n"))
        return self._read[1]


def _covered(line: str) -> str:
    def cover(found: re.Match[str]) -> str:
        value = found["value"]
        quoted = "'\"".find(value[0]) >= 0
        if "{{" in value:
            return found[0]
        return found["key"] + (value[0] if quoted else "*") + "*" * (len(value) - 1)

    return _USER.sub(lambda found: "*" * len(found[0]), _SECRET.sub(cover, line))
