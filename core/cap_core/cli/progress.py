"""Shows a progress bar for many steps, if standard error is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

MANY = 50
"""Steps from which a bar is shown; fewer take about 0.1 s."""


@contextlib.contextmanager
def progress_bar(count: int) -> Iterator[Callable[[str], None]]:
    """Show the progress of `count` steps. Yields the function to call after each step, with the step's name."""
    if count < MANY or not sys.stderr.isatty():
        yield lambda name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=count)
        yield lambda name: bar.update(task, advance=1, description=name)
