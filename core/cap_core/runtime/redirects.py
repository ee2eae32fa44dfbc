"""Chooses the redirects that are followed: those that stay on the same scheme, host and port."""

from __future__ import annotations

from typing import Final
from urllib.parse import urljoin, urlsplit

import msgspec

from cap_core.plugins.messages import HttpRequest, HttpResponse

MAX_REDIRECTS: Final = 5

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


def redirected(request: HttpRequest, response: HttpResponse, origin: str) -> HttpRequest | None:
    """The next request of a redirect; None if the response is no redirect, or one that is not followed.

    `origin` is the upstream's scheme, host and port.
    """
    # A streamed body cannot be sent again.
    if response.status not in REDIRECTS or not isinstance(request.body, bytes):
        return None
    location = next((value.decode("latin-1") for name, value in response.headers if name == b"location"), "")
    target = _same_origin(location, request.target, origin) if location else None
    return None if target is None else msgspec.structs.replace(request, target=target)


_PORTS = {"http": 80, "https": 443}


def _origin(url: str) -> tuple[str, str | None, int | None, str | None]:
    """Scheme, host and port (RFC 6454, 4), and whoever is named before the host."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme), parts.username


def _same_origin(location: str, target: bytes, origin: str) -> bytes | None:
    """The target of a location on the same origin; None if it is on another one, or invalid."""
    try:
        absolute = urljoin(origin + target.decode("latin-1"), location)
        parts = urlsplit(absolute)
        same = _origin(absolute) == _origin(origin)
    except ValueError:
        return None
    if not same:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return path.encode() if path.isascii() and path.isprintable() and " " not in path else None
