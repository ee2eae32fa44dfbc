"""The result of binding: each value of a request with what was found out about it, and the inputs that it reads."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Final

import msgspec

from cap_core.compile.assignments import Assignments
from cap_core.compile.scope import Scope
from cap_core.compile.target import Parameter, Target
from cap_core.errors import Mark
from cap_core.plan.request import RequestField
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import Binding, Constant, InputRef, Value, input_names
from cap_core.syntax.yaml_tree import Node, Scalar, resolve

TEXT_PLACES: Final[frozenset[FieldPlace]] = frozenset({"path", "query", "header", "cookie"})
"""The places of a request that take text alone."""


class BoundField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of the request, with what was found out when its value was bound."""

    field: RequestField
    parameter: Parameter | None = None
    """The declared parameter whose value it is."""
    keys: tuple[str, ...] = ()
    """The keys of `with` that its value comes from."""
    inferred: tuple[str, ...] = ()
    """The inputs that the exposed side does not name, inferred from the target."""
    typed: tuple[tuple[str, Parameter], ...] = ()
    """Inputs of a body template, each with the `in: body` parameter of its variable."""
    undeclared: bool = False
    """Whether the target declares nothing of the kind: the value is sent all the same."""


class Bound(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The bound values of the parameters, the path and the body of a target."""

    target: Target
    scope: Scope
    parameters: tuple[Parameter, ...]
    """The target's parameters that callers may give."""
    assignments: Assignments
    fields: tuple[BoundField, ...]
    body_type: str = "json"
    media_type: str = ""
    """The media type of the body, where the document fixes one that is not JSON."""

    @cached_property
    def all_identify(self) -> bool:
        """Whether every `with` key and declared input identifies what is changed, so that none may be lost.

        Otherwise a placeholder of the target's path does that. One that a variable of the document fills does not.
        """
        if self.target.removes or not self.target.replaces:
            return self.target.removes
        return all(isinstance(one.field.value, Binding) for one in self.fields if one.field.place == "path")

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
    """A field of the request. In a place for text a number keeps its spelling: `2.10` may be a version."""
    number = isinstance(item, Constant) and type(item.value) in (int, float)
    if place in TEXT_PLACES and number and isinstance(node, Scalar) and item == Constant(resolve(node)):
        item = Constant(str(node))
    return RequestField(place=place, name=name, value=item, type=type_, required=required, at=at, node=node)


class Origin(msgspec.Struct, frozen=True):
    """A field of the request that reads an input; with `whole`, the input is the entire value of the field."""

    field: RequestField
    parameter: Parameter | None
    whole: bool
    undeclared: bool

    @property
    def identifies(self) -> bool:
        """Whether an upstream can tell by it which resource is meant: not by a member of a body it does not declare."""
        return not (self.undeclared and self.field.place == "member")


def origins(fields: Iterable[BoundField], others: Iterable[str] = ()) -> dict[str, list[Origin]]:
    """Every input that `fields` read, in order, with the fields that read it; then `others`, which none reads."""
    out: dict[str, list[Origin]] = {}
    for bound in fields:
        whole = isinstance(bound.field.value, InputRef)
        for name in input_names(bound.field.value):
            out.setdefault(name, []).append(Origin(bound.field, bound.parameter, whole, bound.undeclared))
    for name in others:
        out.setdefault(name, [])
    return out
