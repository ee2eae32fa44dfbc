"""Which tool a name means where several exposures share an endpoint."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

import msgspec

from cap_plugins.expose.mcp.model import LONGEST_NAME

_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")


class Directory(msgspec.Struct, frozen=True):
    """Names and the tools they mean; a tool is its index.

    `meant` has every name; one that several tools answer to calls none of them, so that adding a document never moves
    an existing name to another tool. `listed` is the name under which each tool is shown, "" for none.
    """

    meant: Mapping[str, tuple[int, ...]]
    listed: tuple[str, ...]


def directory(spellings: Sequence[tuple[str, ...]]) -> Directory:
    """Give each tool the first of its spellings that means no other tool."""
    meant: dict[str, list[int]] = {}
    for index, names in enumerate(spellings):
        for name in dict.fromkeys(names):
            meant.setdefault(name, []).append(index)
    listed = tuple(next((name for name in names if len(meant[name]) == 1), "") for names in spellings)
    return Directory({name: tuple(tools) for name, tools in meant.items()}, listed)


def prefixed(*parts: str) -> str:
    """The parts joined by `_` as a legal tool name.

    It depends on nothing but the parts: what does not fit into 64 characters of `[A-Za-z0-9_-]` is cut and told apart
    by a checksum, never by a number that another document could shift.
    """
    whole = "_".join(parts)
    legal = _ILLEGAL.sub("-", whole)
    if legal == whole and len(legal) <= LONGEST_NAME:
        return legal
    return f"{legal[: LONGEST_NAME - 9]}-{zlib.crc32(whole.encode()):08x}"
