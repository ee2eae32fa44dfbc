"""`cap check`: every diagnostic of documents; nothing is started and nothing goes over the network."""

from __future__ import annotations

import click

from cap_core.cli import reports
from cap_core.cli.documents import documents, offers_of
from cap_core.cli.options import Command, settings_flags
from cap_core.settings import Settings


@click.command(
    "check",
    cls=Command,
    examples="""
cap check portkey-batch.yaml
cap check documents/ --strict
cap check documents/ --format json | jq '.[] | select(.severity == "error")'
cap check documents/ --format github
""",
)
@click.argument("capabilities", nargs=-1, metavar="[CAPABILITY]...")
@click.option(
    "--format", "format_", type=click.Choice(list(reports.FORMATS)), default="text", help="How to print. [text]"
)
@click.option("--strict", is_flag=True, help="Let warnings fail the check too.")
@settings_flags()
def command(settings: Settings, capabilities: tuple[str, ...], format_: str, strict: bool) -> int:
    """Say everything there is to say about documents; without names, about every installed one.

    Exits with 0 where nothing is worse than a warning, with 1 where something is an error, and with 2 where the command
    line is wrong.
    """
    offers = offers_of(settings)
    found = documents(settings, offers, capabilities)
    diagnostics = [d for document in found for d in document.compiled.diagnostics]
    click.echo(reports.FORMATS[format_](diagnostics, len(found)), nl=False)
    failing = {"error", "warning"} if strict else {"error"}
    return int(any(d.severity in failing for d in diagnostics))
