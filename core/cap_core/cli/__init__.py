"""The command line: `cap`.

Imports every other package; each command is a module of its own, imported when it is used.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from cap_core.cli.command import write_examples
from cap_core.cli.session import Session
from cap_core.errors import CapError

COMMANDS = {
    "serve": "Serve capabilities as REST and MCP.",
    "check": "Say everything there is to say about documents.",
    "explain": "Show the request that a call would send.",
    "call": "Carry out one call.",
    "list": "Show the installed capabilities.",
    "plugins": "Show the plugins and what they offer.",
    "health": "Exit with 0 if the gateway on this machine is live or ready.",
    "config": "Show the effective settings and where each came from.",
    "schema": "Print the JSON Schema of the documents that are accepted.",
}
"""The commands in the order of the help. Each has a module of its own, which is imported when it is used."""

_MODULES = {"list": "installed"}  # a module named `list` would hide the built-in `list` in this package


_EXAMPLES = """
cap list
cap check my-api.yaml
cap serve my-api.yaml --port 8080
cap serve --help
"""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"cap_core.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:  # its own suggestion knows only commands that are imported
            raise click.NoSuchCommand(error.command_name, possibilities=self.list_commands(ctx), ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        write_examples(_EXAMPLES, formatter)


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from cap_core.cli.versions import versions

        click.echo(versions())
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show our version, Python's and the plugins', and exit.",
)
def cap() -> None:
    """Run capability documents: a vendor's HTTP API as a REST API and as MCP tools.

    CAPABILITY is a document, a directory of documents, or an installed capability ('cap list').
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Any error is one line on stderr."""
    session = Session()
    # Ctrl-C ends the process at once; `cap serve` sets a handler of its own. Python's KeyboardInterrupt would appear as
    # different errors in the middle of an import.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        code = cap.main(arguments, prog_name="cap", standalone_mode=False, obj=session)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        return _print_error(_usage(error), error.exit_code)
    except CapError as error:
        return _print_error(str(error), error.exit_code)
    except click.Abort:
        return 130
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does. Python would report that once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    # Unexpected errors are one line too.
    except Exception as error:
        return _internal(error, debug=session.debug)


def _usage(error: click.ClickException) -> str:
    """A wrong command line as a line in the form of other errors."""
    what = error.format_message()
    hint = ""
    if isinstance(error, click.NoSuchOption | click.NoSuchCommand):
        what = error.message
        hint = f"did you mean {error.possibilities[0]!r}?" if error.possibilities else ""
    if isinstance(error, click.NoSuchOption) and _is_setting(error.option_name):
        hint = "it is a flag of 'cap serve'"
    ctx = getattr(error, "ctx", None)
    return f"{what.rstrip('.')}; {hint or 'see ' + repr((ctx.command_path if ctx else 'cap') + ' --help')}"


def _is_setting(flag: str) -> bool:
    from cap_core.settings.rows import rows

    return flag in {row.flag for row in rows()}


def _print_error(line: str, code: int) -> int:
    from cap_core.logging.redaction import hidden

    click.echo(" ".join(hidden(line).split()), err=True)
    return code


def _internal(error: Exception, *, debug: bool) -> int:
    from cap_core.logging.redaction import hidden

    if debug:
        click.echo(hidden("".join(traceback.format_exception(error))), err=True)
    what = f"internal error: {type(error).__name__}: {error}"
    return _print_error(what if debug else f"{what}; run it again with --log-level debug to see where", 1)
