"""The request of a step: the operation, the values that are sent, and the encoding of the body."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cap_core.errors import Mark
from cap_core.plan.upstream import FieldPlace, Operation
from cap_core.plan.values import Value
from cap_core.syntax.yaml_tree import Node


class Style(msgspec.Struct, frozen=True):
    """How a list or an object is written as text, where a document says it (`style`, `explode`)."""

    name: str
    explode: bool | None = None


class RequestField(msgspec.Struct, frozen=True):
    """One value of the upstream request: its place and name there, the value, and its mark in the document."""

    place: FieldPlace
    name: str
    value: Value
    type: str | None
    required: bool
    at: Mark
    node: Node | None = None
    """The value in the document: a consumed `value`, a `with` entry, the data of a body. None if the value is an input
    that the document does not write anywhere."""
    style: Style | None = None
    """How a list or an object is written."""
    styles: Mapping[str, Style] = {}
    """The styles of the members of a form, by name."""


class BodyEncoding(msgspec.Struct, frozen=True):
    """How a `body` or `member` field is encoded.

    That is `json`, `form`, `multipart`, `text`, `xml`, `sparql`, `yaml` or `ndjson`.
    """

    type: str = "json"
    at: Mark | None = None
    """The mark of the type in the document; None if the document has none."""


class Request(msgspec.Struct, frozen=True):
    """The request of one step, before its values are known."""

    operation: Operation
    fields: tuple[RequestField, ...] = ()
    body: BodyEncoding = BodyEncoding()
