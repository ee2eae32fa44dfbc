"""Binding resolvers: where the values of `binds` come from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from cap_core.errors import Mark
from cap_core.plan.variables import ValueSource


class BindContext(msgspec.Struct, frozen=True, kw_only=True):
    """The place of a `binds` entry, and the directories below which its files may lie, in the order they are tried."""

    capability: str
    namespace: str
    at: Mark
    directories: tuple[Path, ...]
    allowed: tuple[Path, ...]


class BindingResolver(msgspec.Struct, frozen=True, kw_only=True):
    """One scheme of `binds[].location` (`file`); the empty key is for entries without a location.

    `parse` raises `OptionError` for a location it cannot use. With `local`, reading needs no network, so
    that `cap check` may check whether a variable is set.
    """

    key: str
    parse: Callable[[str, BindContext], ValueSource]
    local: bool = False
    timeout: float = 30.0
    """Seconds that one `fetch` of its sources may take."""
