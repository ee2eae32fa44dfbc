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
    """What a transport is opened for: an upstream, and the consumed operations that are sent there.

    `prefix` is the path of the base URI, which every target starts with. `namespace` is the consumed namespace's key
    (`capability:namespace`), or "" where several share the upstream. `state` is the file in which a
    transport with a state keeps it (`--sandbox-file`); None keeps it in memory.
    """

    upstream: Upstream
    namespace: str = ""
    prefix: str = ""
    operations: tuple[Operation, ...] = ()
    state: Path | None = None


class Transport(msgspec.Struct, frozen=True, kw_only=True):
    """A way to send requests. It is opened when the gateway opens, never by `cap check` or `cap explain`.

    With `shared`, namespaces with equal upstreams share one opened transport; without, each namespace has its own,
    which knows the operations of the namespace.
    """

    key: str
    open: Callable[[TransportContext], AbstractAsyncContextManager[Send]]
    shared: bool = True
    default: bool = False
    """Whether it is used unless another transport is chosen."""
    local: bool = False
    """Whether nothing leaves the process; then base URIs and credentials that are not configured are made up."""
