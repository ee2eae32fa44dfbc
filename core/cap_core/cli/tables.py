"""Prints plain tables: aligned columns without frames, which wrap between words on a terminal."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence

import click

GAP = "  "

NARROWEST = 12
"""Columns of a terminal below which a column is not made narrower."""

_Line = tuple[str, ...]


def printable(text: str) -> str:
    """A text without characters that would move a terminal's cursor or change its colors."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def terminal_width(*, err: bool = False) -> int | None:
    """The columns of the terminal that standard output goes to, or with `err` standard error; None for a pipe or file,
    where lines are not wrapped so that they can be searched."""
    stream = sys.stderr if err else sys.stdout
    return shutil.get_terminal_size().columns if stream.isatty() else None


def print_table(titles: _Line, lines: Iterable[_Line], *, err: bool = False) -> None:
    """Print lines below their titles, within the width of a terminal if it goes to one."""
    every = [titles, *(tuple(map(printable, line)) for line in lines)]
    for text in laid_out(every, terminal_width(err=err)):
        click.echo(text, err=err)


def laid_out(every: Sequence[_Line], width: int | None) -> Iterable[str]:
    """The lines of a table, whose first line has the titles.

    If they do not fit, the widest columns are wrapped between words. If words are too long for that, each line of the
    table becomes a paragraph: its first cell, and below it the others.
    """
    widths = [max(map(len, column)) for column in zip(*every, strict=True)]
    if width is not None and not _fits(widths, width):
        least = [max(len(word) for cell in column for word in cell.split(" ")) for column in zip(*every, strict=True)]
        least = [min(wide, max(word, NARROWEST)) for wide, word in zip(widths, least, strict=True)]
        if not _fits(least, width):
            return _paragraphs(every, width)
        while not _fits(widths, width):
            widest = max((wide, at) for at, wide in enumerate(widths) if wide > least[at])[1]
            widths[widest] -= 1
    return [text for line in every for text in _row(line, widths)]


def _fits(widths: Sequence[int], width: int) -> bool:
    return sum(widths) + len(GAP) * (len(widths) - 1) <= width


def _row(line: _Line, widths: Sequence[int]) -> Iterable[str]:
    """The lines of one line of a table, whose cells may take several."""
    cells = [_wrapped(cell, wide) for cell, wide in zip(line, widths, strict=True)]
    for number in range(max(map(len, cells))):
        parts = (cell[number] if number < len(cell) else "" for cell in cells)
        yield GAP.join(f"{part:{wide}}" for part, wide in zip(parts, widths, strict=True)).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    """A cell's lines. Its indentation stays, and further lines have it too."""
    if len(text) <= width:
        return [text]
    indent = " " * (len(text) - len(text.lstrip(" ")))
    return textwrap.wrap(
        text.lstrip(" "),
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


def _paragraphs(every: Sequence[_Line], width: int) -> Iterable[str]:
    titles, *lines = every
    longest = max(map(len, titles))
    for line in lines:
        if line[0]:
            yield from _wrapped(line[0], width)
        for title, cell in zip(titles[1:], line[1:], strict=True):
            if cell.strip():
                first, *rest = _wrapped(cell.strip(), max(width - longest - 4, NARROWEST))
                yield f"  {title.lower():{longest}}  {first}".rstrip()
                yield from (f"{'':{longest + 4}}{more}" for more in rest)
