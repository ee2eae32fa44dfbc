"""The names of tools where several exposures share an endpoint."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from cap_plugins.expose.mcp.model import LONG_NAME

_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")
_LEAST_OF_FIRST = 8
"""Characters that stay of the parts before the tool's own name, if there are so many."""


class NameDirectory(msgspec.Struct, frozen=True):
    """Names and the tools they belong to; a tool is its index.

    `owners` has every name; one that several tools have calls none of them, so that adding a document never moves an
    existing name to another tool. `listed` is the name under which each tool is shown, "" for none.
    """

    owners: Mapping[str, tuple[int, ...]]
    listed: tuple[str, ...]


def assign_names(candidates: Sequence[tuple[str, ...]]) -> NameDirectory:
    """Give each tool the first of its candidate names that no other tool has."""
    owners: dict[str, list[int]] = {}
    for index, names in enumerate(candidates):
        for name in dict.fromkeys(names):
            owners.setdefault(name, []).append(index)
    listed = tuple(next((name for name in names if len(owners[name]) == 1), "") for names in candidates)
    return NameDirectory({name: tuple(tools) for name, tools in owners.items()}, listed)


def own_names(namespace: str, tool: str) -> tuple[str, str]:
    """The candidates at the address of a capability: where exposures share a name, the namespace goes before it."""
    return tool, prefixed_name(namespace, tool)


def union_names(capability: str, namespace: str, tool: str) -> tuple[str, str, str]:
    """The candidates at the address of all capabilities, where several may have a tool of one name."""
    return tool, prefixed_name(capability, tool), prefixed_name(capability, namespace, tool)


def is_shortened(listed: str, capability: str, namespace: str, tool: str) -> bool:
    """Whether a tool is listed under a name in which not all of the parts can be read."""
    readable = {tool, f"{namespace}_{tool}", f"{capability}_{tool}", f"{capability}_{namespace}_{tool}"}
    return bool(listed) and listed not in readable


def prefixed_name(*parts: str) -> str:
    """The parts joined by `_` as a legal tool name of at most 48 characters.

    It depends on nothing but the parts: what does not fit is cut and told apart by a checksum, never by a number that
    another document could shift. The last part, which is the tool's own name, stays readable: the parts before it are
    cut first.
    """
    whole = "_".join(parts)
    legal = _ILLEGAL.sub("-", whole)
    if legal == whole and len(legal) <= LONG_NAME:
        return legal
    checksum = f"-{zlib.crc32(whole.encode()):08x}"
    if len(legal) + len(checksum) <= LONG_NAME:
        return legal + checksum
    first, last = _ILLEGAL.sub("-", "_".join(parts[:-1])), _ILLEGAL.sub("-", parts[-1])
    room = LONG_NAME - len(checksum) - 1
    last = last[: room - min(len(first), _LEAST_OF_FIRST)]
    return f"{first[: room - len(last)]}{checksum}_{last}"
