"""Compares names, by normal form and by similarity (`docs/semantics.md`, names): `assistant-id` is `assistantId`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import lru_cache
from heapq import nlargest
from itertools import islice


@lru_cache(maxsize=4096)
def norm(name: str) -> str:
    """Lower-case letters and digits only."""
    return "".join(c for c in name.lower() if c.isalnum())


class Spellings:
    """Candidates prepared once for many calls of `match`."""

    def __init__(self, candidates: Iterable[str]) -> None:
        self._known = frozenset(candidates)
        self._same: dict[str, str | None] = {}
        """For each normal form its only candidate, or None if several candidates have that form."""
        for candidate in self._known:
            form = norm(candidate)
            self._same[form] = None if form in self._same else candidate
        self._same.pop("", None)

    def find(self, name: str) -> str | None:
        """The same as `match(name, candidates)`."""
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
"""Characters of a name for which a similar one is looked up; a longer one is not a typing error."""
MOST = 30_000
"""Names that are compared at most, which takes about a second."""


class Budget:
    """Limits how many names are compared for one document, however many mistakes it has."""

    def __init__(self, left: int = MOST) -> None:
        self._left = left

    def spend(self, count: int) -> bool:
        """Take `count` comparisons; False if fewer are left."""
        self._left -= count
        return self._left >= 0


def similar(
    name: str, candidates: Iterable[str], *, count: int = 3, cutoff: float = 0.6, compared: int = MOST
) -> list[str]:
    """The candidates most like `name`, the best first: at most `count`, with `difflib`'s ratio of at least `cutoff`.

    The cost is bounded. Very long names are not compared, and of very many only the first. At most `compared` are
    compared in full, which takes 0.1 ms each: those that share the most pairs of letters with `name`.
    """
    if len(name) > LONGEST:
        return []
    known = [candidate for candidate in islice(candidates, MOST) if len(candidate) <= LONGEST]
    if len(known) > compared:
        pairs = _pairs(name)
        known = nlargest(compared, known, key=lambda candidate: len(pairs & _pairs(candidate)))
    return difflib.get_close_matches(name, known, n=count, cutoff=cutoff)


def _pairs(name: str) -> set[str]:
    return {name[i : i + 2] for i in range(len(name) - 1)}


def closest(name: str, candidates: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The candidate most like `name`, by `difflib`'s ratio of at least `cutoff` (0 to 1), else None."""
    return next(iter(similar(name, candidates, count=1, cutoff=cutoff)), None)


def near(name: str, candidates: Iterable[str]) -> str:
    """`did you mean '…'?` for a message, compared without regard to case; "" if no candidate is close."""
    known = {candidate.lower(): candidate for candidate in candidates}
    found = closest(name.lower(), known)
    return f"did you mean {known[found]!r}?" if found is not None else ""
