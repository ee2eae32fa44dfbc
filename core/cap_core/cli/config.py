"""`cap config`: the effective settings, and where each came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from cap_core.cli.command import Command
from cap_core.cli.notices import unknown_variables
from cap_core.cli.options import settings_flags
from cap_core.cli.tables import print_table
from cap_core.logging.redaction import MASK
from cap_core.settings.rows import Row, rows
from cap_core.settings.table import Settings, UpstreamSettings


class Line(msgspec.Struct, frozen=True):
    """One effective value. Names of pairs follow their setting (`base-uri.portkey`)."""

    name: str
    value: Any
    origin: str = msgspec.field(name="from")


def effective(settings: Settings) -> Iterator[Line]:
    """Every setting's value, with secrets masked."""
    for row in rows():
        value = getattr(settings, row.field)
        if row.many == "table" and value:
            for name, item in value.items():
                yield Line(f"{row.name}.{name}", _shown(row, item), settings.origin(row.name, name))
        else:
            yield Line(row.name, _shown(row, value), settings.origin(row.name))
    for namespace, upstream in settings.upstreams.items():
        for row in rows(UpstreamSettings):
            value = getattr(upstream, row.field)
            if value is not None:
                origin = settings.origin("upstreams", namespace, row.name)
                yield Line(f"upstreams.{namespace}.{row.name}", _shown(row, value), origin)


def _shown(row: Row, value: Any) -> Any:
    if row.about.hidden and value:
        return MASK
    if isinstance(value, tuple):
        return [str(item) for item in value]
    return str(value) if isinstance(value, Path) else value


@click.command(
    "config",
    cls=Command,
    examples="""
cap config
cap config --port 8080 --format json
CAP_DRAIN=5 cap config portkey-batch.yaml
""",
)
@click.argument("capabilities", nargs=-1, metavar="[CAPABILITY]...")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How to print. [text]")
@settings_flags(serving=True)
def command(settings: Settings, capabilities: tuple[str, ...], format_: str) -> int:
    """Show the effective settings and where each came from.

    A flag goes before its variable, that before cap.toml (in the working directory, or named with --config), and that
    before the default.
    """
    for notice in unknown_variables(settings, ()):
        click.echo(notice, err=True)
    lines = list(effective(settings))
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(lines), indent=2))
        return 0
    print_table(("SETTING", "VALUE", "FROM"), ((line.name, _text(line.value), line.origin) for line in lines))
    return 0


def _text(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "-"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
