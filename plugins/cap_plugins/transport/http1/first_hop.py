"""The first hop of a connection: the upstream itself, or a proxy on the way to it."""

from __future__ import annotations

import re
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

import msgspec

from cap_core.errors import ConfigError

if TYPE_CHECKING:
    from cap_core.plan.upstream import Upstream
    from cap_core.plugins.messages import Headers

_PORTS = {"http": 80, "https": 443}


class Address(msgspec.Struct, frozen=True):
    """Where a connection is opened to; an IPv6 `host` has no brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{_bracketed(self.host)}:{self.port}"


class Hop(msgspec.Struct, frozen=True):
    """How requests reach an upstream.

    `to` is where connections are opened to. Through a proxy, requests over http are sent to the proxy itself, with
    `prefix` before their target and `headers` for the proxy; those over https go through a tunnel, which `proxy` opens
    when it is sent `headers`.
    """

    to: Address
    where: str
    """Its name in messages for people."""
    host: bytes
    """The value of the `Host` header."""
    prefix: bytes = b""
    headers: Headers = ()
    proxy: Address | None = None


def first_hop(upstream: Upstream) -> Hop:
    """How requests reach this upstream. Raises `ConfigError` for a host name or a proxy URL that is not valid."""
    to = Address(upstream.scheme, _ascii(upstream.host.strip("[]")), upstream.port)
    name = _bracketed(to.host) if to.port == _PORTS[to.scheme] else str(to)
    if upstream.proxy is None:
        return Hop(to, str(to), name.encode())
    proxy, headers = _proxy(upstream.proxy)
    if to.scheme == "http":
        return Hop(proxy, f"the proxy {proxy}", name.encode(), f"http://{name}".encode(), headers)
    return Hop(to, f"{to} through the proxy {proxy}", name.encode(), headers=headers, proxy=proxy)


def _ascii(host: str) -> str:
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        name = ""
    if not re.fullmatch(r"[\w.:%~-]+", name, re.ASCII):
        raise ConfigError(f"{host!r} is no host name")
    return name


def _proxy(url: str) -> tuple[Address, Headers]:
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        # Not repeated in the message: it may hold a password.
        raise ConfigError("the proxy is not an http or https URL", hint="write it as http://host:port")
    address = Address(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
    if parts.username is None:
        return address, ()
    pair = unquote_to_bytes(parts.username) + b":" + unquote_to_bytes(parts.password or "")
    return address, ((b"Proxy-Authorization", b"Basic " + b64encode(pair)),)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
