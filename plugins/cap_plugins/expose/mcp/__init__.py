"""`type: mcp`: the tools of capabilities over the Model Context Protocol, one endpoint for its old and new clients."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING
from urllib.parse import quote

from cap_core.hookspecs import hookimpl
from cap_core.offers import AttachAt, Exposure, Face, Route
from cap_plugins.expose.mcp.callers import Callers
from cap_plugins.expose.mcp.catalogue import Catalogue, Identity, Spelled
from cap_plugins.expose.mcp.endpoint import McpEndpoint
from cap_plugins.expose.mcp.model import McpEntry, declared
from cap_plugins.expose.mcp.names import prefixed
from cap_plugins.expose.mcp.tool import Tool
from cap_plugins.expose.mcp.tool import attach as attach_tool

if TYPE_CHECKING:
    from cap_core.plan import ExposurePlan


def attach(at: AttachAt) -> Face:
    """An endpoint for each capability of the listener, and one for all of them."""
    tools = {
        exposure.key: tuple(attach_tool(exposure, call, at.runs[call.key], at.limits) for call in exposure.calls)
        for exposure in at.exposures
    }
    capabilities: dict[str, list[ExposurePlan]] = {}
    for exposure in at.exposures:
        capabilities.setdefault(exposure.about.name, []).append(exposure)
    routes = [_route(name, of, tools, at) for name, of in capabilities.items()]
    union = _union(tools, at)
    return Face(
        routes=(*routes, union),
        addresses={f"MCP {route.owner}": route.template for route in routes} | {"MCP": union.template},
        tools=sum(map(len, tools.values())),
    )


def _route(name: str, exposures: list[ExposurePlan], tools: dict[str, tuple[Tool, ...]], at: AttachAt) -> Route:
    """`/mcp/<capability>`. Where several exposures of it have a tool of one name, the namespace tells them apart."""
    about = exposures[0].about
    title = about.title if about.title != name else None
    spelled = [Spelled(t, (t.name, prefixed(e.namespace, t.name))) for e in exposures for t in tools[e.key]]
    catalogue = Catalogue(Identity(name, about.version or "0", title or None), exposures, spelled)
    endpoint = McpEndpoint(catalogue, Callers(at.host, tuple(e.key for e in exposures)), at.limits)
    return Route(method="*", template=f"/mcp/{quote(name, safe='')}", endpoint=endpoint, owner=name)


def _union(tools: dict[str, tuple[Tool, ...]], at: AttachAt) -> Route:
    """`/mcp`: every tool of the listener, under its own name while no other capability has one of that name."""
    spelled = [
        Spelled(t, (t.name, prefixed(e.about.name, t.name), prefixed(e.about.name, e.namespace, t.name)))
        for e in at.exposures
        for t in tools[e.key]
    ]
    catalogue = Catalogue(Identity("cap", _own_version()), at.exposures, spelled)
    endpoint = McpEndpoint(catalogue, Callers(at.host, tuple(e.key for e in at.exposures)), at.limits)
    return Route(method="*", template="/mcp", endpoint=endpoint, owner="cap")


def _own_version() -> str:
    try:
        return version("cap-core")
    except PackageNotFoundError:  # run from the source tree
        return "0"


@hookimpl
def cap_exposures() -> list[Exposure[McpEntry]]:
    """Offer MCP."""
    return [Exposure(key="mcp", options=McpEntry, default_port=9090, declared=declared, attach=attach)]
