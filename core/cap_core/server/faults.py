"""What callers get for a fault of a plugin, and what the log says about it."""

from __future__ import annotations

from cap_core.errors import PluginError, Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.plugins.context import id_of, traceparent
from cap_core.plugins.messages import Scope

_log = get_logger("cap.plugin")


def request_id(scope: Scope) -> str:
    """The id of a request, which is made if it has none yet; every later line and answer about it has the same."""
    known: str = scope.get("cap.request_id", "")
    if not known:
        known = scope["cap.request_id"] = id_of(traceparent(dict(scope["headers"]).get(b"traceparent")))
    return known


def refuse_for_fault(fault: PluginError, scope: Scope) -> Refusal:
    """Log a plugin's fault, and give the refusal of the request during which it showed: nothing of it was sent."""
    _log.error(fault.what, request_id=request_id(scope), path=scope["raw_path"].decode("latin-1"))
    what = "a plugin of this gateway failed"
    return Refusal(500, "internal", what, hint="tell the operator this trace_id", sent=False)
