"""What a request of each row of the in-process benchmark may cost, and whether it does: counted, not timed.

    python -m benchmarks.budget                              # counted against benchmarks/budget.json
    python -m benchmarks.budget --functions "Cap, REST GET"  # which functions the instructions of one row are in
    python -m benchmarks.budget --write                      # what is counted now becomes the budget of this Python
    python -m benchmarks.budget --format json

What is counted and what is not: `benchmarks.counting`. A budget belongs to one minor version of Python, because each
compiles to other bytecode; the file has a table for each. It also belongs to the installed libraries: what they do in
Python is counted, and what msgspec allocates is in the memory. To add a Python, install the project in an environment
of that Python, and write from there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import click
import msgspec
import uvloop

from benchmarks.counting import Work, by_function, work
from benchmarks.inside import all_cases, gateway

FILE: Final = Path(__file__).with_name("budget.json")
VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"

ABOVE: Final = {"instructions": 0.03, "calls": 0.03, "memory": 0.10}
"""How far a count may be above its budget. Memory may more: a few small objects are no copy of a body."""

BELOW: Final = {"instructions": 0.05, "calls": 0.05, "memory": 0.20}
"""How far below: what is gained and not written down could be lost again unseen."""

_NAMES: Final = {"instructions": "instructions", "calls": "calls", "memory": "bytes of memory"}

Rows = Mapping[str, Work]
"""By title of the row."""

_WRITE: Final = "python -m benchmarks.budget --write"


def load(path: Path = FILE) -> dict[str, dict[str, Work]]:
    """The budgets of each Python, by version."""
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Work]])


def dump(budgets: Mapping[str, Rows]) -> str:
    """The file's text: a line for each row, so that a change shows what became dearer."""
    tables = []
    for version in sorted(budgets, key=lambda version: [int(part) for part in version.split(".")]):
        rows = [
            f"    {json.dumps(title)}: {json.dumps(msgspec.to_builtins(row))}"
            for title, row in budgets[version].items()
        ]
        tables.append(f"  {json.dumps(version)}: {{\n" + ",\n".join(rows) + "\n  }")
    return "{\n" + ",\n".join(tables) + "\n}\n"


def findings(counted: Rows, budget: Rows) -> Iterator[str]:
    """Whatever is not as the budget has it, a line each."""
    for title in budget.keys() - counted.keys():
        yield f"{title}: in the budget, but no row of the benchmark; {_WRITE} removes it"
    for title, row in counted.items():
        if title not in budget:
            yield f"{title}: a row without a budget; {_WRITE} adds it"
            continue
        for unit in Work.__struct_fields__:
            number, limit = getattr(row, unit), getattr(budget[title], unit)
            change, count = number / limit - 1, f"{number} {_NAMES[unit]}"
            if change > ABOVE[unit]:
                yield f"{title}: {count}, {change:.1%} above the budget of {limit}; {_WRITE} accepts that"
            elif change < -BELOW[unit]:
                yield f"{title}: {count}, {-change:.1%} below the budget of {limit}; {_WRITE} keeps the gain"


async def count_all() -> dict[str, Work]:
    """Every row of the benchmark, counted on this Python."""
    async with gateway() as cap:
        return {case.title: await work(case) for case in all_cases(cap)}


async def _functions(title: str) -> list[str]:
    async with gateway() as cap:
        for case in all_cases(cap):
            if case.title == title:
                return [f"{instructions:8} {name}" for name, instructions in (await by_function(case)).items()]
        titles = ", ".join(repr(case.title) for case in all_cases(cap))
    raise click.UsageError(f"no row {title!r}; there are {titles}")


def table(counted: Rows, budget: Rows) -> Iterator[str]:
    """Counted and budget of each row, for people."""
    titles = "".join(f"{unit:>14}{'budget':>9}{'':9}" for unit in Work.__struct_fields__)
    yield f"{'Python ' + VERSION:36}{titles}".rstrip()
    for title, row in counted.items():
        line = f"{title:36}"
        for unit in Work.__struct_fields__:
            limit = getattr(budget[title], unit) if title in budget else None
            change = f"{getattr(row, unit) / limit - 1:+9.1%}" if limit else ""
            line += f"{getattr(row, unit):14}{limit or '':>9}{change:9}"
        yield line.rstrip()


_EXAMPLES: Final = """\b
Examples:
  python -m benchmarks.budget
  python -m benchmarks.budget --functions "Cap, REST GET"
  python -m benchmarks.budget --write"""


@click.command(epilog=_EXAMPLES)
@click.option("--write", is_flag=True, help="Make what is counted the budget of this Python; other versions' stay.")
@click.option("--functions", metavar="ROW", help="Show the instructions of one row by function instead.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def main(write: bool, functions: str | None, format_: str) -> None:
    """Count what each request of the in-process benchmark executes, and compare that with its budget.

    Exit code 1 if a row is outside its budget, or if this Python has none.
    """
    budgets = load()
    if not (write or functions or VERSION in budgets):
        raise click.ClickException(f"no budget for Python {VERSION} in {FILE.name}; {_WRITE} adds it")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if functions:
            click.echo("\n".join(runner.run(_functions(functions))))
            return
        counted = runner.run(count_all())
    budget = budgets.get(VERSION, {})
    shown = dump({VERSION: counted}) if format_ == "json" else "\n".join(table(counted, budget))
    click.echo(shown.rstrip())
    if write:
        FILE.write_text(dump({**budgets, VERSION: counted}), "utf-8")
        return
    wrong = list(findings(counted, budget))
    for line in wrong:
        click.echo(line, err=True)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
