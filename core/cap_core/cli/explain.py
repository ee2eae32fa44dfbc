"""`cap explain`: the request a call would send, and where every part of it comes from."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import msgspec

from cap_core.cli.arguments import read_arguments
from cap_core.cli.command import Command
from cap_core.cli.documents import registry_of, single_plan
from cap_core.cli.options import settings_flags
from cap_core.cli.options_from_settings import open_options
from cap_core.cli.tables import print_table, printable
from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import Refusal
from cap_core.explain.explain import Explanation, explain, explain_rejected
from cap_core.explain.find_operation import display_name, every_operation, find_operation
from cap_core.explain.origin import Origin, Waypoint
from cap_core.explain.step import Shown
from cap_core.plan.call import Call, RejectedOperation
from cap_core.plan.inputs import Inputs
from cap_core.settings.table import Settings

if TYPE_CHECKING:
    from rich.console import Console


@click.command(
    "explain",
    cls=Command,
    examples="""
cap explain portkey-batch.yaml
cap explain portkey-batch.yaml retrievebatch batch_id=b-1
cap explain portkey-batch 'GET /v1/batches' limit=10
cap explain portkey-batch listbatches --format json | jq .request
""",
)
@click.argument("capability")
@click.argument("operation", required=False)
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How to print. [text]")
@settings_flags()
def command(settings: Settings, capability: str, operation: str | None, inputs: tuple[str, ...], format_: str) -> int:
    """Show the request that a call would send, with secrets masked; nothing is sent.

    OPERATION is a tool's name, 'METHOD /exposed/path', or namespace.operation; without one, all that there is to
    explain is listed, what is left out too. INPUT is as 'cap call' has it; what is missing is said. For every value,
    every input and every output it says which line of which file, which flag, variable or plugin it comes from, and
    for an operation that is left out, why.
    """
    registry = registry_of(settings)
    plan = single_plan(settings, registry, capability)
    if operation is None:
        _print_all(format_, [_listed(one) for one in every_operation(plan)])
        return 0
    found = find_operation(plan, operation)
    if isinstance(found, RejectedOperation):
        explanation = explain_rejected(plan, found)
    else:
        values, refused = _read(inputs, found.inputs)
        explanation = asyncio.run(explain(plan, found, registry, open_options(settings), values, refused))
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(explanation), indent=2))
    else:
        _print(msgspec.convert(_printable(msgspec.to_builtins(explanation)), Explanation))
    return 0


def _printable(data: object) -> object:
    """The data with every text made safe for a terminal."""
    if isinstance(data, dict):
        return {key: _printable(item) for key, item in data.items()}
    if isinstance(data, list | tuple):
        return [_printable(item) for item in data]
    return printable(data) if isinstance(data, str) else data


class ListedOperation(msgspec.Struct, frozen=True):
    """An exposed operation in the list: its name, what it calls, its place, and why it is rejected, if it is."""

    exposed: str
    operation: str
    spec: str
    quarantined: Diagnostic | None


def _listed(one: Call | RejectedOperation) -> ListedOperation:
    why = one.why if isinstance(one, RejectedOperation) else None
    called = one.describes.address if isinstance(one, Call) else one.exposed.call or ""
    return ListedOperation(display_name(one), called, str(one.exposed.at), why)


def _print_all(format_: str, found: Sequence[ListedOperation]) -> None:
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    lines = ((one.exposed, one.operation, one.spec, _why(one.quarantined)) for one in found)
    print_table(("OPERATION", "CALLS", "AT", "LEFT OUT"), lines)


def _why(why: Diagnostic | None) -> str:
    return f"{why.code}: {why.message}" if why is not None else ""


def _read(arguments: Sequence[str], inputs: Inputs) -> tuple[Mapping[str, object], str | None]:
    """The valid inputs, and the errors of the others."""
    try:
        return read_arguments(arguments, inputs), None
    except Refusal as refusal:
        return read_arguments(arguments, inputs, strict=False), refusal.detail


def _print(it: Explanation) -> None:
    """For people: aligned, and in color on a terminal."""
    from rich.console import Console
    from rich.text import Text

    # Lines are not wrapped unless they go to a terminal, so that the output can be searched.
    out = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    silent = "calls nothing" if it.quarantined is not None else "answers by itself"
    calls = f" of {it.capability} calls " if it.operation else f" of {it.capability} {silent}"
    out.print(Text.assemble((it.exposed, "bold"), calls, (it.operation, "bold")))
    out.print(Text(", ".join(place for place in (it.spec, it.consumed) if place), "dim"))
    if it.quarantined is not None:
        out.print(Text.assemble(("\nIt is left out: ", "bold red"), str(it.quarantined)))
    if it.refused is not None:
        out.print(Text.assemble(("\nIt would be refused: ", "bold red"), it.refused))
    if it.steps is msgspec.UNSET:
        _print_request(out, it.request)
        _columns(out, _VALUES, [*_values(it.values), *_values(filter(None, (it.callers,)))])
    else:
        for step in it.steps:
            out.print(Text.assemble(("\nStep ", "dim"), (step.name, "bold"), f" calls {step.operation}"))
            _print_request(out, step.request)
            _columns(out, _VALUES, _values(step.values))
        _columns(out, _VALUES, _values(filter(None, (it.callers,))))
    _columns(out, ("INPUT", "TYPE", "", "GIVEN AS", "FROM", "AT"), _inputs(it))
    if it.output is not None:
        out.print(f"\nOutput: {it.output.value}, {it.output.source}  ({it.output.at})", markup=False)
    for output in it.outputs:
        for line in _outputs(output, 1):
            out.print(line, markup=False)
    if it.tool:
        shown = msgspec.json.format(msgspec.json.encode(it.input_schema), indent=2).decode()
        out.print(f"\nA model sees these arguments:\n{shown}", markup=False, soft_wrap=True)
    if it.notes:
        out.print()
    for note in it.notes:
        out.print(Text(str(note), "yellow" if note.severity == "warning" else "dim"))


_VALUES = ("WHAT", "VALUE", "FROM", "AT")


def _print_request(out: Console, request: Shown | None) -> None:
    from rich.text import Text

    if request is None:
        return
    # Not wrapped: what is copied from a terminal has no line ends of ours in it.
    out.print(Text.assemble("\n", (request.method, "bold"), " ", request.url), soft_wrap=True)
    for name, value in request.headers:
        out.print(Text.assemble((f"{name}: ", "cyan"), value), soft_wrap=True)
    if request.body is not None:
        out.print(Text("\n" + request.body), soft_wrap=True)


def _values(origins: Iterable[Origin]) -> Iterable[tuple[str, ...]]:
    for origin in origins:
        yield origin.place, _cell(origin.value), origin.source, origin.at
        yield from _steps(origin.via, 2)


def _inputs(it: Explanation) -> Iterable[tuple[str, ...]]:
    for trace in it.inputs:
        needed = "required" if trace.required else ""
        name = trace.name if trace.property == trace.name else f"{trace.name} ({trace.property})"
        yield name, trace.type or "any", needed, trace.place, trace.source, trace.at
        yield from _steps(trace.via, 4)


def _steps(steps: Iterable[Waypoint], blank: int) -> Iterable[tuple[str, ...]]:
    """Lines for the further places of a value, printed below it."""
    for step in steps:
        yield *("",) * blank, f"  {step.what}", step.at


_LONGEST_CELL = 60
"""Characters of a value in a table; the whole of it stands in the request above."""


def _cell(value: str | None) -> str:
    """A value on one line: one of several lines is quoted, and a long one is cut."""
    if value is None:
        return "-"
    line = msgspec.json.encode(value).decode() if "\n" in value or "\r" in value else value
    return line if len(line) <= _LONGEST_CELL else f"{line[: _LONGEST_CELL - 1]}…"


def _outputs(output: Mapping[str, Any], depth: int) -> Iterable[str]:
    name = output["name"] or ("items" if depth > 1 else "result")
    mapping = f" = {output['mapping']}" if output["mapping"] else ""
    yield f"{'  ' * depth}{name}: {output['type'] or 'any'}{mapping}  ({output['at']})"
    below = (*output["properties"], *(output[key] for key in ("items", "values") if output[key]))
    for one_below in below:
        yield from _outputs(one_below, depth + 1)


def _columns(out: Console, titles: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    """A table, below a blank line."""
    every = list(lines)
    if every:
        out.print()
        print_table(titles, every)
