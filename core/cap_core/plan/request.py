"""One value of an upstream request: where it lands, what it is, and which place in which file says so."""

from __future__ import annotations

from typing import Literal

import msgspec

from cap_core.errors import Mark
from cap_core.plan.values import Value
from cap_core.syntax.yaml_tree import Node


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
