"""A command, whose help groups its settings, ends with examples, and fits a terminal of 80 columns."""

from __future__ import annotations

from typing import Any

import click


class Command(click.Command):
    """A command with examples. A parameter with a `group` stands below the title of its group in the help."""

    def __init__(self, *args: Any, examples: str = "", **rest: Any) -> None:
        super().__init__(*args, **rest)
        self.examples = examples

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The command's own options, then its settings, group by group."""
        groups: dict[str, list[tuple[str, str]]] = {"Options": []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and not isinstance(parameter, click.Argument):
                groups.setdefault(getattr(parameter, "group", "Options"), []).append(record)
        for group, records in groups.items():
            with formatter.section(group):
                formatter.write_dl(records)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The examples, as they are typed."""
        write_examples(self.examples, formatter)
        if any(hasattr(parameter, "group") for parameter in self.params):
            formatter.write("\n")
            formatter.write_text(
                "For every flag there is a variable (--env-file: CAP_ENV_FILE) and a key of cap.toml (env-file)."
            )


def write_examples(examples: str, formatter: click.HelpFormatter) -> None:
    """Write examples to a help text, as they are typed."""
    if examples:
        with formatter.section("Examples"):
            for line in examples.strip().splitlines():
                formatter.write(f"{'':{formatter.current_indent}}{line}\n")
