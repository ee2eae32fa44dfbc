"""The model of a capability document, to which every dialect is brought, and which exposure plugins extend.

It is the shape alone; `compile` decides about the meaning. Lists and maps of named things are both lists here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import ClassVar

import msgspec

from cap_core.document.info import Info
from cap_core.document.input_model import InputNode
from cap_core.document.reader import ModelNode
from cap_core.document.unrestricted import DescriptiveNode
from cap_core.document.values import Size
from cap_core.plan.exposed import DeclaredInput, DeclaredOutput
from cap_core.syntax.yaml_tree import Node, Scalar, Seq, resolve

_PATH = re.compile(r"\$(?:[.\[]|$)")


class Bind(DescriptiveNode, frozen=True, kw_only=True):
    """A `binds` entry: names for values from outside."""

    namespace: str = ""
    keys: Node | None = None
    location: str | None = None
    description: str | None = None
    import_: Node | None = msgspec.field(default=None, name="import")
    from_: Node | None = msgspec.field(default=None, name="from")
    as_: Node | None = msgspec.field(default=None, name="as")

    @property
    def imported(self) -> bool:
        """Whether the entry stands in another file."""
        return not {"import", "from"}.isdisjoint(self.given())


class ConsumedParameter(InputNode, frozen=True, kw_only=True):
    """An `inputParameters` entry on the consumed side."""

    in_: str | None = msgspec.field(default=None, name="in")
    value: Node | None = None
    style: str | None = None
    explode: bool | None = None

    @property
    def from_environment(self) -> bool:
        """Whether its value comes from the process environment, and not from callers."""
        return (self.in_ or "").lower() == "environment"


class ConsumedOutput(ModelNode, frozen=True, kw_only=True):
    """An `outputParameters` entry on the consumed side; what steps of an orchestration see."""

    name: str | None = None
    type: str | None = None
    value: Node | None = None
    mapping: str | None = None
    description: str | None = None
    items: Node | None = None
    properties: Node | None = None


class ConsumedOperation(ModelNode, frozen=True, kw_only=True):
    """One consumed operation."""

    name: str
    method: str = ""
    path: str | None = None
    label: str | None = None
    description: str | None = None
    tags: Node | None = None
    inputParameters: tuple[ConsumedParameter, ...] = ()
    outputParameters: tuple[ConsumedOutput, ...] = ()
    outputRawFormat: str | None = None
    outputSchema: str | None = None
    outputMediaType: str | None = None
    maxBinarySize: str | None = None
    body: Node | None = None


class ConsumedResource(ModelNode, frozen=True, kw_only=True):
    """A consumed resource: a path and the operations on it."""

    apart: ClassVar[frozenset[str]] = frozenset({"operations"})

    path: str
    name: str | None = None
    label: str | None = None
    description: str | None = None
    tags: Node | None = None
    inputParameters: tuple[ConsumedParameter, ...] = ()
    operations: tuple[ConsumedOperation, ...] = ()


class ConsumesEntry(ModelNode, frozen=True, kw_only=True):
    """A `consumes` entry: one HTTP API."""

    apart: ClassVar[frozenset[str]] = frozenset({"resources"})

    namespace: str = ""
    type: str = "http"
    import_: Node | None = msgspec.field(default=None, name="import")
    location: Node | None = None
    from_: Node | None = msgspec.field(default=None, name="from")
    as_: Node | None = msgspec.field(default=None, name="as")
    ref: Node | None = None
    baseUri: str | None = None
    description: str | None = None
    authentication: Node | None = None
    tunnel: Node | None = None
    inputParameters: tuple[ConsumedParameter, ...] = ()
    resources: tuple[ConsumedResource, ...] = ()

    @property
    def environment(self) -> Iterator[ConsumedParameter]:
        """All of its parameters whose values come from the process environment."""
        below = (
            p
            for r in self.resources
            for p in (*r.inputParameters, *(q for o in r.operations for q in o.inputParameters))
        )
        return (p for p in (*self.inputParameters, *below) if p.from_environment)

    @property
    def imported(self) -> bool:
        """Whether the entry stands in another file."""
        return not {"import", "location", "from", "ref"}.isdisjoint(self.given())

    @property
    def called(self) -> str:
        """The namespace as calls name it; of an imported entry, the one that it gets in this file."""
        names = (self.namespace, self.as_, self.import_)
        return next((str(name) for name in names if isinstance(name, str) and name), "")


class ExposedParameter(InputNode, frozen=True, kw_only=True):
    """An `inputParameters` entry on the exposed side."""

    in_: str | None = msgspec.field(default=None, name="in")
    value: Node | None = None

    def declared(self) -> DeclaredInput:
        """What the core compiles."""
        return DeclaredInput(name=self.name, at=self.at, of=self.declared_type(), place=self.in_, required=self.needed)


class ExposedOutput(ModelNode, frozen=True, kw_only=True):
    """An `outputParameters` entry on the exposed side; `items` and `properties` nest."""

    name: str | None = None
    type: str | None = None
    mapping: str | None = None
    description: str | None = None
    items: ExposedOutput | None = None
    properties: tuple[ExposedOutput, ...] = ()
    values: ExposedOutput | None = None
    maxLength: Size | None = None
    value: Node | None = None
    const: Node | None = None

    @property
    def path(self) -> str | None:
        """The path of the mapping, which some documents write as a `value`."""
        if self.mapping is None and isinstance(self.value, Scalar) and self.value.startswith("$"):
            return str(self.value)
        return self.mapping

    @property
    def literal(self) -> Node | None:
        """The fixed value with which a mock answers; None if `value` is a path."""
        written = self.const if self.value is None else self.value
        return None if isinstance(written, Scalar) and _PATH.match(written) else written

    def nested(self) -> Iterator[ExposedOutput]:
        """This output and all within it."""
        yield self
        for inner in (*self.properties, *(part for part in (self.items, self.values) if part is not None)):
            yield from inner.nested()

    def declared(self) -> DeclaredOutput:
        """What the core compiles."""
        return DeclaredOutput(
            at=self.mark("mapping" if self.mapping is not None else "value"),
            name=self.name,
            type=self.type,
            mapping=self.path,
            description=self.description or "",
            items=self.items.declared() if self.items else None,
            properties=tuple(p.declared() for p in self.properties),
            values=self.values.declared() if self.values else None,
            max_length=self.maxLength,
            value=self.literal,
        )


class ExposesEntry(ModelNode, frozen=True, kw_only=True):
    """What every `exposes` entry has; an exposure plugin's own model extends it."""

    type: str
    namespace: str = ""
    port: int | None = None
    address: str | None = None
    description: str | None = None
    authentication: Node | None = None


class CapabilityPart(ModelNode, frozen=True, kw_only=True):
    """The `capability` key."""

    apart: ClassVar[frozenset[str]] = frozenset({"consumes"})

    consumes: tuple[ConsumesEntry, ...] = ()
    exposes: Node | None = None
    binds: tuple[Bind, ...] = ()
    aggregates: Node | None = None


class Document(ModelNode, frozen=True, kw_only=True):
    """A whole capability document."""

    apart: ClassVar[frozenset[str]] = frozenset({"capability"})
    describing: ClassVar[frozenset[str]] = frozenset({"info"})

    capability: CapabilityPart
    info: Info | None = None
    binds: tuple[Bind, ...] = ()
    consumes: Node | None = None
    exposes: Node | None = None
    aggregates: Node | None = None
    import_: Node | None = msgspec.field(default=None, name="import")


def texts(node: Node | None) -> tuple[str, ...]:
    """The texts of a list such as `tags`, or of a single text; anything else in it is ignored."""
    return tuple(str(item) for item in _listed(node) or () if isinstance(item, Scalar))


def _listed(node: Node | None) -> Iterable[Node] | None:
    if isinstance(node, Scalar) and resolve(node) is not None:
        return (node,)
    return node if isinstance(node, Seq) else None
