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

BATCHES: Final = "2025-03-26"
"""The one version with batches; it is also assumed where a legacy client names none (Streamable HTTP, Versions)."""

VERSION_HEADER: Final = b"mcp-protocol-version"
PROTOCOL_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
"""The member of `_meta` that names the version of a modern request."""

_LEGACY_BYTES: Final = frozenset(version.encode() for version in LEGACY)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def is_modern(method: str, version: bytes | None, params: msgspec.Raw) -> bool:
    """Which era a request belongs to; each request decides for itself (Versioning, Dual-Era Servers).

    A header with a legacy version makes it legacy. Else `_meta` with a protocol version makes it modern: without the
    header it then fails on that, as it must. `initialize` is legacy without such a `_meta`, whatever version its header
    names: it is how a version is agreed upon. A header with any other version makes the rest modern.
    """
    if version is not None and (version in _LEGACY_BYTES or version.strip() in _LEGACY_BYTES):
        return False
    return (version is not None and method != "initialize") or _names_version(params)


def _names_version(params: msgspec.Raw) -> bool:
    try:
        return PROTOCOL_VERSION in _members(_members(params)["_meta"])
    except (KeyError, msgspec.DecodeError):
        return False


def takes_batches(version: bytes | None) -> bool:
    """Whether a request may be a batch: in the one revision that has them, whose clients send no version header."""
    return version is None or version.strip() == BATCHES.encode()
