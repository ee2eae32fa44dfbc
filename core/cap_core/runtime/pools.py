"""Pools: opened transports, one for each upstream, shared by namespaces and kept across reloads."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from contextlib import AsyncExitStack
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import msgspec

from cap_core.errors import CapError
from cap_core.plan.upstream import Timeouts, Tls, Upstream
from cap_core.plugins.context import Send
from cap_core.plugins.registry import Registry
from cap_core.plugins.transport import Transport, TransportContext
from cap_core.runtime.base_uri import Base
from cap_core.runtime.workers import Workers


def choose(registry: Registry, key: str = "") -> Transport:
    """The transport of this key, or the default one. Raises `CapError` where no plugin offers it."""
    offered = registry.transports
    for transport in offered.values():
        if transport.key == key or (not key and transport.default):
            return transport
    wanted = f"the transport {key!r}" if key else "a transport to use by default"
    named = ", ".join(sorted(offered)) or "none"
    raise CapError(f"no plugin offers {wanted}; offered are {named}", hint="see 'cap plugins'")


class _Pool(msgspec.Struct):
    send: Send
    stack: AsyncExitStack
    users: int = 1


class Pools:
    """One opened transport per upstream; the last user closes it.

    The processes that read what comes from them, `workers`, end with the last pool.
    """

    def __init__(self, transport: Transport) -> None:
        self.workers = Workers()
        self._transport = transport
        self._pools: dict[Hashable, _Pool] = {}
        # Whoever needs an upstream that is being opened waits, and does not open it a second time.
        self._opening = asyncio.Lock()

    @property
    def key(self) -> str:
        """The key of the transport that sends."""
        return self._transport.key

    @property
    def local(self) -> bool:
        """Whether nothing that is sent leaves the process."""
        return self._transport.local

    def _identity(self, at: TransportContext) -> Hashable:
        """The key of an opened transport: the upstream alone if transports are shared."""
        if self._transport.shared:
            return at.upstream
        return at.namespace, at.prefix, tuple((o.method, o.path, o.parameters) for o in at.operations)

    async def acquire(self, at: TransportContext) -> Send:
        """Lease the pool of an upstream, which is opened if it is not open yet."""
        key = self._identity(at)
        async with self._opening:
            pool = self._pools.get(key)
            if pool is not None:
                pool.users += 1
                return pool.send
            stack = AsyncExitStack()
            send = await stack.enter_async_context(self._transport.open(at))
            self._pools[key] = _Pool(send, stack)
            return send

    async def release(self, at: TransportContext) -> None:
        """Give back a lease."""
        key = self._identity(at)
        pool = self._pools[key]
        pool.users -= 1
        if not pool.users:
            del self._pools[key]
            await pool.stack.aclose()
        if not self._pools:
            self.workers.close()


def upstream_of(base: Base, timeouts: Timeouts, tls: Tls, proxy: str | None, connections: int) -> Upstream:
    """The upstream at an address. Without a proxy of its own it goes through the one the environment names, if any."""
    tls = msgspec.structs.replace(tls, versions=_versions(tls))
    return Upstream(base.scheme, base.host, base.port, timeouts, tls, proxy or _environment_proxy(base), connections)


def _versions(tls: Tls) -> tuple[int, ...]:
    files = [Path(file) for file in (tls.ca, tls.certificate, tls.key) if file is not None]
    return tuple(file.stat().st_mtime_ns if file.exists() else 0 for file in files)


def _environment_proxy(base: Base) -> str | None:
    """HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY as the standard library reads them."""
    proxies = getproxies()
    proxy = proxies.get(base.scheme) or proxies.get("all")
    if not proxy or base.loopback or proxy_bypass(f"{base.host}:{base.port}"):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"
