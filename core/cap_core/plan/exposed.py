"""What an exposure declares: operations, their inputs and their outputs, before they are bound to what they call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import Mark
from cap_core.syntax.yaml_tree import Node


class DeclaredType(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says of the values of an input or a parameter, or of a part of one, before it is checked."""

    at: Mark
    types: tuple[str, ...] = ()
    """The words of `type`, which may be several."""
    nullable: bool | None = None
    description: str = ""
    pattern: str | None = None
    enum: tuple[Node, ...] | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    min_length: int | None = None
    max_length: int | None = None
    format: str = ""
    default: Node | None = None
    examples: tuple[Node, ...] = ()
    items: DeclaredType | None = None
    properties: tuple[tuple[str, DeclaredType], ...] = ()
    required: tuple[str, ...] = ()
    """The members that an object has to have."""
    marks: Mapping[str, Mark] = {}
    """The place of each key."""

    def mark(self, key: str) -> Mark:
        """The place of a key, or that of the whole."""
        return self.marks.get(key, self.at)

    def over(self, other: DeclaredType) -> DeclaredType:
        """The same, with what `other` says where this says nothing."""
        silent = [name for name in self.__struct_fields__ if getattr(self, name) in (None, "", ())]
        taken = {name: getattr(other, name) for name in silent}
        return msgspec.structs.replace(self, **taken, marks={**other.marks, **self.marks})


class DeclaredInput(msgspec.Struct, frozen=True):
    """An `inputParameters` entry of an exposed operation."""

    name: str
    at: Mark
    of: DeclaredType
    """What its values may be."""
    place: str | None = None
    """`in:`; None leaves it to the rules (`docs/semantics.md`, where a REST input comes from)."""
    required: bool | None = None
    inherited: bool = False
    """Whether a larger part of the document declares it for all its operations, so that it identifies none of them."""


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
    value: Node | None = None
    """What a mock answers with; None where the answer of an upstream is read."""


class DeclaredStep(msgspec.Struct, frozen=True, kw_only=True):
    """One of the `steps` of an exposed operation; the answer of the last one is the answer of the call."""

    name: str
    at: Mark
    call: str | None
    call_at: Mark
    with_: Mapping[str, Node] | None = None


Kind = Literal["operation", "tool"] | str
"""How callers address it: an operation by method and path, a tool by name. Open: an exposure may have others."""


class ExposedOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One operation or tool as an exposure declares it: what the core needs to know to compile its call.

    An exposure plugin makes these from its own part of the document. `detail` belongs to the plugin; the core passes it
    on, untouched, in `Call.exposed`.
    """

    name: str
    kind: Kind
    at: Mark
    call: str | None
    call_at: Mark
    with_: Mapping[str, Node] | None = None
    """The `with` map with its values unparsed; None if the document has none."""
    steps: tuple[DeclaredStep, ...] = ()
    """The operations to call one after the other, instead of one `call`."""
    inputs: tuple[DeclaredInput, ...] = ()
    outputs: tuple[DeclaredOutput, ...] = ()
    description: str = ""
    method: str | None = None
    """The HTTP method of an operation; None for other kinds."""
    path: str | None = None
    """The path template of an operation; None for other kinds."""
    rejection: Diagnostic | None = None
    """Why the exposure itself rejects this operation; None if it does not."""
    unread: tuple[Diagnostic, ...] = ()
    """What would restrict it and cannot be read (`ModelNode.unread` of its parts of the document); it is left out then.
    What of an entry's stands here for none of its operations leaves out all of them."""
    detail: object = None
