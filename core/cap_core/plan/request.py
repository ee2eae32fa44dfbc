"""What a step of a call sends: an operation, the values of its request, and how a body of them is encoded."""

from __future__ import annotations

import msgspec

from cap_core.errors import Mark
from cap_core.plan.upstream import FieldPlace, Operation
from cap_core.plan.values import Value
from cap_core.syntax.yaml_tree import Node


class RequestField(msgspec.Struct, frozen=True):
    """One value of the upstream request: where it lands, what it is, and which place in which file says so."""

    place: FieldPlace
    name: str
    value: Value
    type: str | None
    required: bool
    at: Mark
    node: Node | None = None
    """What the document has written for the value: a consumed `value`, a `with` entry, a body's data. None where it is
    an input, and nothing is written."""


class BodyEncoding(msgspec.Struct, frozen=True):
    """How a `body` or `member` field is encoded: `json`, `form`, `multipart`, `text`, `xml`, `sparql`, `yaml`."""

    type: str = "json"
    at: Mark | None = None
    """Where the document says so; None where it does not."""


class Request(msgspec.Struct, frozen=True):
    """The request of one step, before its values are known."""

    operation: Operation
    fields: tuple[RequestField, ...] = ()
    body: BodyEncoding = BodyEncoding()
