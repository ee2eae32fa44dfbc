"""Reports the start of `cap serve`: the listeners, what each serves, and the hosts that variables are sent to."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cap_core.cli.tables import print_table
from cap_core.logging import log
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.call import Call
from cap_core.server.gateway import Gateway
from cap_core.server.routing_table import RoutingTable
from cap_core.syntax.path_template import shape

_log = get_logger("cap.serve")


def report_listeners(gateway: Gateway, style: log.Format) -> None:
    """Report all but the last line."""
    if style == "console":
        _print(gateway)
    else:
        for table in gateway.tables.values():
            _log.info("listener", **_summary(table))
        for one in gateway.destinations:
            _log.info("variable", variable=one.variable, origin=one.origin, host=one.host, set=one.set)
    if gateway.local:
        _log.warning("the sandbox answers: nothing reaches an upstream, and what it says is made up")
    for variable in dict.fromkeys(one.variable for one in gateway.destinations if not one.set):
        _log.warning(f"{variable} is not set; what needs it answers 503")


def report_ready(gateway: Gateway, style: log.Format) -> None:
    """Report the last line: that the gateway is ready."""
    tables = gateway.tables.values()
    capabilities = len(gateway.plan.capabilities)
    routes = sum(_routes(table) for table in tables)
    tools = sum(_tools(table) for table in tables)
    if style == "console":
        click.echo(f"ready: {capabilities} capabilities, {routes} routes, {tools} tools", err=True)
        return
    addresses = [table.listener.url for table in tables]
    log.always("ready", capabilities=capabilities, routes=routes, tools=tools, addresses=addresses)


def _routes(table: RoutingTable) -> int:
    return sum(call.exposed.kind == "operation" for e in table.listener.exposures for call in e.calls)


def _tools(table: RoutingTable) -> int:
    return sum(exposure.tools for exposure in table.mounted)


def _summary(table: RoutingTable) -> dict[str, object]:
    return {
        "url": table.listener.url,
        "exposures": [exposure.key for exposure in table.listener.exposures],
        "routes": _routes(table),
        "tools": _tools(table),
        "addresses": {name: address for exposure in table.mounted for name, address in exposure.addresses.items()},
    }


def _print(gateway: Gateway) -> None:
    for table in gateway.tables.values():
        click.echo(f"\n{table.listener.url}", err=True)
        print_table(("", "ADDRESS", "CALLS"), _lines(table), err=True)
    if gateway.destinations:
        click.echo(err=True)
        lines = ((one.variable, one.host, one.origin, "" if one.set else "not set") for one in gateway.destinations)
        print_table(("VARIABLE", "GOES TO", "FROM", ""), lines, err=True)
    click.echo(err=True)


def _lines(table: RoutingTable) -> Iterator[tuple[str, str, str]]:
    for exposure in table.mounted:
        for name, address in exposure.addresses.items():
            yield name.partition(" ")[0], address, name.partition(" ")[2] or "every tool"
    calls = [(e.about.name, call) for e in table.listener.exposures for call in e.calls if call.exposed.path]
    owners: dict[tuple[str, str], set[str]] = {}
    for name, call in calls:
        owners.setdefault(_address(call), set()).add(name)
    for name, call in calls:
        # If several capabilities have an address, each is only served below its name.
        prefix = f"/{name}" if len(owners[_address(call)]) > 1 else ""
        yield str(call.exposed.method), f"{prefix}{call.exposed.path}", call.describes.address


def _address(call: Call) -> tuple[str, str]:
    return str(call.exposed.method), shape(call.exposed.path or "")
