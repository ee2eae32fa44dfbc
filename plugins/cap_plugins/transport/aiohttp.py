"""Send requests with aiohttp's connections and parser: the transport unless another is chosen."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cap_core.hookspecs import hookimpl
from cap_core.offers import OpenAt, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cap_core.types import Send


@hookimpl
def cap_transports() -> list[Transport]:
    """Offer `aiohttp`."""
    return [Transport(key="aiohttp", open=_open, default=True)]


@asynccontextmanager
async def _open(at: OpenAt) -> AsyncIterator[Send]:
    # aiohttp takes 0.3 s to import, and `cap check` never sends anything.
    from cap_plugins.transport.connections import opened

    async with opened(at.upstream) as send:
        yield send
