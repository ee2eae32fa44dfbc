"""Lines of separated values, for `csv`, `tsv` and `psv`.

The first line is the header; the answer becomes a list with an object for each further line, its values all strings.
Lines that are empty are no rows, and a header alone gives an empty list.

* Names of columns are without white space around them; a name that comes again is numbered (`size`, `size_2`).
* Values are as they stand. `"` encloses one that has the separator or a line break in it, `""` is a quote there.
* A line that is too short has no members for what is missing, so mappings find null. A line with more values than the
  header has names is not of the format, unless the values too many are empty.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator

from cap_core.plugins.output import TooLarge
from cap_core.syntax.charset import text
from cap_plugins.output.columns import MAX_VALUES, Rows, columns

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_LARGEST = 2**31 - 1
"""Of one value. csv's own limit is 128 KiB; the host has bounded the whole answer already."""


def reader(separator: str) -> Callable[[bytes, str | None], object]:
    """The function that reads an answer with this separator."""

    def read(body: bytes, content_type: str | None) -> object:
        csv.field_size_limit(_LARGEST)
        lines = csv.reader(_lines(text(body, content_type)), delimiter=separator, strict=True)
        try:
            return list(_rows(lines))
        except csv.Error as error:
            raise ValueError(str(error)) from None

    return read


def _lines(source: str) -> Iterator[str]:
    """The lines with their ends, one after the other: a text file would hold four bytes for each character."""
    return (found[0] for found in _LINE.finditer(source))


def _rows(lines: Iterator[list[str]]) -> Iterator[dict[str, str]]:
    rows, names = Rows(), None
    for line in lines:
        if not line:
            continue
        if names is None:
            names = columns(line)
            if len(names) > MAX_VALUES:
                raise TooLarge(f"more than {MAX_VALUES} columns")
            continue
        if len(line) > len(names) and any(line[len(names) :]):
            raise ValueError(f"a line has {len(line)} values, the header {len(names)} names")
        yield rows.row(names, line)
