"""`cap schema`: the JSON Schema of the documents that are accepted, for editors."""

from __future__ import annotations

import click
import msgspec

from cap_core.cli.command import Command
from cap_core.cli.documents import registry_of
from cap_core.cli.options import settings_flags
from cap_core.document.dialects import VERSIONS
from cap_core.document.json_schema import schema, shipped
from cap_core.settings.table import Settings


@click.command(
    "schema",
    cls=Command,
    examples="""
cap schema > naftiko.schema.json
cap schema ikanos > ikanos.schema.json
cap schema --path
# then, as the first line of a document:
#   yaml-language-server: $schema=naftiko.schema.json
""",
)
@click.argument("dialect", type=click.Choice(list(VERSIONS)), default="naftiko")
@click.option("--path", is_flag=True, help="Print where the schema of the built-in plugins lies instead.")
@settings_flags()
def command(settings: Settings, dialect: str, path: bool) -> int:
    """Print the JSON Schema of a dialect's documents: naftiko (lists) or ikanos (maps, or lists).

    It knows what the installed plugins offer, so an editor completes their options too. 'cap check' knows more.
    """
    if path:
        click.echo(str(shipped(dialect)))
        return 0
    registry = registry_of(settings)
    made = schema(dialect, registry.exposures, registry.auth_schemes, registry.output_mappers)
    click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
    return 0
