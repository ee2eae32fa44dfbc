"""The caller's trace: the `traceparent` header of W3C Trace Context (levels 1 and 2)."""

from __future__ import annotations

import re

_FIELDS = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_TRACE, _NO_PARENT = b"0" * 32, b"0" * 16
_KNOWN_FLAGS = 0x03
"""Sampled, and (level 2) random; other flags of a later version have no meaning yet."""


def traceparent(value: bytes | None) -> bytes | None:
    """A `traceparent` as it may be sent on, else None: an invalid one is ignored (3.2.2).

    A version later than ours is read by its first four fields, and sent on as ours, which is 00 (3.2.4).
    """
    if value is None:
        return None
    found = _FIELDS.fullmatch(value)
    if found is None:
        return None
    version, trace, parent, flags, more = found.groups()
    if version == b"ff" or trace == _NO_TRACE or parent == _NO_PARENT:
        return None
    if version == b"00":
        return value if more is None else None
    return b"00-%b-%b-%02x" % (trace, parent, int(flags, 16) & _KNOWN_FLAGS)


def trace_id(parent: bytes) -> str:
    """The trace id of a valid `traceparent`."""
    return parent[3:35].decode("ascii")
