"""Plain tables: aligned columns, no frames."""

from __future__ import annotations

from collections.abc import Iterable

import click


def print_table(titles: tuple[str, ...], lines: Iterable[tuple[str, ...]], *, err: bool = False) -> None:
    """Print lines below their titles; the last column is as long as it is."""
    every = [titles, *lines]
    widths = [max(len(line[column]) for line in every) for column in range(len(titles) - 1)]
    for line in every:
        cells = (f"{cell:{width}}" for cell, width in zip(line, (*widths, 0), strict=True))
        click.echo("  ".join(cells).rstrip(), err=err)
