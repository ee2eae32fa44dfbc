"""When two spellings are one name (`docs/semantics.md`, names): `{assistant-id}` is `assistant_id` is `assistantId`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache


@lru_cache(maxsize=4096)
def norm(name: str) -> str:
    """Lower-case letters and digits only."""
    return "".join(c for c in name.lower() if c.isalnum())


class Spellings:
    """Candidates for many a `match`, prepared once."""

    def __init__(self, candidates: Iterable[str]) -> None:
        self._known = frozenset(candidates)
        self._same: dict[str, str | None] = {}
        """By `norm` the only candidate of that form, or None where there are several."""
        for candidate in self._known:
            form = norm(candidate)
            self._same[form] = None if form in self._same else candidate
        self._same.pop("", None)

    def find(self, name: str) -> str | None:
        """What `match` finds."""
        return name if name in self._known else self._same.get(norm(name))


def match(name: str, candidates: Iterable[str] | Spellings) -> str | None:
    """The candidate that `name` means: itself, else the only one equal by `norm`, else None."""
    if isinstance(candidates, Spellings):
        return candidates.find(name)
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
