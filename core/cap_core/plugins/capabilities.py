"""What an installed capability is: a name, a document, defaults."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec


class CapabilitySource(msgspec.Struct, frozen=True):
    """An installed capability document.

    `name` is what the command line, the route prefix and `/mcp/<name>` call it. `defaults` are bindings (`NAME` or
    `namespace.NAME`) that hold unless the environment or `--set` says otherwise.
    """

    name: str
    document: Path
    defaults: Mapping[str, str] = {}
