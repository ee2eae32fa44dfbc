"""Capability documents for AI/ML API, found by name."""

from __future__ import annotations

from pathlib import Path

from cap_core import CapabilitySource, hookimpl

DOCUMENTS = Path(__file__).parent / "documents"

DEFAULTS = {"baseurl": "api.aimlapi.com/v1"}
"""Where AI/ML API lives, unless `--set baseurl=` or `--base-uri` says otherwise."""


@hookimpl
def cap_capabilities() -> list[CapabilitySource]:
    """Each document under its file's name."""
    return [CapabilitySource(path.stem, path, DEFAULTS) for path in sorted(DOCUMENTS.glob("*.yaml"))]
