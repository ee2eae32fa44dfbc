"""Logs a line for every request."""

from __future__ import annotations

import time
from typing import Protocol

from cap_core.logging.lazy_logger import get_logger
from cap_core.plugins.context import id_of
from cap_core.plugins.messages import AsgiSend, Message, Receive, Scope
from cap_core.server.request_headers import read_trace

_log = get_logger("cap.access")


class _Drainable(Protocol):
    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None: ...

    def drain(self) -> None: ...


class AccessLog:
    """Wraps an app and logs its answers. Queries are not logged, because they may hold credentials."""

    def __init__(self, app: _Drainable) -> None:
        self._app = app

    def drain(self) -> None:
        """Drain the app."""
        self._app.drain()

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        """Serve a request, and log it when its answer has ended."""
        begun = time.perf_counter()
        scope["cap.request_id"] = id_of(read_trace(scope))
        status = sent = 0

        async def counting(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counting)
        finally:
            client = scope.get("client")
            _log.info(
                "request",
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                status=status,
                bytes=sent,
                ms=round((time.perf_counter() - begun) * 1000, 1),
                client=client[0] if client else "",
                request_id=scope["cap.request_id"],
            )
