"""Opened transports, shared by whatever goes to the same upstream, and kept across a reload."""

from __future__ import annotations

from contextlib import AsyncExitStack
from urllib.request import getproxies, proxy_bypass

import msgspec

from cap_core.bases import Base
from cap_core.offers import OpenAt, Transport
from cap_core.plan import Timeouts, Tls, Upstream
from cap_core.types import Send


class _Pool(msgspec.Struct):
    send: Send
    stack: AsyncExitStack
    users: int = 1


class Pools:
    """One opened transport per upstream; the last user closes it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pools: dict[OpenAt, _Pool] = {}

    def identity(self, at: OpenAt) -> OpenAt:
        """What an opened transport is known by: the upstream alone where it is shared."""
        return OpenAt(upstream=at.upstream) if self._transport.shared else at

    async def acquire(self, at: OpenAt) -> Send:
        """The way to an upstream, opened if it is not yet. `at` is an `identity`."""
        pool = self._pools.get(at)
        if pool is not None:
            pool.users += 1
            return pool.send
        stack = AsyncExitStack()
        send = await stack.enter_async_context(self._transport.open(at))
        self._pools[at] = _Pool(send, stack)
        return send

    async def release(self, at: OpenAt) -> None:
        """Give back what `acquire` gave."""
        pool = self._pools[at]
        pool.users -= 1
        if not pool.users:
            del self._pools[at]
            await pool.stack.aclose()


def upstream_of(base: Base, timeouts: Timeouts, tls: Tls, proxy: str | None, connections: int) -> Upstream:
    """The upstream at an address. Without a proxy of its own it goes through the one the environment names, if any."""
    return Upstream(base.scheme, base.host, base.port, timeouts, tls, proxy or _environment_proxy(base), connections)


def _environment_proxy(base: Base) -> str | None:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY as the standard library reads them."""
    proxies = getproxies()
    proxy = proxies.get(base.scheme) or proxies.get("all")
    if not proxy or base.loopback or proxy_bypass(f"{base.host}:{base.port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
