"""The names of a table's columns, for formats whose rows become objects."""

from __future__ import annotations

from collections.abc import Iterable


def columns(titles: Iterable[str]) -> list[str]:
    """The titles without white space around them; one that comes again is numbered (`size`, `size_2`)."""
    out: dict[str, None] = {}
    counts: dict[str, int] = {}
    for title in titles:
        stem = name = title.strip()
        while name in out:
            counts[stem] = counts.get(stem, 1) + 1
            name = f"{stem}_{counts[stem]}"
        out[name] = None
    return list(out)
