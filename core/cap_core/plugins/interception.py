"""Functions around calls, around sendings, and around a listener's whole app."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from cap_core.plugins.context import Run, Send
from cap_core.plugins.messages import AsgiApp

if TYPE_CHECKING:
    from cap_core.plan.upstream import Operation


def _same_run(call: object, run: Run) -> Run:
    return run


def _same_send(operation: object, send: Send) -> Send:
    return send


class Interceptor(msgspec.Struct, frozen=True, kw_only=True):
    """Functions around a call and around a sending; one that returns its argument costs nothing.

    `wrap_call` surrounds each exposed call once, whatever door it came through; `wrap_send` each upstream operation,
    once per attempt where something inside it retries.
    """

    key: str
    wrap_call: Callable[[object, Run], Run] = _same_run
    wrap_send: Callable[[Operation, Send], Send] = _same_send


class AsgiWrapper(msgspec.Struct, frozen=True, kw_only=True):
    """Wraps a listener's whole app, outermost."""

    key: str
    wrap: Callable[[AsgiApp], AsgiApp]
