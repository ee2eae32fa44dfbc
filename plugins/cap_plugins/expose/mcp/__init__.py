"""The exposure `type: mcp`: the tools of capabilities over the Model Context Protocol, for its old and new clients.

`model` is what documents declare, `tool` and `catalogue` what is served; `endpoint` answers a request with the help of
`messages`, `validation` and `results`. Imports the core's plugin interfaces, plan, document model and
errors, and nothing of the other plugins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from cap_core.plugins.exposure import AttachContext, Exposure, MountedExposure, Route
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.lint import DiagnosticRule
from cap_core.version import VERSION
from cap_plugins.expose.mcp.callers import Callers
from cap_plugins.expose.mcp.catalogue import Catalogue, NamedTool, ServerInfo
from cap_plugins.expose.mcp.endpoint import McpEndpoint
from cap_plugins.expose.mcp.lint import RULE, warn_of_names
from cap_plugins.expose.mcp.model import McpEntry, declared
from cap_plugins.expose.mcp.no_oauth import fallbacks
from cap_plugins.expose.mcp.tool import ServedTool, serve_tool
from cap_plugins.expose.mcp.tool_names import own_names, union_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cap_core.plan.plan import About, ExposurePlan

    _Pairs = list[tuple[ExposurePlan, list[ServedTool]]]


def attach(at: AttachContext) -> MountedExposure:
    """An endpoint for each capability of the listener, and one for all of them."""
    everything = [
        (exposure, [serve_tool(exposure, call, at.runs[call.key], at.limits) for call in exposure.calls])
        for exposure in at.exposures
    ]
    names = dict.fromkeys(exposure.about.name for exposure in at.exposures)
    served = [_capability([pair for pair in everything if pair[0].about.name == name]) for name in names]
    union = _union(everything)
    routes = [one.route(at) for one in served]
    return MountedExposure(
        routes=(*_with_slash([*routes, union.route(at)]), *fallbacks()),
        addresses={f"MCP {one.name}": one.url for one in served} | {"MCP": union.url},
        tools=sum(len(tools) for _, tools in everything),
        openapi=lambda accepted: described(union, served, accepted),
    )


class ServedEndpoint(msgspec.Struct, frozen=True):
    """An address, the name of what is served there, and its exposures with their tools."""

    url: str
    name: str
    catalogue: Catalogue
    exposures: tuple[str, ...]

    def route(self, at: AttachContext) -> Route:
        """The route to it."""
        endpoint = McpEndpoint(self.catalogue, Callers(at.authenticator, self.exposures), at.limits)
        return Route(method="*", template=self.url, endpoint=endpoint, owner=self.name)


def described(union: ServedEndpoint, served: list[ServedEndpoint], accepted: frozenset[str]) -> Mapping[str, object]:
    """The part of the documentation page on MCP: the endpoints and tools of the exposures that let the caller in."""
    seen = [one for one in served if accepted.intersection(one.exposures)]
    shown = [union, *seen] if len(seen) > 1 else seen
    endpoints = [{"url": one.url, "name": one.name, "tools": one.catalogue.named(accepted)} for one in shown]
    return {"x-cap-mcp": endpoints} if endpoints else {}


def _capability(pairs: _Pairs) -> ServedEndpoint:
    """`/mcp/<capability>`. Where several of its exposures have a tool of one name, the namespace is prefixed."""
    about = pairs[0][0].about
    named = [NamedTool(tool, own_names(exposure.namespace, tool.name)) for exposure, tools in pairs for tool in tools]
    server_info = ServerInfo(about.name, about.version or about.modified or "0", _title(about))
    return _served(f"/mcp/{quote(about.name, safe='')}", server_info, pairs, named)


def _union(pairs: _Pairs) -> ServedEndpoint:
    """`/mcp`: every tool of the listener, under its own name while no other capability has one of that name."""
    named = [
        NamedTool(tool, union_names(exposure.about.name, exposure.namespace, tool.name))
        for exposure, tools in pairs
        for tool in tools
    ]
    warn_of_names([(exposure, tool.name) for exposure, tools in pairs for tool in tools])
    # Several titles would tell a caller of capabilities that do not let them in.
    abouts = list({exposure.about.name: exposure.about for exposure, _ in pairs}.values())
    server_info = ServerInfo("cap", VERSION, (_title(abouts[0]) if len(abouts) == 1 else None) or "Cap")
    return _served("/mcp", server_info, pairs, named)


def _title(about: About) -> str | None:
    return about.title if about.title != about.name else None


def _served(url: str, server_info: ServerInfo, pairs: _Pairs, named: list[NamedTool]) -> ServedEndpoint:
    exposures = [exposure for exposure, _ in pairs]
    catalogue = Catalogue(server_info, exposures, named)
    return ServedEndpoint(url, server_info.name, catalogue, tuple(exposure.key for exposure in exposures))


def _with_slash(routes: Iterable[Route]) -> list[Route]:
    """Each route at its address and at the same with a slash behind: clients add one, and follow no redirect."""
    slashed = ((route, msgspec.structs.replace(route, template=f"{route.template}/")) for route in routes)
    return [route for pair in slashed for route in pair]


@hookimpl
def cap_exposures() -> list[Exposure[McpEntry]]:
    """Offer MCP."""
    return [Exposure(key="mcp", options=McpEntry, default_port=9090, declared=declared, attach=attach)]


@hookimpl
def cap_diagnose() -> list[DiagnosticRule]:
    """Offer the rule about what tools mean to a model."""
    return [RULE]
