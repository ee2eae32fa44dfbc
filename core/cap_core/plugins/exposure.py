"""Exposure types: how they read their part of a document, and what they serve on a listener."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Generic, Protocol

import msgspec

from cap_core.errors import Mark
from cap_core.plugins.context import Run
from cap_core.plugins.messages import Caller, Endpoint, Scope

if TYPE_CHECKING:
    from cap_core.diagnostics.reporter import Reporter
    from cap_core.plan.exposed import ExposedOperation
    from cap_core.plan.plan import ExposurePlan
from cap_core.plugins.auth import O


class ExposeContext(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry of which document is read."""

    capability: str
    namespace: str
    at: Mark
    report: Reporter
    """Reports a diagnostic: code, place, message, and perhaps a hint."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a mounted exposure.

    `template` is a raw path with `{placeholder}`s (whole or partial segments). A route is served at `prefix +
    template`, and with `bare` also at `template`, unless a route of another capability has the same shape. `prefix`
    holds the capability's name, so it is unique. `guard` is the key of the exposure whose check callers must pass, or
    None if the endpoint authenticates them itself. A `fallback` counts only where nothing else has the path.
    """

    method: str
    """An HTTP method, or `*` for all of them (the endpoint answers 405 itself)."""
    template: str
    endpoint: Endpoint
    owner: str
    """The capability's name, for people."""
    prefix: str = ""
    bare: bool = True
    guard: str | None = None
    fallback: bool = False


class MountedExposure(msgspec.Struct, frozen=True, kw_only=True):
    """What an exposure type serves on one listener, as data; the core routes the requests."""

    routes: tuple[Route, ...] = ()
    openapi: Callable[[frozenset[str]], Mapping[str, object]] | None = None
    """The OpenAPI `paths` and `components` for these exposures (`ExposurePlan.key`)."""
    addresses: Mapping[str, str] = {}
    """Addresses by their name for people ("MCP endpoint" → "/mcp")."""
    tools: int = 0
    """How many tools are listed, for the ready line."""
    drain: Callable[[], None] | None = None
    """Called before the gateway stops, to end every open stream."""
    replaced: Callable[[], None] | None = None
    """Called when a newer generation has taken over."""


class Authenticator(Protocol):
    """Authenticates callers, for endpoints that do it themselves."""

    async def authenticate(self, exposure: str, scope: Scope, headers: Mapping[bytes, bytes]) -> Caller | None:
        """Check the caller of a request to an exposure; the `Caller`, or None where anybody may call.

        Raises `Refusal` 401 or 403, and 500 if the check itself fails.
        """
        ...

    @property
    def public_url(self) -> str:
        """The listener's address in metadata: scheme, host and port, without a trailing slash."""
        ...


class AttachContext(msgspec.Struct, frozen=True, kw_only=True):
    """One listener's exposures of one type, with the compiled calls behind them, by `Call.key`."""

    exposures: tuple[ExposurePlan, ...]
    runs: Mapping[str, Run]
    authenticator: Authenticator
    limits: Limits
    upstreams: Mapping[str, str] = {}
    """The addresses of the upstreams that can be called, as URIs without a slash at the end, by `Consumed.key`."""


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes."""

    body: int = 10 * 1024 * 1024
    """The largest request body that is parsed."""
    answer: int = 10 * 1024 * 1024
    """The largest answer that is held whole: mapped outputs, MCP results."""


class Exposure(msgspec.Struct, Generic[O], frozen=True, kw_only=True):
    """One `exposes[].type`.

    `options` is the model of the entry, which `cap_core.document.reader` reads; `declared` gives the operations to
    compile; `attach` mounts the compiled exposures of one listener.
    """

    key: str
    options: type[O]
    default_port: int
    declared: Callable[[O, ExposeContext], Iterable[ExposedOperation]]
    attach: Callable[[AttachContext], MountedExposure]
