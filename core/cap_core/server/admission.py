"""Refuses requests that a page of somebody else may have caused, by their Host, Origin and Fetch Metadata headers.

A page in a browser on this machine must not use the owner's credentials. So a foreign Origin is refused, and so is an
unknown Host, because a page can point its own host name at this machine (DNS rebinding). Images, scripts, links and
frames send no Origin; what browsers say of those is in their `Sec-Fetch-*` headers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

from cap_core.errors import Refusal
from cap_core.plugins.messages import Scope

_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})

_KNOWN = 64
"""How many Host values are remembered as accepted; callers choose them, so their number is limited."""

_FOREIGN_SITES = frozenset({b"cross-site", b"same-site"})
_READING = frozenset({"GET", "HEAD"})


class SharedOrigin(msgspec.Struct, frozen=True):
    """The origin of a page that may read answers: as it is told to the browser, and whether with its cookies."""

    name: bytes
    credentials: bool


class Admission:
    """The check of requests to listeners on `host` that also answer to `hosts`, and to pages from `origins`.

    `hosts` are names, or `name:port` for that port alone; `origins` are origins, or `*` for every page.
    """

    def __init__(self, host: str, hosts: Iterable[str], origins: Iterable[str]) -> None:
        self._names = frozenset({host.lower().strip("[]"), *_LOCAL, *(h.lower() for h in hosts)})
        self._pages = frozenset(origin.lower().rstrip("/") for origin in origins)
        self._known: set[bytes] = set()

    def check_host(self, scope: Scope, headers: Mapping[bytes, bytes]) -> None:
        """Raise `Refusal` 421 for a Host that is not ours, and 400 for a request that names none."""
        value = headers.get(b"host", b"")
        if value in self._known:
            return
        if not value and b"host" not in headers and scope["http_version"] == "1.1":
            raise Refusal(400, "invalid-input", "this request has no Host header")
        text = value.decode("latin-1").lower()
        name = _name(text)
        named = bool(name) and (text in self._names or name in self._names)
        # The address that the connection reached; a page cannot have an IP address of this machine as its host name.
        if not named and not (name == scope["server"][0].lower() and _is_address(name)):
            what = "the Host of this request is not one of this gateway"
            raise Refusal(421, "bad-host", what, hint="serve with --allow-host to answer to it")
        if named and len(self._known) < _KNOWN:
            self._known.add(value)

    def check_origin(self, headers: Mapping[bytes, bytes]) -> SharedOrigin | None:
        """The page's origin if answers are shared with it, None for our own pages. Raises `Refusal` 403 for another."""
        given = headers[b"origin"]
        text = given.decode("latin-1").lower().rstrip("/")
        if text in self._pages:
            return SharedOrigin(given, credentials=True)
        if "*" in self._pages:
            return SharedOrigin(b"*", credentials=False)
        where = _authority(text)
        if where and where == headers.get(b"host", b"").decode("latin-1").lower():
            return None
        if _name(where) in _LOCAL:
            return SharedOrigin(given, credentials=False)
        what = "pages of this Origin may not call this gateway"
        raise Refusal(403, "bad-host", what, hint="serve with --allow-origin to let them")

    def is_from_elsewhere(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a browser says that a page of another origin caused a request, which has no Origin header.

        Values that are not in the standard count as absent, as it asks for (Fetch Metadata, 2).
        """
        return _token(headers, b"sec-fetch-site") in _FOREIGN_SITES and "*" not in self._pages


def is_navigation(scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request is a link that somebody followed: it opens in a tab of its own, where no page can read it."""
    mode, destination = _token(headers, b"sec-fetch-mode"), _token(headers, b"sec-fetch-dest")
    return mode == b"navigate" and destination == b"document" and scope["method"] in _READING


def from_elsewhere() -> Refusal:
    """The refusal of a request that a page of another origin caused."""
    what = "a page of another site caused this request"
    return Refusal(403, "bad-host", what, hint="let it send its Origin, and serve with --allow-origin")


def _token(headers: Mapping[bytes, bytes], name: bytes) -> bytes:
    """A token of a structured header, without its parameters (RFC 9651, 3.3.4)."""
    return headers.get(name, b"").partition(b";")[0].strip(b" ")


def _name(host: str) -> str:
    """The name of a Host value without port and brackets; "" for a value that is none."""
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        colon, port = rest[:1], rest[1:]
    else:
        name, colon, port = host.partition(":")
    right = colon in ("", ":") and (not port or (port.isascii() and port.isdecimal() and int(port) < 65536))
    return name if right else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _authority(origin: str) -> str:
    """Host and port of the origin of a web page; "" for others, such as "null" and those of extensions."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in ("http", "https") else ""
