"""Wait for what has to happen, instead of for a time in which it should have."""

from __future__ import annotations

import time
from collections.abc import Callable

from cap_core.testing import PATIENCE


def until(condition: Callable[[], object]) -> None:
    """Return when the condition holds. Fails where it never does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
