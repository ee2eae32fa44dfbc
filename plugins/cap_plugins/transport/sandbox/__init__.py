"""The transport `sandbox`: a stateful upstream inside the process, derived from a document's own paths.

It knows no vendor. What an address does follows from the paths, methods and parameters that the document consumes
(`resource_kinds` has the rules), so every document has a sandbox. Credentials are sent as to any upstream, and all are
accepted. The way of a request: `upstream` → `routes` → `actions` → `items` → `database`. Imports the core's
plugin interfaces, plan, router and errors, and nothing of the other transports.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.transport import Transport, TransportContext

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from cap_core.plugins.context import Send
    from cap_plugins.transport.sandbox.database import Databases


class Sandbox:
    """The transport, which owns the state of its upstreams, so that it outlives a reload that opens them again."""

    def __init__(self) -> None:
        self._databases: Databases | None = None

    @asynccontextmanager
    async def open(self, at: TransportContext) -> AsyncIterator[Send]:
        """Open the upstream of one namespace."""
        # Imported late: `cap check` and a gateway with another transport need none of this.
        from cap_plugins.transport.sandbox.database import Databases
        from cap_plugins.transport.sandbox.upstream import open_upstream

        self._databases = self._databases or Databases()
        async with open_upstream(at, self._databases) as send:
            yield send


@hookimpl
def cap_transports() -> list[Transport]:
    """Offer `sandbox`."""
    return [Transport(key="sandbox", open=Sandbox().open, shared=False, local=True)]
