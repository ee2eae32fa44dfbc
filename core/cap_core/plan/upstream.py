"""The consumed side: an API's address, its credentials and its operations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from cap_core.errors import Mark
from cap_core.plan.values import Template, Value
from cap_core.syntax.templates import Var

FieldPlace = Literal["path", "query", "header", "cookie", "member", "body"]
"""`member` is a member of a JSON body, `body` the whole of it."""


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds: until there is a connection to send on (the wait for a free one included), until the head of the
    answer, between two bytes, and overall (None: no limit)."""

    connect: float = 5.0
    first_byte: float = 60.0
    idle: float = 60.0
    total: float | None = None


class Tls(msgspec.Struct, frozen=True):
    """Files for TLS towards an upstream: a CA bundle instead of the system's, and a client certificate with its key."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    versions: tuple[int, ...] = ()
    """When these files were written. A renewed one makes another upstream, whose connections are opened anew."""


class Upstream(msgspec.Struct, frozen=True):
    """Where requests go and how: the identity of a pool. Equal upstreams share one, also across a reload."""

    scheme: Literal["http", "https"]
    host: str
    port: int
    timeouts: Timeouts = Timeouts()
    tls: Tls = Tls()
    proxy: str | None = None
    """An http(s) proxy to go through, or None."""
    connections: int = 0
    """The most connections at one time; 0 for no limit."""


class Authentication(msgspec.Struct, frozen=True):
    """An `authentication` block: its type, its options with their templates unexpanded, and the mark of each."""

    type: str
    options: Mapping[str, Value]
    at: Mark
    marks: Mapping[str, Mark]
    origin: str = "document"
    """`document`, or the flag or file that added it."""


class Consumed(msgspec.Struct, frozen=True):
    """A `consumes` entry: a namespace with its base address and credentials."""

    capability: str
    namespace: str
    base: Template | None
    """The base URI; None where the document and the command line name none."""
    base_origin: str
    """Where the base URI came from: a place in the document, or the flag that replaced it."""
    authentication: Authentication | None
    at: Mark
    description: str = ""
    declared: str = ""
    """The base URI as the document has it, whatever replaces it."""

    @property
    def key(self) -> str:
        """Unique among everything served; the same namespace twice has the same key twice."""
        return f"{self.capability}:{self.namespace}"


class OperationParameter(msgspec.Struct, frozen=True):
    """A parameter that a consumed operation declares: its name, its place in the request, and its type if known."""

    name: str
    place: FieldPlace
    type: str | None


class Operation(msgspec.Struct, frozen=True):
    """One consumed operation: one HTTP call."""

    name: str
    method: str
    path: str
    """As the document spells it, operation-level path included, without its literal query."""
    segments: tuple[str | Var, ...]
    """The path in pieces: text, and placeholders by name."""
    query: str
    """The literal query of the path ("" for none); query inputs follow it."""
    consumed: Consumed
    description: str
    format: str
    """`outputRawFormat`, in lower case."""
    at: Mark
    path_at: tuple[Mark, ...] = ()
    """The marks of the path: that of the resource's part, and that of the operation's own."""
    parameters: tuple[OperationParameter, ...] = ()
    """What the operation declares, inherited parameters included, in the order first named."""
    output: Mapping[str, str] = {}
    """The keys beside the format, unparsed: `outputSchema`, `outputMediaType`, `maxBinarySize`."""
    marks: Mapping[str, Mark] = {}
    """The mark of each of its keys."""
    label: str = ""
    tags: tuple[str, ...] = ()
    """Its resource's, then its own."""
    resource: str = ""
    """The label of its resource, or the resource's name."""

    @property
    def address(self) -> str:
        """`namespace.operation`, as in `call:` and on the command line."""
        return f"{self.consumed.namespace}.{self.name}"
