"""The reason why one operation cannot be served or called, while the rest of the document can."""

from __future__ import annotations

import msgspec

from cap_core.errors import Mark


class Rejection(msgspec.Struct, frozen=True):
    """The reason, as the parts of its diagnostic: code, place, message, and a hint if one is known."""

    code: str
    at: Mark
    message: str
    hint: str | None = None
    cause: Mark | None = None
    """The place of what is reported already, and from which this follows; None if this is the cause."""


class Rejected(Exception):
    """Raised when an exposed operation cannot be served correctly; `docs/semantics.md` calls it quarantined."""

    def __init__(
        self, code: str, at: Mark, message: str, hint: str | None = None, *, cause: Mark | None = None
    ) -> None:
        super().__init__(message)
        self.rejection = Rejection(code, at, message, hint, cause)
