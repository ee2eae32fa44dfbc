"""Interceptors around calls and around each request sent, and middleware around a listener's whole app."""

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
    """Wraps the functions that run a call and that send a request; returning the argument unchanged costs nothing.

    `wrap_call` is called once for each exposed call, whatever its channel; `wrap_send` once for each step of each call,
    with the consumed operation. The function that `wrap_send` returns runs for each request of that step: the first,
    each redirect that is followed, and each attempt if an interceptor around it retries.
    """

    key: str
    wrap_call: Callable[[object, Run], Run] = _same_run
    wrap_send: Callable[[Operation, Send], Send] = _same_send

    @property
    def wraps(self) -> bool:
        """Whether it was given a function at all."""
        return self.wrap_call is not _same_run or self.wrap_send is not _same_send


class AsgiWrapper(msgspec.Struct, frozen=True, kw_only=True):
    """Wraps a listener's whole app, outermost."""

    key: str
    wrap: Callable[[AsgiApp], AsgiApp]
