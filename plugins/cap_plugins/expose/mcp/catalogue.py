"""The lists and descriptions of an endpoint: tools, versions, instructions; rendered once per set of exposures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import msgspec

from cap_core.syntax.names import similar
from cap_plugins.expose.mcp.json_rpc import encode
from cap_plugins.expose.mcp.messages import EMPTY_LISTS
from cap_plugins.expose.mcp.model import LONGEST_NAME, McpEntry
from cap_plugins.expose.mcp.tool import ServedTool
from cap_plugins.expose.mcp.tool_names import assign_names
from cap_plugins.expose.mcp.versions import LEGACY, VERSIONS

if TYPE_CHECKING:
    from cap_core.plan.plan import ExposurePlan

TTL_MS: Final = 60_000
"""Milliseconds that lists may be cached where the document has no `ttlMs`: a reload is seen within a minute."""


class ServerInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """`serverInfo`: a capability, or the gateway for the union of several."""

    name: str
    version: str
    title: str | None = None


class Rendered(msgspec.Struct, frozen=True):
    """Results as JSON text, ready to be spliced; `initialize` by version."""

    lists: Mapping[bool, Mapping[str, bytes]]
    """The lists by method, of the modern era (True) and the legacy era."""
    discover: bytes
    initialize: Mapping[str, bytes]


class Catalogue:
    """The tools of an endpoint under all their names, and the rendered lists of them."""

    def __init__(self, server_info: ServerInfo, exposures: Sequence[ExposurePlan], tools: Sequence[NamedTool]) -> None:
        self._server_info = server_info
        self._exposures = tuple(exposures)
        self._tools = tuple(named.tool for named in tools)
        self._directory = assign_names([named.names for named in tools])
        owners = self._directory.owners.items()
        self._callable = {name: self._tools[indexes[0]] for name, indexes in owners if len(indexes) == 1}
        stamp = encode({"resultType": "complete", "_meta": {"io.modelcontextprotocol/serverInfo": server_info}})
        self.stamp: bytes = stamp[:-1] + b","
        """How every modern result begins."""
        # Sets of accepted exposures come from authentication, so a caller cannot create many of them.
        self.rendered = lru_cache(maxsize=64)(self._render)

    def find(self, name: str) -> ServedTool | None:
        """The one tool of a name, or None."""
        return self._callable.get(name)

    def explain_unknown(self, name: str, accepted: frozenset[str]) -> str:
        """Why a name calls no tool; mentions no tool that this caller may not see."""
        several = [i for i in self._directory.owners.get(name, ()) if self._tools[i].exposure in accepted]
        names = [self._directory.listed[i] for i in several if self._directory.listed[i]]
        if names:
            return f"Ambiguous tool: {name!r} means several here; call {' or '.join(map(repr, names))}"
        names = [listed for listed, _ in self._visible(accepted)]
        likely = similar(name[:LONGEST_NAME], names, cutoff=0.5, compared=20)
        hint = f"; did you mean {' or '.join(map(repr, likely))}?" if likely else "; tools/list names those there are"
        return f"Unknown tool: {name[:100]!r}{hint}"

    def named(self, accepted: frozenset[str]) -> list[dict[str, str]]:
        """The tools that a caller sees, for people: each with its name here and its description."""
        return [
            {"name": name, "description": tool.call.exposed.description or tool.call.describes.description}
            for name, tool in self._visible(accepted)
        ]

    def _visible(self, accepted: frozenset[str]) -> list[tuple[str, ServedTool]]:
        pairs = zip(self._directory.listed, self._tools, strict=True)
        return [(name, tool) for name, tool in pairs if name and tool.exposure in accepted]

    def _render(self, accepted: frozenset[str]) -> Rendered:
        exposures = [exposure for exposure in self._exposures if exposure.key in accepted]
        tools = b",".join(b'{"name":%b,%b' % (encode(name), tool.entry) for name, tool in self._visible(accepted))
        description = {"capabilities": {"tools": {}}, **_instructions(exposures)}
        cache = encode(self._cache(exposures))[1:]
        discover = encode({"supportedVersions": VERSIONS, **description})[1:-1]
        lists = {"tools/list": b'"tools":[%b]' % tools}
        lists |= {method: encode(member) + b":[]" for method, member in EMPTY_LISTS.items()}
        return Rendered(
            lists={
                True: {method: b"%b%b,%b" % (self.stamp, text, cache) for method, text in lists.items()},
                False: {method: b"{%b}" % text for method, text in lists.items()},
            },
            discover=b"%b%b,%b" % (self.stamp, discover, cache),
            initialize={
                v: encode({"protocolVersion": v, **description, "serverInfo": self._server_info}) for v in LEGACY
            },
        )

    def _cache(self, accepted: Sequence[ExposurePlan]) -> dict[str, object]:
        """How long, and by whom, lists may be cached. Lists behind authentication are private (Caching)."""
        entries = [e.options for e in accepted if isinstance(e.options, McpEntry)]
        authenticated = any(exposure.authentication is not None for exposure in self._exposures)
        private = authenticated or any(entry.cacheScope == "private" for entry in entries)
        times = [TTL_MS if entry.ttlMs is None else entry.ttlMs for entry in entries]
        return {"ttlMs": min(times, default=TTL_MS), "cacheScope": "private" if private else "public"}


class NamedTool(msgspec.Struct, frozen=True):
    """A tool with its candidate names on one endpoint, the preferred one first."""

    tool: ServedTool
    names: tuple[str, ...]


def _instructions(exposures: Sequence[ExposurePlan]) -> dict[str, str]:
    """The exposures' descriptions, else those of their documents; of several capabilities each with its name."""
    told = dict.fromkeys(
        (exposure.about.name, exposure.description or exposure.about.description) for exposure in exposures
    )
    described = [(name, text) for name, text in told if text]
    if len(described) == 1:
        return {"instructions": described[0][1]}
    lines = [f"{name}: {text}" for name, text in described]
    return {"instructions": "\n".join(lines)} if lines else {}
