"""Refuses requests by their Host and Origin headers.

A page in a browser on this machine must not use the owner's credentials. So a foreign Origin is refused, and so is an
unknown Host, because a page can point its own host name at this machine (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from cap_core.errors import Refusal

Admit = Callable[[Mapping[bytes, bytes], str], None]
"""Checks a request's headers, given the local address that it reached. Raises `Refusal` 403 or 421."""

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


def admission(host: str, hosts: Iterable[str], origins: Iterable[str]) -> Admit:
    """The check of a listener on `host` that also answers to `hosts` and to pages from `origins`.

    `hosts` are names, or `name:port` for that port alone; `origins` are origins, or `*` for every page.
    """
    names = frozenset({host.lower().strip("[]"), *_LOCAL, *(h.lower() for h in hosts)})
    pages = frozenset(origin.lower().rstrip("/") for origin in origins)
    # Host values that were accepted before; their number is limited, because callers choose them.
    known: set[bytes] = set()

    def admit(headers: Mapping[bytes, bytes], local: str) -> None:
        value = headers.get(b"host", b"")
        if value not in known:
            if not _is_accepted_host(value, names, local):
                what = "the Host of this request is not one of this gateway"
                raise Refusal(421, "bad-host", what, hint="serve with --allow-host to answer to it")
            if len(known) < 64:
                known.add(value)
        origin = headers.get(b"origin")
        if origin is not None and not _is_accepted_origin(origin, value, pages):
            what = "pages of this Origin may not call this gateway"
            raise Refusal(403, "bad-host", what, hint="serve with --allow-origin to let them")

    return admit


def _is_accepted_host(value: bytes, names: frozenset[str], local: str) -> bool:
    text = value.decode("latin-1").lower()
    name = _name(text)
    if text in names or name in names:
        return True
    # The address that the connection reached; a page cannot have an IP address of this machine as its host name.
    return name == local.lower() and _is_address(name)


def _name(host: str) -> str:
    """A Host value without its port and brackets."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name if not rest or rest[0] == ":" else ""
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_accepted_origin(origin: bytes, host: bytes, pages: frozenset[str]) -> bool:
    text = origin.decode("latin-1").lower().rstrip("/")
    if text in pages or "*" in pages:
        return True
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return False  # "null" and extensions
    # The gateway's own pages, and those of this machine.
    return parts.netloc == host.decode("latin-1").lower() or _name(parts.netloc) in _LOCAL
