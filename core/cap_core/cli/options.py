"""Makes the commands' flags from the table of settings, and help that groups them and shows examples."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import click

from cap_core.cli.session import Session
from cap_core.settings.resolve import resolve
from cap_core.settings.rows import Row, rows
from cap_core.settings.table import Settings


class SettingOption(click.Option):
    """A setting's flag. Its text is checked together with variables and `cap.toml`, with the same messages."""

    def __init__(self, declarations: list[str], *, row: Row, **rest: Any) -> None:
        super().__init__(declarations, **rest)
        self.row = row

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """The line in the help."""
        metavar = self.row.about.metavar or self.row.kind.metavar
        return f"{self.row.flag} {metavar}".strip(), self.row.help


class Command(click.Command):
    """A command whose help groups its settings and ends with examples."""

    def __init__(self, *args: Any, examples: str = "", **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then its settings, group by group."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and not isinstance(parameter, click.Argument):
                group = parameter.row.about.group if isinstance(parameter, SettingOption) else "Options"
                groups.setdefault(group, []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, as they are typed."""
        if not self.examples:
            return
        with formatter.section("Examples"):
            for line in self.examples.strip().splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
        if any(isinstance(parameter, SettingOption) for parameter in self.params):
            formatter.write(
                "\nFor every flag there is a variable (--env-file: CAP_ENV_FILE) and a key of cap.toml (env-file).\n"
            )


def unread_files(settings: Settings) -> Iterator[str]:
    """A line for each `cap.toml` that lies beside documents and is not read."""
    for path in settings.unread:
        yield f"{path} lies beside documents and is not read; if it is yours, name it with --config"


def settings_flags(*, serving: bool = False, logs: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the flags of the settings, and pass it the effective `settings`.

    With `serving` it gets all of them, else those that concern every command. A command that `logs` reports
    `unread_files` itself.
    """
    shown = [row for row in rows() if serving or row.about.everywhere]

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        def command(ctx: click.Context, /, **given: Any) -> int:
            flags = {row.name: given.pop(row.field) for row in shown}
            named = given.get("capabilities") or [name for name in (given.get("capability"),) if name]
            session = ctx.ensure_object(Session)
            settings = session.read(functools.partial(resolve, flags, os.environ, named))
            for line in () if logs else unread_files(settings):
                click.echo(line, err=True)
            return function(settings=settings, **given)

        whole: Callable[..., int] = functools.wraps(function)(click.pass_context(command))
        for row in reversed(shown):
            whole = _flag(row)(whole)
        return whole

    return decorate


def _flag(row: Row) -> Callable[[Any], Any]:
    if row.is_switch:
        return click.option(f"{row.flag}/--no-{row.name}", row.field, cls=SettingOption, row=row, default=None)
    return click.option(row.flag, row.field, cls=SettingOption, row=row, multiple=bool(row.many), default=None)
