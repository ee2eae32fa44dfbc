"""The function by which parts of compiling report what they find in a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cap_core.diagnostics.report import Diagnostic
    from cap_core.errors import Mark


class Reporter(Protocol):
    """Reports a diagnostic: its code, its place, its message, and a hint instead of that in the table of codes."""

    def __call__(self, code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic: ...
