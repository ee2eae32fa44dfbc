"""`cap explain`: the request a call would send, and where every part of it comes from."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cap_core.cli.arguments import read_arguments
from cap_core.cli.documents import offers_of, one
from cap_core.cli.options import Command, settings_flags
from cap_core.cli.running import open_options
from cap_core.cli.tables import print_table
from cap_core.errors import CapError, Refusal
from cap_core.explain import Explanation, explain
from cap_core.operations import find_call
from cap_core.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console


@click.command(
    "explain",
    cls=Command,
    examples="""
cap explain portkey-batch.yaml retrievebatch batch_id=b-1
cap explain portkey-batch 'GET /v1/batches' limit=10
cap explain portkey-batch portkey-batch.listbatches --format json | jq .request
""",
)
@click.argument("capability")
@click.argument("operation")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How to print. [text]")
@settings_flags()
def command(settings: Settings, capability: str, operation: str, inputs: tuple[str, ...], format_: str) -> int:
    """Show the request that a call would send, with secrets masked; nothing is sent.

    OPERATION is a tool's name, 'METHOD /exposed/path', or namespace.operation. INPUT is as 'cap call' has it. For every
    value it says which place in which file, which input, flag, variable or plugin it comes from.
    """
    offers = offers_of(settings)
    plan = one(settings, offers, capability)
    call = find_call(plan, operation)
    try:
        values = read_arguments(inputs, call.inputs)
        explanation = asyncio.run(explain(plan, call, offers, open_options(settings), values))
    except Refusal as refusal:
        raise CapError(refusal.detail, hint=refusal.hint) from None
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(explanation), indent=2))
    else:
        _print(explanation)
    return 0


def _print(it: Explanation) -> None:
    """For people: aligned, and in color on a terminal."""
    from rich.console import Console
    from rich.text import Text

    # Away from a terminal a line is as long as it is, so that it can be searched.
    out = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    out.print(Text.assemble((it.exposed, "bold"), f" of {it.capability} calls ", (it.operation, "bold")))
    out.print(Text(f"{it.spec}, {it.consumed}", "dim"))
    if it.refused is not None:
        out.print(Text.assemble(("\nIt would be refused: ", "bold red"), it.refused))
    if it.request is not None:
        out.print(Text.assemble("\n", (it.request.method, "bold"), " ", it.request.url))
        for name, value in it.request.headers:
            out.print(Text.assemble((f"{name}: ", "cyan"), value))
        if it.request.body is not None:
            out.print(Text("\n" + it.request.body))
    _columns(out, ("WHAT", "VALUE", "FROM", "AT"), ((o.place, _absent(o.value), o.source, o.at) for o in it.values))
    _columns(out, ("INPUT", "TYPE", "", "DESCRIPTION"), _inputs(it.input_schema))
    out.print(f"\nOutput: {it.output}", markup=False)
    for output in it.outputs:
        for line in _outputs(output, 1):
            out.print(line, markup=False)
    if it.notes:
        out.print()
    for note in it.notes:
        out.print(Text(str(note), "yellow" if note.severity == "warning" else "dim"))


def _absent(value: str | None) -> str:
    return "-" if value is None else value


def _inputs(schema: Mapping[str, Any]) -> Iterable[tuple[str, ...]]:
    required = schema.get("required", ())
    for name, about in schema["properties"].items():
        needed = "required" if name in required else ""
        yield name, str(about.get("type", "any")), needed, str(about.get("description", ""))


def _outputs(output: Mapping[str, Any], depth: int) -> Iterable[str]:
    name = output["name"] or ("items" if depth > 1 else "result")
    mapping = f" = {output['mapping']}" if output["mapping"] else ""
    yield f"{'  ' * depth}{name}: {output['type'] or 'any'}{mapping}  ({output['at']})"
    below = (*output["properties"], *((output["items"],) if output["items"] else ()))
    for one_below in below:
        yield from _outputs(one_below, depth + 1)


def _columns(out: Console, titles: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    """A table without a frame, which wraps inside its columns on a terminal."""
    from rich.table import Table
    from rich.text import Text

    every = list(lines)
    if not every:
        return
    out.print()
    if not out.is_terminal:
        print_table(titles, every)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in titles:
        table.add_column(title, overflow="fold")
    for line in every:
        table.add_row(*map(Text, line))
    out.print(table)
