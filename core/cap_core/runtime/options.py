"""The options for running calls: time limits, TLS, proxies, sizes, the transport."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from cap_core.plan.upstream import Consumed, Timeouts, Tls
from cap_core.plugins.exposure import Limits


class UpstreamOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options of one namespace's upstream."""

    timeouts: Timeouts = Timeouts()
    tls: Tls = Tls()
    proxy: str | None = None
    """An http(s) proxy to go through; None for the one that the environment names, if any."""
    connections: int = 0
    """The most connections at one time; 0 for no limit."""


class OpenOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The options for running calls. `upstreams` by namespace or `capability:namespace`."""

    allow_plaintext: frozenset[str] = frozenset()
    """The namespaces, by either key, whose credentials may go over plain http."""
    upstreams: Mapping[str, UpstreamOptions] = {}
    collecting: float = 120.0
    """Seconds for a call whose answer is collected before it goes on (mapped ones, tools, `cap call`), unless the total
    of the upstream says otherwise."""
    strict_outputs: bool = False
    """Whether an output mapping that finds nothing is an error (502)."""
    keep_going: bool = False
    """Whether calls are opened whose variables cannot be fetched; they answer 503."""
    limits: Limits = Limits()
    transport: str = ""
    """The key of the transport; "" for the default one."""
    state: Path | None = None
    """The file in which a transport that keeps state keeps it."""

    def upstream(self, consumed: Consumed) -> UpstreamOptions:
        """The options of a namespace; the more exact key first."""
        return self.upstreams.get(consumed.key) or self.upstreams.get(consumed.namespace) or UpstreamOptions()

    def plaintext(self, consumed: Consumed) -> bool:
        """Whether this namespace's credentials may go over plain http."""
        return bool({consumed.key, consumed.namespace} & self.allow_plaintext)
