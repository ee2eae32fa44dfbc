"""Makes the output of `cap --version`."""

from __future__ import annotations

import platform
from importlib import metadata

from cap_core.plugins.loader import CORE_DISTRIBUTION, GROUP
from cap_core.version import VERSION


def versions() -> str:
    """The versions of Cap, of Python, and of every distribution with plugins, without importing plugins."""
    lines = [f"cap {VERSION}", f"{platform.python_implementation()} {platform.python_version()}"]
    found: dict[tuple[str, str], set[str]] = {}
    for point in metadata.entry_points(group=GROUP):
        if point.dist is not None:
            found.setdefault((point.dist.name, point.dist.version), set()).add(point.name)
    for (name, version), plugins in sorted(found.items(), key=lambda item: (item[0][0] != CORE_DISTRIBUTION, item[0])):
        lines.append(f"{name} {version} ({', '.join(sorted(plugins))})")
    return "\n".join(lines)
