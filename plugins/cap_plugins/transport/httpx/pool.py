"""A pool of httpcore's connections to one upstream, and the function that sends through it.

httpx itself sends with httpcore. Its client is not used: it adds headers, cookies and redirects, and rewrites
targets.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpcore

from cap_plugins.transport.http1.first_hop import first_hop
from cap_plugins.transport.http1.limits import KEEP_IDLE, earliest
from cap_plugins.transport.http1.tls_context import tls_context
from cap_plugins.transport.httpx.exchange import Exchange, url_of
from cap_plugins.transport.httpx.network import Network

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cap_core.plan.upstream import Upstream
    from cap_core.plugins.context import Context, Send
    from cap_core.plugins.messages import HttpRequest, HttpResponse
    from cap_plugins.transport.http1.first_hop import Hop


@asynccontextmanager
async def open_pool(upstream: Upstream) -> AsyncIterator[Send]:
    """Open the pool of an upstream; closing it closes every connection."""
    hop = first_hop(upstream)
    timeouts = upstream.timeouts
    loop = asyncio.get_running_loop()
    async with _pool(upstream, hop) as pool:

        async def send(request: HttpRequest, context: Context) -> HttpResponse:
            end = earliest(context.deadline, timeouts.total, loop.time())
            try:
                return await Exchange(pool, hop, timeouts, end).run(request)
            finally:
                if not isinstance(request.body, bytes):
                    await request.body.aclose()

        yield send


def _pool(upstream: Upstream, hop: Hop) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=tls_context(upstream.tls) if hop.to.scheme == "https" else None,
        proxy=None if hop.proxy is None else httpcore.Proxy(url_of(hop.proxy, b"/"), headers=hop.headers),
        max_connections=upstream.connections or None,
        keepalive_expiry=KEEP_IDLE,
        network_backend=Network(),
    )
