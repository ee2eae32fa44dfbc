"""Logs failed calls and refused callers: one line each, and many of one kind summed up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from cap_core.errors import Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.logging.redaction import hidden_excerpt
from cap_core.plan.call import Call
from cap_core.plugins.context import Context, Run
from cap_core.plugins.interception import Interceptor
from cap_core.plugins.messages import Answer, Caller, Reply, Scope
from cap_core.plugins.registry import Registry
from cap_core.server.authenticator import refused_caller
from cap_core.server.problems import request_id

MOST: Final = 10
"""Lines of one kind within `SPAN`; more are counted, and summed up in one line."""

SPAN: Final = 10.0
"""Seconds."""

_LONGEST: Final = 200
"""Characters of what a caller sent; more are cut."""

_FAILED: Final = frozenset({401, 402, 403, 407, 429})
"""Statuses of an upstream below 500 that concern the gateway's own credentials and quotas, not what a caller asked."""

_REFUSALS: Final = frozenset({401, 403, 421})

UPSTREAM_ERROR: Final = "upstream-error"
"""The `error` of a call that the upstream answered with 4xx or 5xx."""

_log = get_logger("cap.failure")

Later = Callable[[float, Callable[[], None]], asyncio.TimerHandle]
"""Calls a function after some seconds."""


def _later(seconds: float, function: Callable[[], None]) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(seconds, function)


class Summed:
    """Writes lines; those of one kind beyond `MOST` within `SPAN` become one line with their number.

    Without it, whoever sends many bad requests could fill a disk.
    """

    def __init__(self, later: Later = _later) -> None:
        self._later = later
        self._open: dict[str, tuple[int, str, Mapping[str, object], asyncio.TimerHandle]] = {}

    def warning(self, kind: str, event: str, of_kind: Mapping[str, object], **fields: object) -> None:
        """Write a line. `of_kind` are the fields that all lines of its kind have; the sum has them too."""
        count, _, _, timer = self._open.get(kind) or (0, "", {}, self._later(SPAN, lambda: self._end(kind)))
        self._open[kind] = (count + 1, event, of_kind, timer)
        if count < MOST:
            _log.warning(event, **of_kind, **fields)

    def close(self) -> None:
        """Write the sums that are still open."""
        for kind in list(self._open):
            self._open[kind][3].cancel()
            self._end(kind)

    def _end(self, kind: str) -> None:
        count, event, of_kind, _ = self._open.pop(kind)
        if count > MOST:
            _log.warning(f"{event}, {count - MOST} more times in {SPAN:g} s", **of_kind)


class FailureLog:
    """The lines about what failed on one gateway."""

    def __init__(self, lines: Summed | None = None) -> None:
        self._lines = lines or Summed()

    def watching(self, registry: Registry) -> Registry:
        """A registry with which the outcome of every call is seen, whatever exposure it came through."""
        mine = Interceptor(key="failure-log", wrap_call=self._watched)
        return msgspec.structs.replace(registry, interceptors=(mine, *registry.interceptors))

    def refused(self, scope: Scope) -> None:
        """Log that a caller was refused: by the check of an exposure, or for the Host or Origin of the request."""
        found = refused_caller(scope)
        if found is None or found[0].status not in _REFUSALS:
            return
        refusal, exposure = found
        headers = dict(scope["headers"])
        about = {"error": refusal.code, "exposure": exposure} if exposure else {"error": refusal.code}
        sent = {"host": headers.get(b"host"), "origin": headers.get(b"origin")} if not exposure else {}
        self._lines.warning(
            f"refused {exposure} {refusal.status}",
            "caller refused",
            about,
            detail=refusal.detail,
            status=refusal.status,
            method=scope["method"],
            path=_cut(scope["raw_path"]),
            **{name: _cut(value) for name, value in sent.items() if value is not None},
            client=client_of(scope),
            request_id=request_id(scope),
        )

    def close(self) -> None:
        """Write what was only counted so far."""
        self._lines.close()

    def _watched(self, call: Any, run: Run) -> Run:

        async def watched(values: Mapping[str, object], context: Context) -> Answer:
            try:
                answer = await run(values, context)
            except Refusal as refusal:
                if refusal.status >= 500:
                    self._failed(call, context, refusal.code, refusal.detail, refusal.status)
                raise
            if answer.error:
                self._answered(call, context, answer)
            return answer

        return watched

    def _answered(self, call: Call, context: Context, answer: Answer) -> None:
        """Log an upstream's error, unless it only concerns what the caller asked for."""
        if isinstance(answer, Reply) and (answer.status >= 500 or answer.status in _FAILED):
            detail = f"{answer.source or _answering(call)} answered {answer.status}"
            self._failed(call, context, UPSTREAM_ERROR, detail, answer.status)

    def _failed(self, call: Call, context: Context, error: str, detail: str, status: int) -> None:
        self._lines.warning(
            f"{call.key} {error}",
            "call failed",
            {"error": error, **names_of(call), "door": context.channel},
            detail=detail,
            status=status,
            **({"caller": name_of(context.caller)} if context.caller is not None else {}),
            request_id=context.id,
        )


def names_of(call: Call) -> dict[str, object]:
    """The names of a call in the log: its capability, what it calls, and its tool if it is one."""
    names: dict[str, object] = {"capability": call.capability}
    if call.exposed.kind == "tool":
        names["tool"] = call.exposed.name
    return {**names, "operation": call.describes.address or call.exposed.name}


def name_of(caller: Caller) -> str:
    """The name of a caller, else the scheme that accepted them."""
    return caller.name or caller.scheme


def client_of(scope: Scope) -> str:
    """The address that a request came from."""
    client = scope.get("client")
    return client[0] if client else ""


def _answering(call: Call) -> str:
    return call.answering.consumed.namespace if call.answering is not None else call.exposed.name


def _cut(sent: bytes) -> str:
    shown = hidden_excerpt(sent.decode("latin-1"), _LONGEST)
    return shown if len(sent) <= _LONGEST else f"{shown}…"
