"""`cap plugins`: which plugins there are, from which distribution, offering what; and which a capability uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click
import msgspec

from cap_core.cli.command import Command
from cap_core.cli.documents import registry_of, single_plan
from cap_core.cli.options import settings_flags
from cap_core.cli.tables import print_table
from cap_core.plan.plan import CapabilityPlan
from cap_core.plugins.registry import Plugin, Registry
from cap_core.runtime.pools import choose
from cap_core.settings.table import Settings


class Use(msgspec.Struct, frozen=True):
    """Something of a plugin that a capability uses: where, and which plugin's; of wrappers the outermost is first."""

    offer: str
    where: str
    plugin: str
    distribution: str
    version: str


@click.command(
    "plugins",
    cls=Command,
    examples="""
cap plugins
cap plugins --for portkey-batch
cap plugins --plugin ./audit.py --format json
""",
)
@click.option("--for", "capability", metavar="CAPABILITY", help="Only what this capability uses, and what for.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", help="How to print. [text]")
@settings_flags()
def command(settings: Settings, capability: str | None, format_: str) -> int:
    """Show the plugins: their names (for --block), the distributions they come from, and what they offer."""
    registry = registry_of(settings)
    if capability:
        uses = list(_uses(single_plan(settings, registry, capability), registry))
        _print(format_, uses, ("OFFER", "FOR", "PLUGIN", "DISTRIBUTION"), map(_use_line, uses))
    else:
        _print(format_, registry.plugins, ("PLUGIN", "DISTRIBUTION", "OFFERS"), map(_plugin_line, registry.plugins))
    return 0


def _print(format_: str, data: object, titles: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> None:
    if format_ == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2))
    else:
        print_table(titles, lines)


def _plugin_line(plugin: Plugin) -> tuple[str, ...]:
    offered = ", ".join(plugin.offers[:4]) + (f", and {len(plugin.offers) - 4} more" if len(plugin.offers) > 4 else "")
    return plugin.name, f"{plugin.distribution} {plugin.version}".strip(), offered or "-"


def _use_line(use: Use) -> tuple[str, ...]:
    return use.offer, use.where, use.plugin, f"{use.distribution} {use.version}".strip()


def _uses(plan: CapabilityPlan, registry: Registry) -> Iterator[Use]:
    owners = {offer: plugin for plugin in registry.plugins for offer in plugin.offers}
    places: dict[str, dict[str, None]] = {}
    for offer, where in _needs(plan, registry):
        places.setdefault(offer, {})[where] = None
    for offer, wheres in places.items():
        plugin = owners[offer]
        yield Use(offer, ", ".join(wheres), plugin.name, plugin.distribution, plugin.version)


def _needs(plan: CapabilityPlan, registry: Registry) -> Iterator[tuple[str, str]]:
    """What a capability uses, named as in `Plugin.offers`, and where; ordered from the callers to the upstreams."""
    for wrapper in registry.asgi:
        yield f"asgi wrapper {wrapper.key}", "every listener"
    for exposure in plan.exposures:
        yield f"exposure {exposure.type}", exposure.key
        if exposure.authentication is not None:
            yield f"auth scheme {exposure.authentication.type}", f"callers of {exposure.key}"
    for interceptor in registry.interceptors:
        yield f"interceptor {interceptor.key}", "every call"
    for call in (call for exposure in plan.exposures for call in exposure.calls):
        for step in call.flow.steps:
            if step.decode is not None:
                yield f"output format {step.decode.format}", f"answers of {step.request.operation.address}"
    for consumed in plan.consumed:
        if consumed.authentication is not None:
            yield f"auth scheme {consumed.authentication.type}", f"requests to {consumed.namespace}"
    yield f"transport {choose(registry).key}", "every request"
