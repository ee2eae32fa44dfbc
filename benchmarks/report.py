"""A run's figures, for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.figures import AIM, Figure, Report

_WIDTH = 110


def show(report: Report) -> None:
    """Print the report; ratios first, because they are what carries over to another machine."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for name, pairs in (("versions", report.versions), ("conditions", report.conditions)):
        console.print(f"[bold]{name}[/]  " + ", ".join(f"{key} {value}" for key, value in pairs.items()))
    small = [figure for figure in report.figures if figure.key.endswith(("-small", "-values"))]
    large = [figure for figure in report.figures if figure.key.endswith("-large")]
    console.print(_load("1.5 KB bodies", small), _load("100 KB bodies", large), _before(report))
    each = report.check
    console.print(f"cap check: {each.ms_each:.1f} ms of processor time for each of {each.documents} documents")
    for figure in report.figures:
        if figure.to_shell is not None:
            console.print(_verdict(figure))


def _load(title: str, figures: list[Figure]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("to nginx", "CPU to shell", "ours µs", "CPU µs", "req/s", "p50/p99 ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for figure in figures:
        ratio = "" if figure.to_shell is None else f"{figure.to_shell:.2f}"
        own = "" if figure.own is None else f"{figure.own:+.0f}"
        times = f"{figure.p50:.1f}/{figure.p99:.1f}"
        numbers = (f"{figure.to_nginx:.2f}", ratio, own, f"{figure.cpu:.0f}", f"{figure.rate:,.0f}", times)
        table.add_row(figure.title, *numbers)
    return table


def _before(report: Report) -> Table:
    table = Table(title="start and memory", title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for heading in ("first 200 s", "CPU s", "MB idle", "MB after"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, memory in report.memory.items():
        start = report.starts.get(name)
        times = ("", "") if start is None else (f"{start.seconds:.2f}", f"{start.cpu:.2f}")
        table.add_row(name, *times, f"{memory.idle:.0f}", f"{memory.after:.0f}")
    return table


def _verdict(figure: Figure) -> str:
    assert figure.to_shell is not None
    assert figure.spread is not None
    least, most = figure.spread
    holds = "[green]holds[/]" if figure.to_shell <= AIM else "[red]does not hold[/]"
    sure = "" if most <= AIM or least > AIM else "; some rounds say otherwise"
    over = f"{(figure.to_shell - 1) * 100:+.0f} % over its shell (rounds {least:.2f}-{most:.2f})"
    return f"at most 20 % over the shell: {figure.title} {figure.key.rpartition('-')[2]}: {over}: {holds}{sure}"
