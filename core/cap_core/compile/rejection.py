"""Why an operation cannot be served or called: a reason that leaves it out, and nothing else of the document."""

from __future__ import annotations

import msgspec

from cap_core.errors import Mark


class Rejection(msgspec.Struct, frozen=True):
    """A reason: the code of its diagnostic, the place, what is wrong, and what would help where that is known."""

    code: str
    at: Mark
    message: str
    hint: str | None = None


class Rejected(Exception):
    """Raised where an exposed operation cannot be served correctly: what `docs/semantics.md` calls quarantined."""

    def __init__(self, code: str, at: Mark, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.rejection = Rejection(code, at, message, hint)
