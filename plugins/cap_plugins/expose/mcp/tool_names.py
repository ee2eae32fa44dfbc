"""The names of tools where several exposures share an endpoint."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from cap_plugins.expose.mcp.model import LONGEST_NAME

_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


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


def prefixed_name(*parts: str) -> str:
    """The parts joined by `_` as a legal tool name.

    It depends on nothing but the parts: what does not fit into 64 characters of `[A-Za-z0-9_-]` is cut and told apart
    by a checksum, never by a number that another document could shift.
    """
    whole = "_".join(parts)
    legal = _ILLEGAL.sub("-", whole)
    if legal == whole and len(legal) <= LONGEST_NAME:
        return legal
    return f"{legal[: LONGEST_NAME - 9]}-{zlib.crc32(whole.encode()):08x}"
