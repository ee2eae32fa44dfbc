"""What compiling gives: frozen data that says everything a request needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

from cap_core.documents import Node
from cap_core.errors import Mark
from cap_core.report import Diagnostic
from cap_core.templates import Var

if TYPE_CHECKING:
    from cap_core.inputs import Inputs
    from cap_core.variables import Variable

# --- where a value comes from -------------------------------------------------------------------------------------


class Binding(msgspec.Struct, frozen=True):
    """A variable of a `binds` entry, of `--set`, or one that nothing declares (`declared` is False)."""

    name: str
    """As messages name it: `API_KEY`, or the undeclared template's own text."""
    namespace: str = ""
    declared: bool = True


class InputRef(msgspec.Struct, frozen=True):
    """The caller's input of this name; absent means nothing is sent."""

    name: str


class StepRef(msgspec.Struct, frozen=True):
    """What an earlier step of the same call gave; absent where the path finds nothing, or `null`."""

    step: str
    path: str
    """A JSONPath into the step's result; `$` is the whole of it."""


class Constant(msgspec.Struct, frozen=True):
    """A value the document's author wrote."""

    value: object


class Template(msgspec.Struct, frozen=True):
    """Text with variables. A template of one variable and nothing else keeps that variable's JSON type."""

    parts: tuple[str | InputRef | Binding | StepRef, ...]


class Tree(msgspec.Struct, frozen=True):
    """A list or an object with values inside: the body templates. Absent members are dropped."""

    items: tuple[tuple[str, Value], ...] | tuple[Value, ...]
    keyed: bool


Value = InputRef | StepRef | Constant | Template | Tree | Binding


class RequestField(msgspec.Struct, frozen=True):
    """One value of the upstream request: where it lands, what it is, and which place in which file said so."""

    place: FieldPlace
    name: str
    value: Value
    type: str | None
    required: bool
    at: Mark
    node: Node | None = None
    """What the document has written for the value: a consumed `value`, a `with` entry, a body's data. None where it is
    an input, and nothing is written."""


FieldPlace = Literal["path", "query", "header", "cookie", "member", "body"]
"""`member` is a member of a JSON body, `body` the whole of it."""

# --- what is consumed ---------------------------------------------------------------------------------------------


class Timeouts(msgspec.Struct, frozen=True):
    """Seconds: until there is a connection to send on (the wait for a free one included), until the first byte of the
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
    """An `authentication` block: its type, its options with their templates unexpanded, and where each stands."""

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

    @property
    def key(self) -> str:
        """Unique among everything served; the same namespace twice has the same key twice."""
        return f"{self.capability}:{self.namespace}"


class OperationParameter(msgspec.Struct, frozen=True):
    """A parameter that a consumed operation declares: its name, where it lands, and its type where that is known."""

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
    """Where the path stands: the resource's, and the operation's own."""
    parameters: tuple[OperationParameter, ...] = ()
    """What the operation declares, inherited parameters included, in the order first named."""
    output: Mapping[str, str] = {}
    """What the document says beside the format, as it says it: `outputSchema`, `outputMediaType`, `maxBinarySize`."""
    marks: Mapping[str, Mark] = {}
    """Where the value of each of its keys stands."""
    label: str = ""
    tags: tuple[str, ...] = ()
    """Its resource's, then its own."""
    resource: str = ""
    """What people call its resource: its label, or its name."""

    @property
    def address(self) -> str:
        """`namespace.operation`, as `call:` and the command line say it."""
        return f"{self.consumed.namespace}.{self.name}"


# --- what is exposed ----------------------------------------------------------------------------------------------


class DeclaredInput(msgspec.Struct, frozen=True):
    """An `inputParameters` entry of an exposed operation."""

    name: str
    at: Mark
    place: str | None = None
    """`in:`; None leaves it to the rules (`docs/semantics.md`, where a REST input comes from)."""
    type: str | None = None
    description: str = ""
    required: bool | None = None
    pattern: str | None = None
    enum: tuple[object, ...] | None = None
    max_length: int | None = None
    """The most characters of a text."""


