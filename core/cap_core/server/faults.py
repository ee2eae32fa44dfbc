"""What callers get for a fault of a plugin, and what the log says about it."""

from __future__ import annotations

from cap_core.errors import PluginError, Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.plugins.messages import Scope
from cap_core.server.problems import request_id

_log = get_logger("cap.plugin")


def refuse_for_fault(fault: PluginError, scope: Scope) -> Refusal:
    """Log a plugin's fault, and give the refusal of the request during which it showed: nothing of it was sent."""
    known = request_id(scope)
    _log.error(fault.what, request_id=known, path=scope["raw_path"].decode("latin-1"))
    what = "a plugin of this gateway failed"
    return Refusal(500, "internal", what, hint=f"tell the operator the request id {known}", sent=False)
