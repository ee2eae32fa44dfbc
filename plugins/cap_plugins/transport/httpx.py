"""Send requests with httpx's engine: the second transport, against which the first one is measured."""

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
    """Offer `httpx`."""
    return [Transport(key="httpx", open=_open)]


@asynccontextmanager
async def _open(at: OpenAt) -> AsyncIterator[Send]:
    # As with aiohttp: `cap check` never sends anything.
    from cap_plugins.transport.engine import opened

    async with opened(at.upstream) as send:
        yield send
