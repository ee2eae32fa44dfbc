"""What happens when something exposed is called: steps in order, and what becomes of their answers."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.request import Request
from cap_core.plan.values import Value
from cap_core.syntax.yaml_tree import Node


class Decoding(msgspec.Struct, frozen=True):
    """How an answer is read: its format (`outputRawFormat`), and the options struct of that format's mapper."""

    format: str
    options: object = None


class CallStep(msgspec.Struct, frozen=True, kw_only=True):
    """A request to an upstream.

    The answer of a step before the last is its result, which later steps can name; of a format that nobody reads there
    is none (`decode` is None).
    """

    name: str
    request: Request
    with_: Mapping[str, Node] | None = None
    """Its `with` map as it stands in the document, for `cap explain`."""
    decode: Decoding | None = None
    """None where the answer goes through untouched."""
    outputs: tuple[DeclaredOutput, ...] = ()
    """What of the answer is the step's result: the outputs that the consumed operation declares; empty for all of
    it."""


Step = CallStep
"""A step of a flow. Other kinds (a lookup, a script) join here."""


class PassThrough(msgspec.Struct, frozen=True):
    """The answer of the last step goes through untouched."""


class Mapped(msgspec.Struct, frozen=True):
    """Outputs are read from the answer of the last step."""

    outputs: tuple[DeclaredOutput, ...]


class Composed(msgspec.Struct, frozen=True):
    """A value that no upstream gave, brought to the types of its outputs: a mock."""

    value: Value
    outputs: tuple[DeclaredOutput, ...]


Result = PassThrough | Mapped | Composed


class Flow(msgspec.Struct, frozen=True):
    """The steps of a call, in order, and its result. An ordinary call has one step, a mock none."""

    steps: tuple[Step, ...]
    result: Result
