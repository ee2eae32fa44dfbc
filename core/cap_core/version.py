"""The version of Cap, and the User-Agent header that it sends."""

from __future__ import annotations

from importlib import metadata


def _version() -> str:
    try:
        return metadata.version("cap-core")
    except metadata.PackageNotFoundError:
        return "0"


VERSION = _version()
USER_AGENT = f"cap/{VERSION}".encode()
