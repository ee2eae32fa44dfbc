"""Puts interceptors around runs and sends, so that what they do wrong is named, and what they drop is closed.

All of this is decided when a plan is opened; where no interceptor wraps anything, nothing stands around a function.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from cap_core.errors import Refusal, UnsendableError, UpstreamError
from cap_core.plan.call import Call
from cap_core.plugins.context import Context, Run, Send
from cap_core.plugins.guard import Source, Unfit, defined
from cap_core.plugins.messages import Content, HttpRequest, HttpResponse, InputRequired, Reply
from cap_core.runtime.failures import failure, unanswered
from cap_core.runtime.streams import drop
from cap_core.syntax.http import has_control, is_sendable

Wrapper = tuple[Source | None, str, Callable[[Any], Any]]
"""Whose a wrapper is (None: the core's own), what it is ("wrap_send of the interceptor retry"), and the wrapper.

The core's own stand outside of those of plugins.
"""

_Function = Callable[[Any, Context], Awaitable[Any]]
_ANSWERS = (Reply, Content, InputRequired)


def intercepted_run(call: Call, run: Run, wrappers: Iterable[Wrapper]) -> Run:
    """The run of a call with wrappers around it, the last one outermost. Raises `Refusal` for their faults."""

    def checked(source: Source, what: str, function: _Function) -> _Function:
        return _checked(source, what, function, _ANSWERS, "an Answer")

    def outside(closing: _Function) -> _Function:

        async def intercepted(values: Any, context: Context) -> Any:
            try:
                return await closing(values, context)
            except UpstreamError as error:
                raise unanswered(error, call.exposed.name) from None

        return intercepted

    return _intercepted(run, wrappers, checked, outside)


def intercepted_send(send: Send, wrappers: Iterable[Wrapper]) -> Send:
    """A send with wrappers around it, the last one outermost. Raises `Refusal` for their faults."""

    def checked(source: Source, what: str, function: _Function) -> _Function:
        return _checked(source, what, _sendable(source, what, function), (HttpResponse,), "an HttpResponse")

    return _intercepted(send, wrappers, checked, lambda closing: closing)


def _intercepted(
    function: _Function,
    wrappers: Iterable[Wrapper],
    checked: Callable[[Source, str, _Function], _Function],
    outside: Callable[[_Function], _Function],
) -> _Function:
    """A function with wrappers around it: each plugin's `checked`, and `outside` around all of those, if there are."""
    bodies = _Bodies(function)
    inner: _Function = bodies.noted
    out, own = inner, []
    for source, what, wrap in wrappers:
        if source is None:
            own.append(wrap)
        elif (wrapped := wrap(out)) is not out:
            out = checked(source, what, wrapped)
    out = function if out is inner else outside(bodies.closing(out))
    for wrap in own:
        out = wrap(out)
    return out


def _checked(source: Source, what: str, function: _Function, kinds: tuple[type, ...], wanted: str) -> _Function:
    """A function whose result is one of these kinds. Raises `PluginError`."""

    async def checked(given: Any, context: Context) -> Any:
        answer = await function(given, context)
        if not isinstance(answer, kinds):
            raise source.fault(f"the function of {what} gave {Unfit(answer, wanted)}", defined(function))
        if isinstance(answer, Reply | HttpResponse) and not _is_sendable(answer):
            why = "whose status, headers or body HTTP does not allow"
            raise source.fault(f"the function of {what} gave {wanted} {why}", defined(function))
        return answer

    return checked


def _is_sendable(answer: Reply | HttpResponse) -> bool:
    """Whether an answer can be sent on: a status, headers of bytes, a body of bytes.

    Whether an upstream's own status and headers are what HTTP allows is checked later, as its fault.
    """
    if not isinstance(answer.status, int) or not (isinstance(answer.body, bytes) or hasattr(answer.body, "__aiter__")):
        return False
    try:
        fields = b"".join([name + value for name, value in answer.headers])
    except (TypeError, ValueError):
        return False
    return isinstance(answer, HttpResponse) or (100 <= answer.status <= 999 and not has_control(fields))


def _sendable(source: Source, what: str, function: _Function) -> _Function:
    """A send that blames its plugin for a request that could be sent before. Raises `PluginError`."""

    async def sendable(request: HttpRequest, context: Context) -> Any:
        try:
            return await function(request, context)
        except UnsendableError:
            if is_sendable(request.method, request.target, request.headers):
                # The transport's own text may quote a secret.
                raise source.fault(f"{what} made a request that HTTP does not allow", defined(function)) from None
            raise

    sendable.__wrapped__ = function  # type: ignore[attr-defined]  # what `defined` looks for
    return sendable


class _Bodies:
    """The streams that a function gave while wrappers stood around it: those they drop nobody else would close."""

    def __init__(self, function: _Function) -> None:
        self._function = function
        self._given: dict[Context, list[Any] | None] = {}
        self.noted = self._noted  # one object, so that a wrapper that returns it is recognized

    async def _noted(self, given: Any, context: Context) -> Any:
        answer = await self._function(given, context)
        bodies = self._given.get(context)
        if bodies is not None and isinstance(answer, Reply | HttpResponse) and not isinstance(answer.body, bytes):
            bodies.append(answer.body)
        return answer

    def closing(self, outermost: _Function) -> _Function:
        """The wrapped function; it closes what its answer leaves behind, and turns a plugin's fault into `Refusal`."""

        async def closing(given: Any, context: Context) -> Any:
            # Two at once with one context cannot be told apart: then nothing is closed.
            mine: list[Any] | None = None if context in self._given else []
            self._given[context] = mine
            kept: object = b""
            try:
                answer = await outermost(given, context)
                kept = getattr(answer, "body", b"")
                return answer
            except asyncio.CancelledError as error:
                raise failure(error, context) from None
            except (Refusal, UpstreamError, UnsendableError):
                raise
            except (Exception, SystemExit) as error:
                raise failure(error, context) from None
            finally:
                self._given.pop(context, None)
                # A stream of the wrapper's own may read any of them.
                if mine and (isinstance(kept, bytes) or any(kept is body for body in mine)):
                    for body in mine:
                        if body is not kept:
                            await drop(body)

        return closing
