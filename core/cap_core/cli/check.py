"""`cap check`: every diagnostic of documents; nothing is started and nothing goes over the network."""

from __future__ import annotations

import asyncio
import os

import click

from cap_core.cli import reports
from cap_core.cli.command import Command
from cap_core.cli.documents import Document, compile_each, registry_of
from cap_core.cli.options import settings_flags
from cap_core.cli.progress import progress_bar
from cap_core.cli.shared_names import check_namespaces, namespaces
from cap_core.diagnostics.codes import Severity
from cap_core.diagnostics.consequences import without_consequences
from cap_core.diagnostics.report import Diagnostic, Report
from cap_core.document.sources import locate
from cap_core.plugins.registry import Registry
from cap_core.runtime.credentials import optional_variables
from cap_core.runtime.variable_values import unset
from cap_core.settings.table import Settings

_LEVELS: tuple[Severity, ...] = ("info", "warning", "error")
"""Least important first."""


@click.command(
    "check",
    cls=Command,
    examples="""
cap check portkey-batch.yaml
cap check documents/ --strict
cap check documents/ --level warning
cap check documents/ --format json | jq '.[] | select(.severity == "error")'
cap check documents/ --format github
""",
)
@click.argument("capabilities", nargs=-1, metavar="[CAPABILITY]...")
@click.option(
    "--format", "format_", type=click.Choice(list(reports.FORMATS)), default="text", help="How to print. [text]"
)
@click.option(
    "--level", type=click.Choice(list(_LEVELS)), default="info", help="The least important lines to show. [info]"
)
@click.option("--quiet", is_flag=True, help="Print nothing; the exit code says it.")
@click.option("--strict", is_flag=True, help="Let warnings fail the check too.")
@settings_flags()
def command(
    settings: Settings, capabilities: tuple[str, ...], format_: str, level: Severity, quiet: bool, strict: bool
) -> int:
    """Say everything there is to say about documents; without names, about every installed one.

    Exits with 0 where nothing is worse than a warning, with 1 where something is an error, and with 2 where the command
    line is wrong.
    """
    registry = registry_of(settings)
    sources = locate(capabilities, registry.capabilities, together=False)
    diagnostics: list[Diagnostic] = []
    known: set[str] = set()
    refused = False
    # One document at a time, so that memory is needed for one of them and for the diagnostics of all.
    with asyncio.Runner() as runner, progress_bar(len(sources)) as advance:
        for document in compile_each(settings, registry, sources):
            diagnostics += without_consequences(runner.run(_diagnose(document, registry)))
            plan = document.compiled.plan
            refused = refused or plan is None
            known.update(namespaces(plan) if plan is not None else ())
            advance(document.source.name)
    if not refused:
        check_namespaces(settings, known)
    plain = bool(os.environ.get("NO_COLOR"))  # no-color.org
    if not quiet:
        shown = [d for d in diagnostics if _LEVELS.index(d.severity) >= _LEVELS.index(level)]
        documents = {source.file: source.path for source in sources}
        click.echo(reports.FORMATS[format_](shown, documents), nl=False, color=False if plain else None)
    failing = {"error", "warning"} if strict else {"error"}
    return int(any(d.severity in failing for d in diagnostics))


async def _diagnose(document: Document, registry: Registry) -> tuple[Diagnostic, ...]:
    """The diagnostics of compiling, and those about declared variables that have no value now."""
    compiled = document.compiled
    if compiled.plan is None:
        return compiled.diagnostics
    report = Report()
    report.extend(compiled.diagnostics)
    choices = optional_variables(compiled.plan, registry.auth_schemes)
    for variable in await unset(v for v in compiled.plan.variables if v.binding not in choices):
        assert variable.at is not None
        what = f"{variable.binding.name} has no value: {variable.describe()} is not set"
        report.add("unset-variable", variable.at, what)
    return report.sorted()
