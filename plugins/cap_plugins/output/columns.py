"""Tables as lists of objects: the names of the columns, and rows under them."""

from __future__ import annotations

from collections.abc import Iterable

from cap_core.plugins.output import TooLarge

LARGEST = 20_000_000
"""Bytes of all rows when they are written out: each repeats the names, so a long header makes a small answer large."""
MAX_VALUES = 1_500_000
"""Values in all rows; a row counts as four more."""
_MEMBER = 6


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
        self._values = 0

    def row(self, names: list[str], values: Iterable[str]) -> dict[str, str]:
        """A row's values by the names of their columns. Raises `TooLarge`."""
        row = dict(zip(names, values, strict=False))
        self._size += _MEMBER * len(row) + sum(map(len, row))
        if self._size > LARGEST:
            raise TooLarge(f"its rows take more than {LARGEST} bytes when written out")
        self._values += 4 + len(row)
        if self._values > MAX_VALUES:
            raise TooLarge(f"more than {MAX_VALUES} values in rows")
        return row
