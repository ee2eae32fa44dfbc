"""Loggers that load structlog with their first line: most commands never log, and loading it takes 35 ms."""

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
    """The logger of this name, configured as `cap_core.log.configure` says when it logs."""
    return _LazyLogger(name)
