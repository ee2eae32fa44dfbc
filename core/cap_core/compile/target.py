"""A target: what calls bind to, with its parameters, its path and its body, and whether it changes anything."""

from __future__ import annotations

from typing import Literal

import msgspec

from cap_core.compile.rejection import Rejection
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredOutput, DeclaredType
from cap_core.plan.input_types import InputType
from cap_core.plan.request import Style
from cap_core.plan.upstream import FieldPlace, Operation
from cap_core.syntax.templates import Var
from cap_core.syntax.yaml_tree import Node

Safety = Literal["safe", "idempotent", "unsafe"]
"""Whether a call changes nothing, changes no more when repeated, or may do more each time (RFC 9110, 9.2)."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A consumed parameter, with its place decided."""

    name: str
    place: FieldPlace
    of: InputType
    """What its values may be."""
    written: DeclaredType
    """The same as the document says it."""
    required: bool
    shared: bool = False
    """Whether the API declares it for all its operations: its variables are the operator's, not the caller's."""
    style: Style | None = None
    """How a list or an object is written."""
    value: Node | None
    """Its fixed value in the document; None if `with` or callers give it."""
    at: Mark

    @property
    def type(self) -> str | None:
        """The type of its values, None for any."""
        return self.of.type


class BodyTemplate(msgspec.Struct, frozen=True):
    """A `body:` block: its encoding, and the template of its content (None: an empty body)."""

    type: str
    data: Node | None
    at: Mark


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an exposed operation or a step can call. So far every target is a consumed operation."""

    address: str
    """`namespace.operation`, as `call:` and messages have it."""
    at: Mark
    parameters: tuple[Parameter, ...] = ()
    """What it takes, inherited parameters included, in the order first named."""
    segments: tuple[str | Var, ...] = ()
    """Its path in pieces: text, and placeholders by name."""
    body: BodyTemplate | None = None
    outputs: tuple[DeclaredOutput, ...] = ()
    """What later steps can read of its answer; empty for all of it."""
    environment: frozenset[str] = frozenset()
    """The parameters whose values come from the process environment, and not from callers."""
    supplied: frozenset[tuple[str, str]] = frozenset()
    """The (place, lower-case name) pairs that its authentication fills."""
    safety: Safety = "unsafe"
    writes: bool = False
    """Whether its callers may send a body."""
    replaces: bool = False
    """Whether it changes or removes one resource, so that a lost identifier would affect the entire collection."""
    removes: bool = False
    """Whether it removes a resource, so that a body, which servers skip there, identifies nothing."""
    operation: Operation | None = None
    """The consumed operation; None if the target itself sends no request."""
    rejection: Rejection | None = None
    """Why it cannot be called at all; None if it can."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the variables in its path, in order."""
        return tuple(part.name for part in self.segments if isinstance(part, Var))
