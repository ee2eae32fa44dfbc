"""The protocol versions that are served, and which era a request belongs to.

*Legacy* are the revisions opened by `initialize` (up to 2025-11-25), *modern* is 2026-07-28, where every request stands
alone.
"""

from __future__ import annotations

from typing import Final

import msgspec

MODERN: Final = "2026-07-28"
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
VERSIONS: Final = (MODERN, *LEGACY)
"""All versions, the modern one first. Later clients fall back only to versions in this list."""

VERSION_HEADER: Final = b"mcp-protocol-version"
PROTOCOL_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
"""The member of `_meta` that names the version of a modern request."""

_LEGACY_BYTES: Final = frozenset(version.encode() for version in LEGACY)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_modern(version: bytes | None, params: msgspec.Raw) -> bool:
    """Which era a request belongs to; each request decides for itself (Versioning, Dual-Era Servers).

    A version header names it. Without one, only `_meta` with a protocol version makes a request modern; it then fails
    on the missing header, as it must.
    """
    if version is not None:
        return version not in _LEGACY_BYTES and version.strip() not in _LEGACY_BYTES
    try:
        return PROTOCOL_VERSION in _members(_members(params)["_meta"])
    except (KeyError, msgspec.DecodeError):
        return False
