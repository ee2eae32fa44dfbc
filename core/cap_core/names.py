"""When two spellings are one name (`docs/semantics.md`, names): `{assistant-id}` is `assistant_id` is `assistantId`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def norm(name: str) -> str:
    """Lower-case letters and digits only."""
    return "".join(c for c in name.lower() if c.isalnum())


def match(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` means: itself, else the only one equal by `norm`, else None."""
    known = list(candidates)
    if name in known:
        return name
    wanted = norm(name)
    same = {candidate for candidate in known if norm(candidate) == wanted}
    return same.pop() if wanted and len(same) == 1 else None


def near(name: str, candidates: Iterable[str]) -> str:
    """A did-you-mean for a message, or "" where nothing is close."""
    known = {candidate.lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.lower(), list(known), n=1)
    return f"did you mean {known[close[0]]!r}?" if close else ""
