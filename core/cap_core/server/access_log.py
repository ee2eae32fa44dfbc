"""Logs a line for every request, with the call behind it and what its upstream answered.

What a request became is known in different places: the interceptor sees the calls and the requests upstream, the
request's scope holds what was refused before any call. Without the access log none of it is there.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

import msgspec

from cap_core.errors import Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.call import Call
from cap_core.plugins.context import Context, Run, Send
from cap_core.plugins.interception import Interceptor
from cap_core.plugins.messages import (
    Answer,
    AsgiSend,
    Caller,
    HttpRequest,
    HttpResponse,
    Message,
    Receive,
    Scope,
)
from cap_core.plugins.registry import Registry
from cap_core.server.authenticator import ADMITTED
from cap_core.server.failure_log import UPSTREAM_ERROR, client_of, name_of, names_of
from cap_core.server.problems import FAILED, REFUSED, request_id

_log = get_logger("cap.access")


class _Record:
    """What is known of the request that is being served."""

    __slots__ = ("call", "caller", "channel", "error", "upstream_ms", "upstream_status")

    def __init__(self) -> None:
        self.call: Call | None = None
        self.channel = ""
        self.caller: Caller | None = None
        self.error = ""
        self.upstream_status = 0
        self.upstream_ms = 0.0


_RECORD: ContextVar[_Record | None] = ContextVar("cap.access", default=None)


def recording(registry: Registry) -> Registry:
    """A registry with which every call is recorded for the access log."""
    mine = Interceptor(key="access-log", wrap_call=_recorded_call, wrap_send=_recorded_send)
    return msgspec.structs.replace(registry, interceptors=(mine, *registry.interceptors))


def _recorded_call(call: Any, run: Run) -> Run:

    async def recorded(values: Mapping[str, object], context: Context) -> Answer:
        record = _RECORD.get()
        if record is None:
            return await run(values, context)
        record.call, record.channel, record.caller = call, context.channel, context.caller
        try:
            answer = await run(values, context)
        except Refusal as refusal:
            record.error = refusal.code
            raise
        except Exception:
            record.error = "internal"
            raise
        if answer.error:
            record.error = UPSTREAM_ERROR
        return answer

    return recorded


def _recorded_send(_operation: object, send: Send) -> Send:

    async def recorded(request: HttpRequest, context: Context) -> HttpResponse:
        record = _RECORD.get()
        if record is None:
            return await send(request, context)
        begun = time.perf_counter()
        record.upstream_status = 0
        try:
            response = await send(request, context)
            record.upstream_status = response.status
        finally:
            record.upstream_ms += (time.perf_counter() - begun) * 1000
        return response

    return recorded


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
        request_id(scope)
        record = _Record()
        _RECORD.set(record)
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
            _log.info(
                "request",
                method=scope["method"],
                path=scope["raw_path"].decode("latin-1"),
                status=status,
                bytes=sent,
                ms=round((time.perf_counter() - begun) * 1000, 1),
                **_outcome(record, scope),
                client=client_of(scope),
                request_id=request_id(scope),
            )


def _outcome(record: _Record, scope: Scope) -> dict[str, object]:
    """What a request became, without what is not known or does not apply."""
    call, error = scope.get(FAILED, (None, ""))
    call, error = record.call or call, record.error or error
    if not error and REFUSED in scope and ADMITTED not in scope:
        error = scope[REFUSED][0].code
    caller = record.caller or scope.get(ADMITTED)
    found: dict[str, object] = {
        "door": record.channel or _door(call),
        **(names_of(call) if call is not None else {}),
        "caller": name_of(caller) if caller is not None else "",
        "error": error,
        "upstream_status": record.upstream_status,
        "upstream_ms": round(record.upstream_ms, 1),
    }
    return {name: value for name, value in found.items() if value}


def _door(call: Call | None) -> str:
    if call is None:
        return ""
    return "mcp" if call.exposed.kind == "tool" else "rest"
