"""Capability documents for Portkey, found by name."""

from __future__ import annotations

from pathlib import Path

from cap_core import CapabilitySource, hookimpl

DOCUMENTS = Path(__file__).parent / "documents"


@hookimpl
def cap_capabilities() -> list[CapabilitySource]:
    """Each document under its file's name."""
    return [CapabilitySource(path.stem, path) for path in sorted(DOCUMENTS.glob("*.yaml"))]
