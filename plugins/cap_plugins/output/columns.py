"""Tables as lists of objects: the names of the columns, and rows under them."""

from __future__ import annotations

from collections.abc import Iterable

LARGEST = 100_000_000
"""Bytes for the names in all rows: each row repeats them, so a long header makes a small answer a large one."""
_MEMBER = 16


def columns(titles: Iterable[str]) -> list[str]:
    """The titles without white space around them; repeated ones are numbered (`size`, `size_2`)."""
    out: dict[str, None] = {}
    counts: dict[str, int] = {}
    for title in titles:
        stem = name = title.strip()
        while name in out:
            counts[stem] = counts.get(stem, 1) + 1
            name = f"{stem}_{counts[stem]}"
        out[name] = None
    return list(out)


class Rows:
    """The rows of all tables of one answer."""

    def __init__(self) -> None:
        self._size = 0

    def row(self, names: list[str], values: Iterable[str]) -> dict[str, str]:
        """A row's values by the names of their columns. Raises `ValueError` if all rows together become too large."""
        row = dict(zip(names, values, strict=False))
        self._size += _MEMBER * len(row) + sum(map(len, row))
        if self._size > LARGEST:
            raise ValueError(f"its rows take more than {LARGEST} bytes when written out")
        return row
