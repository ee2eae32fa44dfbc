"""The refusals that callers get if sending to an upstream or reading its answer fails."""

from __future__ import annotations

import asyncio

from cap_core.errors import PluginError, Refusal, UpstreamError
from cap_core.logging.lazy_logger import get_logger
from cap_core.logging.redaction import hidden
from cap_core.plugins.context import Context
from cap_core.plugins.guard import culprit

_log = get_logger("cap.plugin")
_TOTAL = "an answer that is collected whole has 120 s, unless the 'total' of the upstream says otherwise"


def failure(error: BaseException, context: Context) -> BaseException:
    """The refusal of a call that a plugin's fault ends, which is logged here; any other exception as it is.

    A cancellation is a fault unless somebody cancelled the call.
    """
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or task.cancelling():
            return error
    source = culprit(error)
    if not isinstance(error, PluginError):
        if source is None:
            return error
        error = source.failed(context.call or "a call", error)
    _log.error(error.what, request_id=context.id, call=context.call, channel=context.channel)
    what = "a plugin of this gateway failed"
    return Refusal(500, "internal", what, hint=f"tell the operator the request id {context.id}")


def unanswered(error: UpstreamError, namespace: str) -> Refusal:
    """The refusal for a transport's error: 504 for a timeout, else 502 (`docs/semantics.md`, the response)."""
    detail = hidden(error.detail)
    if error.kind in ("connect", "idle", "total"):
        hint = "try again later" if error.kind != "total" else _TOTAL
        return Refusal(504, "upstream-timeout", f"{namespace} did not answer in time: {detail}", hint=hint)
    code = "upstream-malformed" if error.kind in ("garbage", "length") else "upstream-unreachable"
    return Refusal(502, code, f"{namespace}: {detail}", hint="try again later", sent=error.sent)


def malformed(namespace: str, what: str) -> Refusal:
    """The refusal for an answer that arrived and cannot be read."""
    return Refusal(502, "upstream-malformed", f"{namespace}: {hidden(what)}")


def unsendable() -> Refusal:
    """The refusal for a request that its transport does not send. The transport's own text may quote a secret."""
    what = "the request cannot be sent: a header, its path or the length of its body is not what HTTP allows"
    return Refusal(400, "invalid-input", what)


def nothing_found(path: str, address: str) -> Refusal:
    """The refusal for a mapping that found nothing, if mappings are strict."""
    what = f"the mapping {path} found nothing in the answer of {address}"
    hint = "see 'cap explain', or serve without --strict-outputs"
    return Refusal(502, "nothing-found", what, hint=hint)


def no_result(step: str, name: str, address: str) -> Refusal:
    """An earlier step of a flow that gave nothing for a value that a request needs."""
    return Refusal(502, "upstream-malformed", f"the step {step} gave nothing for {name}, which {address} needs")


def unusable_result(step: str, name: str, address: str) -> Refusal:
    """An earlier step of a flow that gave what cannot be sent where it is wanted."""
    return Refusal(502, "upstream-malformed", f"what the step {step} gave for {name} of {address} cannot be sent")
