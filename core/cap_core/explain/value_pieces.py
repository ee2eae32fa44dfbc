"""Splits a value of a request into pieces, each with its place and its node in the document."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cap_core.errors import Mark
from cap_core.plan.flow import CallStep
from cap_core.plan.request import RequestField
from cap_core.plan.values import InputRef, Template, Tree, Value
from cap_core.syntax.names import match
from cap_core.syntax.templates import parse
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq


class Piece(msgspec.Struct, frozen=True):
    """One piece of a value.

    `place` is a JSON pointer below the body (RFC 6901), or else the place and name of the field. `template` is the mark
    of the consumed template, if a `with` entry supplies the value of its variable.
    """

    place: str
    value: Value
    node: Node | None
    template: Mark | None = None


def pieces(step: CallStep, field: RequestField) -> Iterator[Piece]:
    """The pieces of a field: the leaves of a body template; any other value is one piece."""
    label = {"member": "body /", "body": "body"}.get(field.place, f"{field.place} ")
    place = label + (field.name if field.place != "body" else "")
    return _pieces(step, Piece(place, field.value, field.node))


def _pieces(step: CallStep, piece: Piece) -> Iterator[Piece]:
    entry = None
    if isinstance(piece.node, Scalar) and not isinstance(piece.value, InputRef | Template):
        entry = _with_entry(step, piece.node)
    if entry is not None:
        assert piece.node is not None
        piece = msgspec.structs.replace(piece, node=entry, template=piece.node.mark)
    if not isinstance(piece.value, Tree) or not piece.value.items:
        yield piece
        return
    start = piece.place + ("" if piece.place.endswith("/") else " /" if piece.place == "body" else "/")
    for position, item in enumerate(piece.value.items):
        name, value = item if isinstance(item, tuple) else (str(position), item)
        pointer = name.replace("~", "~0").replace("/", "~1")  # RFC 6901, 3
        yield from _pieces(step, Piece(start + pointer, value, _member(piece.node, name, position), piece.template))


def _with_entry(step: CallStep, template: Scalar) -> Node | None:
    """The `with` entry for the variable of a consumed template, if there is one."""
    entries = step.with_ or {}
    if "{{" not in template or any(template is node for node in entries.values()):
        return None
    for part in parse(template):
        name = "" if isinstance(part, str) else part.name
        key = match(name.partition(".")[2] or name, entries) if name else None
        if key is not None:
            return entries[key]
    return None


def _member(node: Node | None, name: str, position: int) -> Node | None:
    if isinstance(node, Map):
        return node.get(Scalar(name, node.mark))
    return node[position] if isinstance(node, Seq) and position < len(node) else node
