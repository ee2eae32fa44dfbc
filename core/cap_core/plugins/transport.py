"""Transports: ways to send a request to an upstream."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cap_core.plugins.context import Send

if TYPE_CHECKING:
    from cap_core.plan.upstream import Operation, Upstream


class TransportContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a transport is opened for: an upstream, and the consumed operations that go there.

    `prefix` is the path of the base URI, which every target starts with. `namespace` is the consumed namespace's key
    (`capability:namespace`), or "" where several share the upstream. `state` is the file that a transport which keeps
    state keeps it in (`--sandbox-file`); None leaves it in memory.
    """

    upstream: Upstream
    namespace: str = ""
    prefix: str = ""
    operations: tuple[Operation, ...] = ()
    state: Path | None = None


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """A way to send requests. `open` is entered when the gateway opens, never by `check` or `explain`.

    With `shared`, everything that goes to equal upstreams goes through one opened transport; without, each consumed
    namespace has its own, which knows its operations.
    """

    key: str
    open: Callable[[TransportContext], AbstractAsyncContextManager[Send]]
    shared: bool = True
    default: bool = False
    """What requests go through where nothing else is asked for."""
    local: bool = False
    """Nothing leaves the process: what is not configured (a base URI, a credential) is stood in for."""
