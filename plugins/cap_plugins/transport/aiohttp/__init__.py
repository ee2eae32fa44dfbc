"""The transport `aiohttp`, the default: aiohttp's connections and parser below an exchange of our own.

`pool` connects, `exchange` sends a request and reads the response, `upload` writes large request bodies. Imports the
core's plugin interfaces, plan and errors, `transport.http1`, and the library aiohttp, which no other package uses.
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
    """Offer `aiohttp`."""
    return [Transport(key="aiohttp", open=_open, default=True)]


@asynccontextmanager
async def _open(at: TransportContext) -> AsyncIterator[Send]:
    # aiohttp takes 0.3 s to import, and `cap check` never sends anything.
    from cap_plugins.transport.aiohttp.pool import open_pool

    async with open_pool(at.upstream) as send:
        yield send
