"""The sizes and times that every transport over HTTP/1.1 keeps to."""

from __future__ import annotations

from typing import Final

SMALL_BODY: Final = 64 * 1024
"""Bytes up to which a body is sent, or handed over, in one piece."""

KEEP_IDLE: Final = 15.0
"""Seconds an idle connection is kept.

Servers drop idle connections after a minute or so, few before 15 s. A request on a connection that is just being
closed fails, because nothing here sends it again.
"""


def earliest(deadline: float | None, total: float | None, now: float) -> float | None:
    """When a call must have ended, as the event loop's time: its deadline, or `total` seconds from `now`, if sooner."""
    if total is None:
        return deadline
    return now + total if deadline is None else min(now + total, deadline)
