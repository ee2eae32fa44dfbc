"""When two spellings are one name (`docs/semantics.md`, names): `{assistant-id}` is `assistant_id` is `assistantId`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice


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


LONGEST = 200
"""Characters of a name that a did-you-mean is looked for; a longer one is not a slip of the hand."""
MOST = 30_000
"""How many names are compared at most: about a second's worth."""


class Budget:
    """How many names may still be compared for the did-you-means of one document, whose mistakes may be many."""

    def __init__(self, left: int = MOST) -> None:
        self._left = left

    def spend(self, count: int) -> bool:
        """Take `count` comparisons; False where they are more than are left."""
        self._left -= count
        return self._left >= 0


def closest(name: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The candidate most like `name`, by `difflib`'s ratio of at least `cutoff` (0 to 1), else None.

    The cost is bounded: names that are very long are not compared, and of very many only the first.
    """
    if len(name) > LONGEST:
        return None
    compared = [candidate for candidate in islice(candidates, MOST) if len(candidate) <= LONGEST]
    return next(iter(difflib.get_close_matches(name, compared, n=1, cutoff=cutoff)), None)


def near(name: str, candidates: Iterable[str]) -> str:
    """A did-you-mean for a message, whatever the case, or "" where nothing is close."""
    known = {candidate.lower(): candidate for candidate in candidates}
    found = closest(name.lower(), known)
    return f"did you mean {known[found]!r}?" if found is not None else ""
