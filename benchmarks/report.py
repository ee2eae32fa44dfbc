"""A run's figures, for people."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from benchmarks.figures import Above, Figure, Report
from benchmarks.inside import lines

_WIDTH = 110


def show(report: Report) -> None:
    """Print the report; ratios first, because they are what carries over to another machine."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for name, pairs in (("versions", report.versions), ("conditions", report.conditions)):
        console.print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in pairs.items()), highlight=False)
    for body in dict.fromkeys(figure.body for figure in report.figures):
        console.print()
        console.print(_load(f"{body} bodies", [figure for figure in report.figures if figure.body == body]))
    console.print()
    console.print("In process, without sockets: µs for each call, and above the shell", style="italic")
    console.print("\n".join(lines(report.inside)), highlight=False)
    console.print()
    console.print(_before(report))
    each = report.check
    took = f"{each.ms_each:.1f} ms of processor time and {each.kb_each:.0f} KB"
    console.print(
        f"cap check: {took} for each of {each.documents} documents; {each.mb:.0f} MB at most", highlight=False
    )
    console.print()
    for figure in report.figures:
        if figure.shell is not None:
            console.print(_verdict(figure, figure.shell), highlight=False)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True, min_width=32)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _load(title: str, figures: list[Figure]) -> Table:
    table = _table(title, "to nginx", "to shell", "CPU to shell", "ours µs", "CPU µs", "req/s", "p50/p99 ms")
    for figure in figures:
        above = figure.shell
        ratios = ("", "", "") if above is None else (f"{above.rate:.2f}", f"{above.cpu:.2f}", f"{above.own:+.0f}")
        times = f"{figure.p50:.1f}/{figure.p99:.1f}"
        numbers = (f"{figure.to_nginx:.2f}", *ratios, f"{figure.cpu:.0f}", f"{figure.rate:,.0f}", times)
        table.add_row(figure.title, *numbers)
    return table


def _before(report: Report) -> Table:
    table = _table("Start and memory", "first 200 s", "CPU s", "MB idle", "MB after")
    for name, memory in report.memory.items():
        start = report.starts.get(name)
        times = ("", "") if start is None else (f"{start.seconds:.2f}", f"{start.cpu:.2f}")
        table.add_row(name, *times, f"{memory.idle:.0f}", f"{memory.after:.0f}")
    return table


def _verdict(figure: Figure, above: Above) -> str:
    holds = "[green]holds[/]" if above.holds else "[red]does not hold[/]"
    over = f"{(above.cpu - 1) * 100:+.0f} % (rounds {above.least:.2f} to {above.most:.2f})"
    return f"at most 20 % over the shell {holds}: {figure.title}, {figure.body}: {over}"
