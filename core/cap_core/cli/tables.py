"""Prints plain tables: aligned columns without frames."""

from __future__ import annotations

from collections.abc import Iterable

import click


def printable(text: str) -> str:
    """A text without characters that would move a terminal's cursor or change its colors."""
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in text)


def print_table(titles: tuple[str, ...], lines: Iterable[tuple[str, ...]], *, err: bool = False) -> None:
    """Print lines below their titles; the last column is not padded."""
    every = [titles, *(tuple(map(printable, line)) for line in lines)]
    widths = [max(len(line[column]) for line in every) for column in range(len(titles) - 1)]
    for line in every:
        cells = (f"{cell:{width}}" for cell, width in zip(line, (*widths, 0), strict=True))
        click.echo("  ".join(cells).rstrip(), err=err)
