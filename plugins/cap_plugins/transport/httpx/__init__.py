"""The transport `httpx`: the pool of httpcore, which httpx itself sends with.

It is the second transport, with which the default one is compared. `pool` opens the pool, `exchange` sends a request
and reads the response, `network` detects ends and garbage on connections. Imports the core's plugin interfaces,
plan and errors, `transport.http1`, and the library httpcore, which no other package uses.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.transport import Transport, TransportContext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cap_core.plugins.context import Send


@hookimpl
def cap_transports() -> list[Transport]:
    """Offer `httpx`."""
    return [Transport(key="httpx", open=_open)]


@asynccontextmanager
async def _open(at: TransportContext) -> AsyncIterator[Send]:
    # As with aiohttp: `cap check` never sends anything.
    from cap_plugins.transport.httpx.pool import open_pool

    async with open_pool(at.upstream) as send:
        yield send
