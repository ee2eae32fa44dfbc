"""Structured logs on stderr: one pipeline for the gateway's lines and those of its libraries."""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog

from cap_core.logging.console import ConsoleLines
from cap_core.logging.redaction import hidden_in

Format = Literal["console", "json"]
_Event = MutableMapping[str, Any]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_EXPECTED = (
    # The gateway does so on purpose if its upstream breaks off, and has logged the reason.
    "ASGI callable returned without completing response.",
    # Clients that offer h2c or a web socket are served in HTTP/1.1; such lines would only fill the log.
    "Unsupported upgrade request.",
    "No supported WebSocket library detected.",
)


def chosen_format(format: Format | None) -> Format:
    """The format of log lines: that of the settings, else `console` on a terminal and `json` otherwise."""
    return format or ("console" if sys.stderr.isatty() else "json")


def configure(format: Format | None, level: str) -> None:
    """Set up logging for this process."""
    shown = _LEVELS[level]
    debug = shown <= logging.DEBUG
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _named,
            _with_traceback if debug else _in_one_line,
            _redacted,
            ConsoleLines() if chosen_format(format) == "console" else _json,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(shown),
        logger_factory=_Lines,
        cache_logger_on_first_use=True,
    )
    _take_over(logging.INFO if debug else max(shown, logging.WARNING))


def always(event: str, **fields: object) -> None:
    """Log a line whatever the level is."""
    logger = structlog.wrap_logger(_Lines(), wrapper_class=structlog.make_filtering_bound_logger(logging.NOTSET))
    logger.info(event, **fields)


def _take_over(level: int) -> None:
    """Send the standard library's log records, and Python's warnings, through the same pipeline."""
    root = logging.getLogger()
    root.handlers[:] = [_Bridge()]
    root.setLevel(level)
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "asyncio", "litestar", "watchfiles"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.NOTSET)
        logger.propagate = True


class _Bridge(logging.Handler):
    """Passes log records of the standard library to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record, unless it is one of the expected ones."""
        try:
            text = record.getMessage().strip()
        except (TypeError, ValueError):  # a library's arguments do not fit its own message
            text = str(record.msg)
        error = record.exc_info[1] if record.exc_info else None
        if text.startswith(_EXPECTED) or isinstance(error, asyncio.CancelledError):
            return
        structlog.get_logger(record.name).log(record.levelno, text, exc_info=error)


class _Lines:
    """A logger that writes each line to the current stderr, in one write."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line."""
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # ValueError: closed
            return  # the log cannot be written any more, which must not stop the gateway

    log = debug = info = warning = warn = error = critical = exception = fatal = msg


def _named(logger: _Lines, method: str, event: _Event) -> _Event:
    """Bring the fields into one order, with the logger's name among them."""
    head = {"timestamp": event.pop("timestamp"), "level": event.pop("level"), "event": event.pop("event")}
    return {**head, **({"logger": logger.name} if logger.name else {}), **event}


def _exception(event: _Event) -> BaseException | None:
    given = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = given[1]
    return sys.exc_info()[1] if given is True else given


def _with_traceback(_logger: _Lines, _method: str, event: _Event) -> _Event:
    error = _exception(event)
    if error is not None:
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _in_one_line(_logger: _Lines, _method: str, event: _Event) -> _Event:
    error = _exception(event)
    if error is not None:
        event["error"] = one_line(error)
    return event


def one_line(error: BaseException) -> str:
    """An exception without its traceback: its type, its message, and where it was raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    message = " ".join(str(error).split())
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return type(error).__name__ + (f": {message}" if message else "") + where


def _redacted(_logger: _Lines, _method: str, event: _Event) -> _Event:
    return {key: hidden_in(value) for key, value in event.items()}


def _json(_logger: _Lines, _method: str, event: _Event) -> str:
    return msgspec.json.encode(event).decode()
