"""Loggers that import structlog at their first line, because that takes 35 ms and most commands never log."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger


class _LazyLogger:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        return getattr(_structlog_logger(self._name), method)


@cache
def _structlog_logger(name: str) -> Any:
    import structlog

    return structlog.get_logger(name)


def get_logger(name: str) -> FilteringBoundLogger:
    """The logger of this name, configured by `cap_core.logging.log.configure` when it is first used."""
    return _LazyLogger(name)
