"""Reports the start of `cap serve`: the listeners, what each serves, and the hosts that variables are sent to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import click

from cap_core.cli.tables import print_table
from cap_core.logging import log
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.call import Call
from cap_core.plan.plan import ExposurePlan
from cap_core.runtime.credentials import bindings_of
from cap_core.server.gateway import Gateway
from cap_core.server.routing_table import RoutingTable
from cap_core.syntax.path_template import shape

_log = get_logger("cap.serve")

_Line = tuple[str, ...]


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
    unset = list(dict.fromkeys(one.variable for one in gateway.destinations if not one.set))
    if unset:
        are, them = ("is", "it") if len(unset) == 1 else ("are", "one of them")
        _log.warning(f"{_listed(unset)} {are} not set; what needs {them} answers 503")


def report_ready(gateway: Gateway, style: log.Format) -> None:
    """Report the last line: that the gateway is ready."""
    tables = gateway.tables.values()
    capabilities = len(gateway.plan.capabilities)
    routes = sum(_routes(table) for table in tables)
    tools = sum(_tools(table) for table in tables)
    if style == "console":
        counts = (_count(capabilities, "capability", "capabilities"), _count(routes, "route"), _count(tools, "tool"))
        click.echo(f"ready: {', '.join(counts)}", err=True)
        return
    addresses = [table.listener.url for table in tables]
    log.always("ready", capabilities=capabilities, routes=routes, tools=tools, addresses=addresses)


def report_stopped(style: log.Format) -> None:
    """Report the last line of a process that has served."""
    if style == "console":
        click.echo("stopped", err=True)
    else:
        log.always("stopped")


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _listed(names: list[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


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


MANY = 20
"""Routes of one listener above which they are summed up for each capability."""


def _print(gateway: Gateway) -> None:
    for table in gateway.tables.values():
        click.echo(f"\n{table.listener.url}", err=True)
        print_table(("", "ADDRESS", ""), _addresses(table), err=True)
        titles, lines = _routes_shown(table)
        if lines:
            click.echo(err=True)
            print_table(titles, lines, err=True)
    if gateway.destinations:
        click.echo(err=True)
        sent = ((one.variable, one.host, one.origin, "" if one.set else "not set") for one in gateway.destinations)
        print_table(("VARIABLE", "GOES TO", "FROM", ""), sent, err=True)
    click.echo(err=True)


def _addresses(table: RoutingTable) -> Iterator[tuple[str, str, str]]:
    """What to open, what to give to a client, and what callers have to show."""
    url = table.listener.url
    yield "docs", f"{url}/docs", "to read and to try"
    for exposure in table.mounted:
        for name, address in exposure.addresses.items():
            kind, _, owner = name.partition(" ")
            yield kind, f"{url}{address}", owner or "every tool"
    shown: dict[str, list[str]] = {}
    for asked in table.listener.exposures:
        shown.setdefault(_credential(asked), []).append(asked.key)
    for credential, keys in shown.items():
        yield "callers", credential, "" if len(shown) == 1 else ", ".join(keys)


def _credential(exposure: ExposurePlan) -> str:
    authentication = exposure.authentication
    if authentication is None:
        return "anybody who reaches this address"
    names = ", ".join(binding.name for binding in bindings_of(authentication))
    return f"{authentication.type}: the value of {names}" if names else authentication.type


def _routes_shown(table: RoutingTable) -> tuple[_Line, Sequence[_Line]]:
    """The titles and lines of the table of routes: each one, or if there are many, each capability."""
    calls = [(e.about.name, call) for e in table.listener.exposures for call in e.calls if call.exposed.path]
    if len(calls) > MANY:
        counts = Counter(name for name, _ in calls)
        summed = [(name, str(count), f"cap explain {name}") for name, count in counts.items()]
        return ("CAPABILITY", "ROUTES", "LISTED BY"), summed
    owners: dict[tuple[str, str], set[str]] = {}
    for name, call in calls:
        owners.setdefault(_address(call), set()).add(name)
    routes: list[_Line] = []
    for name, call in calls:
        # If several capabilities have an address, each is only served below its name.
        prefix = f"/{name}" if len(owners[_address(call)]) > 1 else ""
        routes.append((str(call.exposed.method), f"{prefix}{call.exposed.path}", call.describes.address))
    return ("", "ROUTE", "CALLS"), routes


def _address(call: Call) -> tuple[str, str]:
    return str(call.exposed.method), shape(call.exposed.path or "")
