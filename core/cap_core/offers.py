"""What plugins offer: the objects that answer the hooks.

Every callable a plugin gives takes one struct of context (`SignAt`, `CheckAt`, …) to which fields are only ever added;
that is what keeps plugins working from one release to the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import msgspec

from cap_core.errors import Mark
from cap_core.types import AsgiApp, Caller, Check, Endpoint, Headers, Run, Send
from cap_core.variables import Source

if TYPE_CHECKING:
    from cap_core.codes import Code
    from cap_core.plan import CapabilityPlan, DeclaredOutput, Exposed, ExposurePlan, Operation, Upstream
    from cap_core.report import Diagnostic
    from cap_core.reporter import Reporter

O = TypeVar("O")  # noqa: E741  (the options struct of an offer; the name is the design's)


# --- capabilities -------------------------------------------------------------------------------------------------


class CapabilitySource(msgspec.Struct, frozen=True):
    """An installed capability document.

    `name` is what the command line, the route prefix and `/mcp/<name>` call it. `defaults` are bindings (`NAME` or
    `namespace.NAME`) that hold unless the environment or `--set` says otherwise.
    """

    name: str
    document: Path
    defaults: Mapping[str, str] = {}


# --- authentication -----------------------------------------------------------------------------------------------


class Credentials(msgspec.Struct, frozen=True):
    """What is added to every request: headers, query parameters, cookies, members of a JSON body."""

    headers: Headers = ()
    query: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()
    members: tuple[tuple[str, str], ...] = ()


class Flow(msgspec.Struct, frozen=True):
    """Credentials that take an exchange of their own: `wrap` surrounds the sending, `shown` is for `cap explain`."""

    shown: Credentials
    wrap: Callable[[Send], Send]


class SignAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where credentials are needed: which namespace of which capability."""

    capability: str
    namespace: str
    variables: Mapping[str, str] = {}
    """The names of the variables behind each option, for messages."""
    masked: bool = False
    """Whether the values are masks: then `sign` shows what the options it has would send, and asks no more of them."""


class CheckAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where callers are checked. `realm` goes into `WWW-Authenticate`."""

    capability: str
    namespace: str
    realm: str
    masked: bool = False
    """Whether the values are masks: then `check` says whether the options fit, and its function is never called."""


class AuthScheme(msgspec.Struct, Generic[O], frozen=True, kw_only=True):
    """One `authentication.type`, in either direction; a direction that is None is refused with the line.

    `options` is a msgspec struct; templates in it are already expanded when `sign` and `check` see them. Both raise
    `OptionError`. Both are pure: they are also called with masked values, to show what would be sent, and whether the
    options fit.
    """

    key: str
    options: type[O]
    sign: Callable[[O, SignAt], Credentials | Flow] | None = None
    check: Callable[[O, CheckAt], Check] | None = None
    optional: frozenset[str] = frozenset()
    """Options that are absent where a variable in them is not set; a variable of any other option has to be set."""
    caller_option: Callable[[str], Mapping[str, object]] | None = None
    """Options from the text behind `--caller-auth TYPE:`; None where the flag does not fit this type."""


# --- output -------------------------------------------------------------------------------------------------------


class OutputAt(msgspec.Struct, frozen=True, kw_only=True):
    """Which operation's answers are decoded, and the outputs that are read from them."""

    operation: Operation
    outputs: tuple[DeclaredOutput, ...] = ()


class OutputMapper(msgspec.Struct, Generic[O], frozen=True, kw_only=True):
    """One `outputRawFormat`.

    `options` is a msgspec struct of what the document says beside the format: `outputSchema`, `outputMediaType`,
    `maxBinarySize`. A field of type `Path` is a file, which the host has found where the document may read.

    `compile` gives a function from an answer's bytes and its content type to JSON-like data; it raises `OptionError`,
    with the option "" where nothing in the document could help, as for a library that is not installed. The function
    is pure, and raises `ValueError` for bytes that are not of its format; the host bounds their size.
    """

    key: str
    options: type[O]
    compile: Callable[[O, OutputAt], Callable[[bytes, str | None], object]]


# --- exposures ----------------------------------------------------------------------------------------------------


