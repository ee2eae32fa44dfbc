"""Log lines for people: short enough for a terminal of 80 columns where what they say allows it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from datetime import datetime
from typing import Any

_Event = MutableMapping[str, Any]

_COLORS = {"debug": "2", "warning": "33", "error": "31", "critical": "31"}
_ID = 8
"""The last digits of a request id are enough to tell a request from the others on a screen."""


class ConsoleLines:
    """Makes the lines: the time alone on a terminal, where the date is known, and both in a file."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._colors = self._terminal and not os.environ.get("NO_COLOR")

    def __call__(self, _logger: object, _method: str, event: _Event) -> str:
        """A line; a traceback comes on lines of its own below it."""
        time, level = self._time(event.pop("timestamp")), event.pop("level")
        name, logger, exception = event.pop("event"), event.pop("logger", ""), event.pop("exception", "")
        if logger == "cap.access":
            text = " ".join(_request(event))
        else:
            detail = event.pop("detail", "")
            said = f"{name}: {detail}" if detail else name
            text = " ".join((shown(said), *(f"{key}={_value(value)}" for key, value in event.items())))
        word = "" if level == "info" else f"{level} "
        line = f"{time} {self._colored(word, level)}{text}"
        return f"{line}\n{exception}" if exception else line

    def _time(self, stamp: str) -> str:
        """The time of a line, in UTC in a file, and as the clock on the wall on a terminal."""
        if not self._terminal:
            return stamp
        return datetime.fromisoformat(stamp).astimezone().strftime("%H:%M:%S")

    def _colored(self, word: str, level: str) -> str:
        return f"\x1b[{_COLORS[level]}m{word}\x1b[0m" if self._colors and level in _COLORS else word


def _request(event: _Event) -> Iterator[str]:
    """The parts of a line of the access log that matter to somebody who watches."""
    yield f"{event['method']} {shown(event['path'])} {event['status']} {event['ms']:g}ms"
    if what := event.get("tool"):
        yield shown(what)
    if status := event.get("upstream_status"):
        yield f"(upstream {status}, {event['upstream_ms']:g}ms)"
    error = event.get("error")
    if error and not event.get("upstream_status", 0) >= 400:  # else its status has said so
        yield str(error)
    if caller := event.get("caller"):
        yield f"by {shown(caller)}"
    yield f"#{event['request_id'][-_ID:]}"


def _value(value: Any) -> str:
    text = shown(value if isinstance(value, str) else str(value))
    return repr(text) if " " in text or not text else text


def shown(text: str) -> str:
    """A text without characters that would move a terminal's cursor or change its colors."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
