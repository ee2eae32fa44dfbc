"""What callers get for a fault of a plugin, and what the log says about it."""

from __future__ import annotations

import asyncio

from cap_core.errors import PluginError, Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.plugins.guard import culprit
from cap_core.plugins.messages import AsgiApp, AsgiSend, Receive, Scope
from cap_core.server.asgi import CallerGone, answer
from cap_core.server.problems import problem, request_id

_log = get_logger("cap.plugin")


def refuse_for_fault(fault: PluginError, scope: Scope) -> Refusal:
    """Log a plugin's fault, and give the refusal of the request during which it showed: nothing of it was sent."""
    known = request_id(scope)
    _log.error(fault.what, request_id=known, path=scope["raw_path"].decode("latin-1"))
    what = "a plugin of this gateway failed"
    return Refusal(500, "internal", what, hint=f"tell the operator the request id {known}", sent=False)


def refusal_of(error: BaseException, what: str, scope: Scope) -> Refusal:
    """The refusal of a request during which `what` raised, which is logged unless a plugin refused it on purpose."""
    if isinstance(error, Refusal):
        return error
    source = culprit(error)
    if isinstance(error, PluginError) or source is not None:
        fault = error if isinstance(error, PluginError) or source is None else source.failed(what, error)
        assert isinstance(fault, PluginError)
        return refuse_for_fault(fault, scope)
    known = request_id(scope)
    _log.error("request failed", request_id=known, exc_info=error)
    return Refusal(500, "internal", "this should not have happened", hint=f"tell the operator the request id {known}")


async def answer_failure(error: BaseException, what: str, scope: Scope, send: AsgiSend) -> None:
    """Answer a request whose endpoint or wrapper raised: with the problem of a `Refusal`, else with 500.

    A fault is logged with its plugin. An answer that has begun cannot become another one: then the exception goes on,
    at which the server closes the connection.
    """
    if isinstance(error, CallerGone):
        return
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise error
    refusal = refusal_of(error, what, scope)
    try:
        await answer(send, problem(refusal, None, request_id(scope)), head=scope["method"] == "HEAD")
    except RuntimeError:  # the server's, for a second start of an answer
        raise error from None


def guarded_app(app: AsgiApp, what: str) -> AsgiApp:
    """A plugin's app around the gateway, whose failures are answered."""

    async def guarded(scope: Scope, receive: Receive, send: AsgiSend) -> None:
        try:
            await app(scope, receive, send)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            if scope["type"] != "http":
                raise
            await answer_failure(error, what, scope, send)

    return guarded
