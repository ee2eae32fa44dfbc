"""A pool of aiohttp's connections to one upstream, and the function that sends through it.

aiohttp's `ClientSession` is not used: it adds headers, rewrites targets and, where an upstream closed the connection,
sends an idempotent request a second time, which only a private switch turns off. It would also take half of the 75 µs
of a small request.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from cap_core.errors import UpstreamError
from cap_plugins.transport.aiohttp.exchange import Exchange
from cap_plugins.transport.http1.connection_errors import failure_reason
from cap_plugins.transport.http1.first_hop import first_hop
from cap_plugins.transport.http1.limits import KEEP_IDLE, earliest
from cap_plugins.transport.http1.request_head import header_fields
from cap_plugins.transport.http1.tls_context import tls_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.client_reqrep import ConnectionKey
    from aiohttp.connector import Connection

    from cap_core.plan.upstream import Upstream
    from cap_core.plugins.context import Context, Send
    from cap_core.plugins.messages import HttpRequest, HttpResponse
    from cap_plugins.transport.http1.first_hop import Address, Hop


@asynccontextmanager
async def open_pool(upstream: Upstream) -> AsyncIterator[Send]:
    """Open the pool of an upstream; closing it closes every connection."""
    hop = first_hop(upstream)
    timeouts = upstream.timeouts
    loop = asyncio.get_running_loop()
    connector = aiohttp.TCPConnector(limit=upstream.connections, keepalive_timeout=KEEP_IDLE)
    destination = _destination(upstream, hop)
    standard = _connect_timeout(timeouts.connect)

    async def send(request: HttpRequest, context: Context) -> HttpResponse:
        end = earliest(context.deadline, timeouts.total, loop.time())
        try:
            head = _head(request, hop)
            connection = await _connect(connector, destination, standard, end, hop.where)
        except BaseException:
            if not isinstance(request.body, bytes):
                await request.body.aclose()
            raise
        return await Exchange(connection, timeouts, hop.where).run(head, request, end)

    try:
        yield send
    finally:
        await connector.close()


def _head(request: HttpRequest, hop: Hop) -> bytes:
    lines = [b": ".join(field) for field in header_fields(request, hop.host)]
    if hop.prefix:
        lines[1:1] = [b": ".join(field) for field in hop.headers]
    start = (request.method.encode(), hop.prefix, request.target)
    return b"%b %b%b HTTP/1.1\r\n%b\r\n\r\n" % (*start, b"\r\n".join(lines))


class _Destination(aiohttp.ClientRequest):
    """The address the pool connects to: aiohttp wants a request for it. One serves every request of an upstream."""

    @cached_property
    def connection_key(self) -> ConnectionKey:
        return super().connection_key


def _destination(upstream: Upstream, hop: Hop) -> _Destination:
    return _Destination(
        "GET",
        _url(hop.to),
        ssl=tls_context(upstream.tls) if hop.to.scheme == "https" else True,
        proxy=None if hop.proxy is None else _url(hop.proxy),
        proxy_headers={name.decode(): value.decode() for name, value in hop.headers},
        loop=asyncio.get_running_loop(),
    )


def _url(address: Address) -> URL:
    return URL.build(scheme=address.scheme, host=address.host, port=address.port)


def _connect_timeout(seconds: float) -> aiohttp.ClientTimeout:
    """The timeout for connecting, which includes the wait for a free connection."""
    # aiohttp rounds times above the threshold up to whole seconds.
    return aiohttp.ClientTimeout(connect=seconds, ceil_threshold=math.inf)


async def _connect(
    connector: aiohttp.TCPConnector,
    destination: _Destination,
    standard: aiohttp.ClientTimeout,
    end: float | None,
    where: str,
) -> Connection:
    """An idle connection or a new one. Raises `UpstreamError` if there is none by `end`, a time of the event loop."""
    time = standard
    if end is not None:
        left = end - asyncio.get_running_loop().time()
        if left <= 0:
            raise UpstreamError("total", "the time for this call ran out before it was sent", sent=False)
        if left < (standard.connect or math.inf):
            time = _connect_timeout(left)
    try:
        connection = await connector.connect(destination, [], time)
        while _has_stray_bytes(connection):
            connection.close()
            connection = await connector.connect(destination, [], time)
    except TimeoutError as error:
        if time is not standard:
            what = f"the time for this call ran out while connecting to {where}"
            raise UpstreamError("total", what, sent=False) from error
        raise UpstreamError("connect", f"no connection to {where} within {standard.connect:g} s", sent=False) from error
    except aiohttp.ClientHttpProxyError as error:
        what = f"{where} cannot be reached: the proxy answered {error.status}"
        raise UpstreamError("refused", what, sent=False) from error
    # A UnicodeError is what becomes of a name that cannot even be looked up.
    except (aiohttp.ClientError, OSError, UnicodeError) as error:
        raise UpstreamError("refused", f"{where} cannot be reached: {failure_reason(error)}", sent=False) from error
    if connection.closed:
        connection.close()
        raise UpstreamError("reset", f"{where} closed the connection before anything was sent", sent=False)
    return connection


def _has_stray_bytes(connection: Connection) -> bool:
    """Whether bytes arrived on an idle connection: the next request would take them for its response."""
    protocol = connection.protocol
    # A new connection has no read timeout yet.
    return protocol is not None and protocol.read_timeout is not None and protocol.should_close
