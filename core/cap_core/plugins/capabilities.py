"""An installed capability: its name, its document and its defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec


class CapabilitySource(msgspec.Struct, frozen=True):
    """An installed capability document.

    `name` is its name on the command line, in the route prefix and in `/mcp/<name>`. `defaults` are bindings (`NAME` or
    `namespace.NAME`) that hold unless the environment or `--set` says otherwise.
    """

    name: str
    document: Path
    defaults: Mapping[str, str] = {}
