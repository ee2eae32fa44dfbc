"""The values of a request as they are bound, each with what binding it found out, and the inputs they mention."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property

import msgspec

from cap_core.compile.assignments import Assignments
from cap_core.compile.scope import Scope
from cap_core.compile.target import Parameter, Target
from cap_core.errors import Mark
from cap_core.plan.request import RequestField
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import Constant, InputRef, Value, input_names
from cap_core.syntax.yaml_tree import Node, Scalar

_TEXT_PLACES = frozenset({"path", "query", "header", "cookie"})
_DECIMAL = re.compile(r"[-+]?[0-9][0-9.eE+-]*", re.ASCII)


class BoundField(msgspec.Struct, frozen=True, kw_only=True):
    """A value of the request, with what was found out when it was bound."""

    field: RequestField
    parameter: Parameter | None = None
    """The declared parameter it is the value of."""
    keys: tuple[str, ...] = ()
    """The keys of `with` that it uses up."""
    inferred: tuple[str, ...] = ()
    """The inputs that nobody names, taken over from the target."""
    typed: tuple[tuple[str, Parameter], ...] = ()
    """Inputs of a body template, each with the `in: body` parameter of its variable."""


class Bound(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The values that the parameters, the path and the body of a target ask for."""

    target: Target
    scope: Scope
    parameters: tuple[Parameter, ...]
    """The target's parameters without those that are not a caller's to give."""
    assignments: Assignments
    fields: tuple[BoundField, ...]
    body_type: str = "json"

    @cached_property
    def used(self) -> frozenset[str]:
        """The keys of `with` that a value uses."""
        return frozenset(key for bound in self.fields for key in bound.keys)


def request_field(
    place: FieldPlace,
    name: str,
    item: Value,
    at: Mark,
    *,
    node: Node | None = None,
    type_: str | None = None,
    required: bool = False,
) -> RequestField:
    """A value at its place; in a place for text, a number stays as its author wrote it: `2.10` is a version."""
    number = isinstance(item, Constant) and type(item.value) in (int, float)
    if place in _TEXT_PLACES and number and isinstance(node, Scalar) and _DECIMAL.fullmatch(node):
        item = Constant(str(node))
    return RequestField(place=place, name=name, value=item, type=type_, required=required, at=at, node=node)


class Origin(msgspec.Struct, frozen=True):
    """A value of the request that an input is part of; `whole` where it is all of it."""

    field: RequestField
    parameter: Parameter | None
    whole: bool


def origins(fields: Iterable[BoundField], others: Iterable[str] = ()) -> dict[str, list[Origin]]:
    """Every input that `fields` mention, in order, with each of its mentions; then `others`, which have none."""
    out: dict[str, list[Origin]] = {}
    for bound in fields:
        whole = isinstance(bound.field.value, InputRef)
        for name in input_names(bound.field.value):
            out.setdefault(name, []).append(Origin(bound.field, bound.parameter, whole))
    for name in others:
        out.setdefault(name, [])
    return out
