"""The origins of the values in a request's path, query, headers, cookies and body."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from cap_core.errors import Mark
from cap_core.explain.input_origins import input_mark
from cap_core.explain.origin import Origin, Waypoint, bindings_in, distinct, variable_steps
from cap_core.explain.step_results import named_results
from cap_core.explain.value_pieces import Piece, pieces
from cap_core.plan.call import Call
from cap_core.plan.flow import CallStep
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.request import RequestField
from cap_core.plan.values import Binding, Constant, InputRef, StepRef, Tree, Value, leaves
from cap_core.plugins.messages import Entity
from cap_core.runtime.refusals import origin_of
from cap_core.runtime.values import ABSENT, Frame, as_text, compile_text


def value_origins(
    plan: CapabilityPlan, call: Call, step: CallStep, inputs: Mapping[str, object], masks: Mapping[Binding, str]
) -> Iterator[Origin]:
    """The origin of each value of a step's request. `inputs` are the caller's, `masks` what is shown for variables."""
    for field in step.request.fields:
        for piece in pieces(step, field):
            at = piece.node.mark if piece.node is not None else field.at
            shown = _shown(compile_text(named_results(piece.value), masks)(Frame(inputs)))
            source = _source(plan, piece.value) + (_ABSENT if shown is None and _varies(piece.value) else "")
            yield Origin(piece.place, shown, source, str(at), distinct(_steps(plan, call, field, piece, at), at))


_ABSENT = ", absent: not sent"


def _shown(value: object) -> str | None:
    if value is ABSENT:
        return None
    if isinstance(value, Entity):
        return value.body.decode("utf-8", "replace") if isinstance(value.body, bytes) else None
    return as_text(value) if isinstance(value, str | msgspec.Raw) else msgspec.json.encode(value).decode()


def _varies(value: Value) -> bool:
    return not isinstance(value, Constant | Tree)


def _source(plan: CapabilityPlan, value: Value) -> str:
    if not _varies(value):
        return "literal in the document"
    names = [leaf.name for leaf in leaves(value) if isinstance(leaf, InputRef)]
    words = [f"input {', '.join(names)}"] if names else []
    steps = dict.fromkeys(leaf.step for leaf in leaves(value) if isinstance(leaf, StepRef))
    words += [f"result of step {name}" for name in steps]
    return ", ".join([*words, *(origin_of(binding, plan) for binding in bindings_in(value))])


def _steps(plan: CapabilityPlan, call: Call, field: RequestField, piece: Piece, at: Mark) -> Iterator[Waypoint]:
    if piece.template is not None:
        yield Waypoint("the template", str(piece.template))
    if field.at != at and field.name:  # a body has no name; its block is where its type comes from
        yield Waypoint(f"parameter {field.name}", str(field.at))
    used = [leaf.name for leaf in leaves(piece.value) if isinstance(leaf, InputRef)]
    for item in (item for item in call.inputs.items if item.name in used):
        yield from (Waypoint(f"with, for {item.name}", str(mark)) for mark in item.named if mark != at)
        yield Waypoint(f"input {item.name}", str(input_mark(call, item)))
    yield from variable_steps(plan, bindings_in(piece.value))