class DeclaredOutput(msgspec.Struct, frozen=True):
    """An `outputParameters` entry of an exposed operation, nested ones included."""

    at: Mark
    name: str | None = None
    type: str | None = None
    mapping: str | None = None
    description: str = ""
    items: DeclaredOutput | None = None
    properties: tuple[DeclaredOutput, ...] = ()
    values: DeclaredOutput | None = None
    """What each value of an object with any names becomes."""
    max_length: int | None = None
    """The characters after which a text is cut."""


class Exposed(msgspec.Struct, frozen=True, kw_only=True):
    """One operation or tool as an exposure declares it: what the core needs to know to compile its call.

    An exposure plugin makes these from its own part of the document. `detail` is the plugin's own and comes back
    untouched in `Call.exposed`.
    """

    name: str
    at: Mark
    call: str | None
    call_at: Mark
    with_: Mapping[str, Node] | None = None
    """The `with` map, its values as they stand in the document; None where the document has none."""
    inputs: tuple[DeclaredInput, ...] = ()
    outputs: tuple[DeclaredOutput, ...] = ()
    description: str = ""
    method: str | None = None
    """The HTTP method of a REST operation; None where there is none (a tool)."""
    path: str | None = None
    """The path template of a REST operation; None where there is none."""
    rejection: Diagnostic | None = None
    """Why the exposure itself leaves this operation out; None where it does not."""
    detail: object = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An exposed operation or tool bound to a consumed operation."""

    key: str
    """Unique among everything served: `capability/exposure namespace/method path or tool name`."""
    exposed: Exposed
    operation: Operation
    inputs: Inputs
    fields: tuple[RequestField, ...]
    outputs: tuple[DeclaredOutput, ...]
    """Empty for identity: the upstream's bytes go through untouched."""
    body_type: str = "json"
    """How a `body` or `member` field is encoded: `json`, `form`, `multipart`, `text`, `xml`, `sparql`, `yaml`."""
    output_options: object = None
    """The options struct of the format that the answer is decoded from; None on identity."""
    body_at: Mark | None = None
    """Where the document says how the body is encoded; None where it does not."""
    notes: tuple[Diagnostic, ...] = ()
    """What there was to say while it was compiled: what was inferred, matched, chosen."""

    @property
    def identity(self) -> bool:
        """Whether the upstream's answer goes through untouched."""
        return not self.outputs


class RejectedOperation(msgspec.Struct, frozen=True):
    """An exposed operation that is left out, with the diagnostic that says why."""

    exposed: Exposed
    why: Diagnostic
    notes: tuple[Diagnostic, ...] = ()
    """What else there was to say while it was compiled."""


class Stakeholder(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody a capability matters to."""

    role: str = ""
    fullName: str = ""
    email: str = ""


class About(msgspec.Struct, frozen=True):
    """What a capability says of itself."""

    name: str
    title: str
    description: str
    version: str
    file: str
    tags: tuple[str, ...] = ()
    created: str = ""
    modified: str = ""
    stakeholders: tuple[Stakeholder, ...] = ()


class ExposurePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One `exposes` entry, compiled."""

    about: About
    key: str
    """Unique among everything served."""
    type: str
    namespace: str
    description: str
    port: int
    at: Mark
    calls: tuple[Call, ...]
    rejected: tuple[RejectedOperation, ...]
    authentication: Authentication | None
    options: object
    """The plugin's own options struct."""


class CapabilityPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One document, compiled."""

    about: About
    consumed: tuple[Consumed, ...]
    operations: tuple[Operation, ...]
    exposures: tuple[ExposurePlan, ...]
    variables: tuple[Variable, ...]
    """Every name the document may read from outside."""
    diagnostics: tuple[Diagnostic, ...]
    """Everything that was said, each at its own place."""


class Plan(msgspec.Struct, frozen=True):
    """Everything that is served, compiled. Read-only and shared by all requests."""

    capabilities: tuple[CapabilityPlan, ...]

    @property
    def exposures(self) -> tuple[ExposurePlan, ...]:
        """Every exposure of every capability, in order."""
        return tuple(e for capability in self.capabilities for e in capability.exposures)
