"""Traces each input of a call to the places in the document that declare or name it."""

from __future__ import annotations

import msgspec

from cap_core.errors import Mark
from cap_core.explain.origin import Waypoint, distinct
from cap_core.explain.value_pieces import pieces
from cap_core.plan.call import Call
from cap_core.plan.inputs import Input, Place
from cap_core.plan.values import input_names


class InputTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One input: where a caller gives it, why it is an input, and every place in the document that has a part in it."""

    name: str
    property: str
    """Its name in the JSON Schema."""
    type: str | None
    required: bool
    place: str
    source: str
    at: str
    via: tuple[Waypoint, ...]


def input_traces(call: Call) -> tuple[InputTrace, ...]:
    """Every input of a call."""
    return tuple(_trace(call, item) for item in call.inputs.items)


def _trace(call: Call, item: Input) -> InputTrace:
    return InputTrace(
        name=item.name,
        property=item.property_name,
        type=item.type,
        required=item.required,
        place=", or ".join(_given_at(place, item.wire) for place in (item.place, *item.also)),
        source=_source(call, item),
        at=str(input_mark(call, item)),
        via=distinct([Waypoint("with", str(mark)) for mark in item.named], item.at),
    )


def _source(call: Call, item: Input) -> str:
    if item.declared:
        return "declared"
    if item.opaque:
        return f"the body, handed through: {call.describes.address} declares none"
    if item.named:
        return "named in 'with'"
    if not call.operations:
        return "a placeholder of its own path" if item.place == "path" else "named in a value"
    return f"inferred from {call.describes.address}"


def _given_at(place: Place, wire: str) -> str:
    if place == "path":
        return f"path {{{wire}}}"
    return {"member": f"body /{wire}", "body": "body"}.get(place, f"{place} {wire}")


def input_mark(call: Call, item: Input) -> Mark:
    """The mark of an input: its declaration, else the template that names it, else the mark in the plan."""
    if item.declared:
        return item.at
    for step, field in ((one, field) for one in call.flow.steps for field in one.request.fields):
        if field.node is None or (field.node.mark != field.at and field.name):
            continue
        for piece in pieces(step, field):
            if piece.node is not None and item.name in input_names(piece.value):
                return piece.node.mark
    return item.at
