"""What calls bind to: an operation's parameters, path and body, and what it does to the world."""

from __future__ import annotations

from typing import Literal

import msgspec

from cap_core.compile.rejection import Rejection
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.upstream import FieldPlace, Operation
from cap_core.syntax.templates import Var
from cap_core.syntax.yaml_tree import Node

Safety = Literal["safe", "idempotent", "unsafe"]
"""What a repeated call does, as RFC 9110, 9.2 has it: nothing, the same as one, or perhaps more."""


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A consumed parameter, with its place decided."""

    name: str
    place: FieldPlace
    type: str | None
    required: bool
    description: str
    value: Node | None
    """What the document fixes it to; None leaves it to `with` and to callers."""
    pattern: str | None
    enum: tuple[object, ...] | None
    max_length: int | None
    at: Mark


class BodyTemplate(msgspec.Struct, frozen=True):
    """A `body:` block: how it is encoded, and what it is made of (None: of nothing, so there is no body)."""

    type: str
    data: Node | None
    at: Mark


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Something that an exposed operation or a step of a flow calls. Today each is a consumed operation."""

    address: str
    """`namespace.operation`, as `call:` and messages have it."""
    at: Mark
    parameters: tuple[Parameter, ...] = ()
    """What it takes, inherited parameters included, in the order first named."""
    segments: tuple[str | Var, ...] = ()
    """Its path in pieces: text, and placeholders by name."""
    body: BodyTemplate | None = None
    outputs: tuple[DeclaredOutput, ...] = ()
    """What steps see of its answer; empty for all of it."""
    environment: frozenset[str] = frozenset()
    """The parameters that the process environment has, which no caller gives."""
    supplied: frozenset[tuple[str, str]] = frozenset()
    """The (place, lower-case name) pairs that its authentication fills."""
    safety: Safety = "unsafe"
    writes: bool = False
    """Whether its callers may send a body."""
    replaces: bool = False
    """Whether it changes or removes one thing, so that losing an identifier would hit the whole collection."""
    operation: Operation | None = None
    """The consumed operation; None for a target that sends nothing itself."""
    rejection: Rejection | None = None
    """Why it cannot be called at all; None where it can."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """The names of the variables in its path, in order."""
        return tuple(part.name for part in self.segments if isinstance(part, Var))
