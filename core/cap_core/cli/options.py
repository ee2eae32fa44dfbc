"""Makes the commands' flags from the table of settings."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

import click

from cap_core.cli.notices import notices
from cap_core.cli.session import Session
from cap_core.settings.resolve import resolve
from cap_core.settings.rows import Row, rows


class SettingOption(click.Option):
    """A setting's flag. Its text is checked together with variables and `cap.toml`, with the same messages."""

    def __init__(self, declarations: list[str], *, row: Row, **rest: Any) -> None:
        super().__init__(declarations, **rest)
        self.row = row
        self.group = row.about.group

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """The line in the help."""
        metavar = self.row.about.metavar or self.row.kind.metavar
        return f"{self.row.flag} {metavar}".strip(), self.row.help


def settings_flags(*, serving: bool = False, logs: bool = False) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command the flags of the settings, and pass it the effective `settings`.

    With `serving` it gets all of them, else those that concern every command. A command that `logs` reports
    its `notices` itself.
    """
    shown = [row for row in rows() if serving or row.about.everywhere]

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        def command(ctx: click.Context, /, **given: Any) -> int:
            flags = {row.name: given.pop(row.field) for row in shown}
            named = given.get("capabilities") or [name for name in (given.get("capability"),) if name]
            session = ctx.ensure_object(Session)
            settings = session.read(functools.partial(resolve, flags, os.environ, named))
            for line in () if logs else notices(settings):
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
