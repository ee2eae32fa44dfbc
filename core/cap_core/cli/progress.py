"""A bar on a terminal's standard error for what takes long; elsewhere, and for little, nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

MANY = 50
"""Fewer steps than this are over before a bar could be read: about 0.1 s for documents."""


@contextlib.contextmanager
def progress_bar(count: int) -> Iterator[Callable[[str], None]]:
    """Show how far `count` steps have come. Gives the function to call after each, with what it was."""
    if count < MANY or not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=count)
        yield lambda name: bar.update(task, advance=1, description=name)
