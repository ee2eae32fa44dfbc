"""Answer from inside the process: an upstream with a memory, made up from a document's own paths.

It knows no vendor. What an address does follows from the paths, methods and parameters that the document consumes
(`kinds` has the rules), so every document has a sandbox. Credentials are made and sent as ever, and any will do.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cap_core.hookspecs import hookimpl
from cap_core.offers import OpenAt, Transport

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cap_core.types import Send
    from cap_plugins.transport.sandbox.database import Databases


class Sandbox:
    """One offer's upstreams. Their state is the offer's, so it outlives them when a reload opens them anew."""

    def __init__(self) -> None:
        self._databases: Databases | None = None

    @asynccontextmanager
    async def open(self, at: OpenAt) -> AsyncIterator[Send]:
        """Open the upstream of one namespace."""
        # `cap check` and a gateway with another transport need none of this.
        from cap_plugins.transport.sandbox.database import Databases
        from cap_plugins.transport.sandbox.upstream import opened

        self._databases = self._databases or Databases()
        async with opened(at, self._databases) as send:
            yield send


@hookimpl
def cap_transports() -> list[Transport]:
    """Offer `sandbox`."""
    return [Transport(key="sandbox", open=Sandbox().open, shared=False, local=True)]
