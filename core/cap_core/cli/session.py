"""The session of one run of the command line, which can read its settings again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from cap_core.settings.table import Settings


class Session:
    """The settings of one run of the command line, and the function that reads them again."""

    def __init__(self) -> None:
        self.settings: Settings | None = None
        self._resolve: Callable[[], Settings] | None = None

    def read(self, resolve: Callable[[], Settings]) -> Settings:
        """Read the settings, and remember how for `reread`."""
        self._resolve = resolve
        self.settings = resolve()
        return self.settings

    def reread(self) -> Settings:
        """The settings as they are now; those of this run stay what they were."""
        assert self._resolve is not None  # `read` is called first
        return self._resolve()

    @property
    def debug(self) -> bool:
        """Whether tracebacks are shown (`--log-level debug`)."""
        return self.settings is not None and self.settings.log_level == "debug"