class ExposeAt(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry of which document is read."""

    capability: str
    namespace: str
    at: Mark
    report: Reporter
    """Reports a diagnostic: code, place, message, and perhaps a hint."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One address of a face.

    `template` is a raw path with `{placeholder}`s (whole or partial segments). A route lives at `prefix + template`;
    with `bare` it also lives at `template` while no other capability's route has that shape. `prefix` holds the
    capability's name, so it never clashes. `guard` is the exposure whose callers may enter (their key), or None
    if the endpoint asks its callers itself.
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


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """What an exposure type gives one listener: data, which the host routes."""

    routes: tuple[Route, ...] = ()
    openapi: Callable[[frozenset[str]], Mapping[str, object]] | None = None
    """The OpenAPI `paths` and `components` for these exposures (`ExposurePlan.key`)."""
    addresses: Mapping[str, str] = {}
    """For people: what stands where ("MCP endpoint" → "/mcp")."""
    tools: int = 0
    """How many tools are listed, for the ready line."""
    drain: Callable[[], None] | None = None
    """Told before the gateway stops: end every open stream."""
    replaced: Callable[[], None] | None = None
    """Told when a newer generation has taken over."""


class Authenticator(Protocol):
    """What the core does for an exposure's endpoints: it checks their callers."""

    async def authenticate(
        self, exposure: str, scope: Mapping[str, object], headers: Mapping[bytes, bytes]
    ) -> Caller | None:
        """Check the caller of a request to an exposure; the `Caller`, or None where anybody may call.

        Raises `Refusal` 401 or 403.
        """
        ...

    @property
    def public_url(self) -> str:
        """What the listener calls itself in metadata: scheme, host and port, without a trailing slash."""
        ...


class AttachAt(msgspec.Struct, frozen=True, kw_only=True):
    """One listener's exposures of one type, with the compiled calls behind them, by `Call.key`."""

    exposures: tuple[ExposurePlan, ...]
    runs: Mapping[str, Run]
    host: Authenticator
    limits: Limits


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes."""

    body: int = 10 * 1024 * 1024
    """The largest request body that is parsed."""
    answer: int = 10 * 1024 * 1024
    """The largest answer that is held whole: mapped outputs, MCP results."""


class Exposure(msgspec.Struct, Generic[O], frozen=True, kw_only=True):
    """One `exposes[].type`.

    `options` is the model of the entry (read with marks by `cap_core.reader`), `declared` turns it into what the core
    compiles, `attach` turns the compiled exposures of one listener into a face.
    """

    key: str
    options: type[O]
    default_port: int
    declared: Callable[[O, ExposeAt], Iterable[Exposed]]
    attach: Callable[[AttachAt], Face]


# --- bindings -----------------------------------------------------------------------------------------------------


class BindAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where a `binds` entry stands, and below which directories its files may lie, in the order they are tried."""

    capability: str
    namespace: str
    at: Mark
    directories: tuple[Path, ...]
    allowed: tuple[Path, ...]


class BindingResolver(msgspec.Struct, frozen=True, kw_only=True):
    """One scheme of `binds[].location` (`file`); the empty key is for entries without a location.

    `parse` raises `OptionError` for a location it cannot use. `local` says that reading needs no network, so that
    `cap check` may look whether a variable is set.
    """

    key: str
    parse: Callable[[str, BindAt], Source]
    local: bool = False


# --- transports and interceptors ------------------------------------------------------------------------------------


class OpenAt(msgspec.Struct, frozen=True, kw_only=True):
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
    open: Callable[[OpenAt], AbstractAsyncContextManager[Send]]
    shared: bool = True
    default: bool = False
    """What requests go through where nothing else is asked for."""
    local: bool = False
    """Nothing leaves the process: what is not configured (a base URI, a credential) is stood in for."""


def _same_run(call: object, run: Run) -> Run:
    return run


def _same_send(operation: object, send: Send) -> Send:
    return send


class Interceptor(msgspec.Struct, frozen=True, kw_only=True):
    """Functions around a call and around a sending; one that returns its argument costs nothing.

    `wrap_call` surrounds each exposed call once, whatever door it came through; `wrap_send` each upstream operation,
    once per attempt where something inside it retries.
    """

    key: str
    wrap_call: Callable[[object, Run], Run] = _same_run
    wrap_send: Callable[[Operation, Send], Send] = _same_send


class DiagnosticRule(msgspec.Struct, frozen=True, kw_only=True):
    """A lint rule over a compiled document, with the codes it may say; these join the table of all codes."""

    key: str
    codes: tuple[Code, ...]
    diagnose: Callable[[CapabilityPlan], Iterable[Diagnostic]]


class AsgiWrapper(msgspec.Struct, frozen=True, kw_only=True):
    """Wraps a listener's whole app, outermost."""

    key: str
    wrap: Callable[[AsgiApp], AsgiApp]
