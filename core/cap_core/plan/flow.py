"""A flow: the steps of a call in order, and the result that is made of their answers."""

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
    """A step that sends a request to an upstream.

    The decoded answer of a step before the last is its result, which later steps can refer to.
    """

    name: str
    request: Request
    with_: Mapping[str, Node] | None = None
    """Its `with` map, unparsed, for `cap explain`."""
    decode: Decoding | None = None
    """How the answer is decoded; None if it is passed through untouched."""
    outputs: tuple[DeclaredOutput, ...] = ()
    """The outputs that make up the step's result, as the consumed operation declares them; empty: the whole answer."""


Step = CallStep
"""A step of a flow. Further kinds (a lookup, a script) are added to this union."""


class PassThrough(msgspec.Struct, frozen=True):
    """The answer of the last step is passed through untouched."""


class Mapped(msgspec.Struct, frozen=True):
    """Outputs are read from the answer of the last step."""

    outputs: tuple[DeclaredOutput, ...]


class Composed(msgspec.Struct, frozen=True):
    """The result of a mock: a value of the document, converted to the types of its outputs."""

    value: Value
    outputs: tuple[DeclaredOutput, ...]


Result = PassThrough | Mapped | Composed


class Flow(msgspec.Struct, frozen=True):
    """The steps of a call, in order, and its result. An ordinary call has one step, a mock none."""

    steps: tuple[Step, ...]
    result: Result
