"""`cap list`: the installed capabilities."""

from __future__ import annotations

import click
import msgspec

from cap_core.cli.command import Command
from cap_core.cli.documents import Document, compile_documents, registry_of
from cap_core.cli.options import settings_flags
from cap_core.cli.tables import print_table
from cap_core.settings.table import Settings


class Installed(msgspec.Struct, frozen=True):
    """An installed capability: its name and title, the number of routes and tools, and the path of its document."""

    name: str
    title: str
    routes: int
    tools: int
    document: str


@click.command("list", cls=Command, examples="cap list\ncap list --format json | jq -r '.[].name'")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How to print. [text]")
@settings_flags()
def command(settings: Settings, format_: str) -> int:
    """Show the installed capabilities: what 'cap serve', 'cap check' and the others take by name."""
    registry = registry_of(settings)
    found = [_installed(one) for one in compile_documents(settings, registry, ())] if registry.capabilities else []
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    elif not found:
        click.echo("No capability is installed; documents can be named by path.", err=True)
    else:
        lines = ((one.name, one.title, str(one.routes), str(one.tools), one.document) for one in found)
        print_table(("NAME", "TITLE", "ROUTES", "TOOLS", "DOCUMENT"), lines)
    return 0


def _installed(document: Document) -> Installed:
    plan = document.compiled.plan
    calls = [call for exposure in plan.exposures for call in exposure.calls] if plan else []
    routes = sum(call.exposed.kind == "operation" for call in calls)
    title = plan.about.title if plan else f"refused: {document.refusal.what}"
    return Installed(document.source.name, title, routes, len(calls) - routes, document.source.file)
