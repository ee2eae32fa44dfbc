"""The origin of one value of a request: its place in the document, and other places that contributed to it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cap_core.errors import Mark
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.values import Binding, Value, leaves
from cap_core.plan.variables import Variable
from cap_core.plugins.loader import CORE_DISTRIBUTION
from cap_core.plugins.registry import Registry


class Waypoint(msgspec.Struct, frozen=True):
    """A further place that contributed to a value: what is written there, and its location."""

    what: str
    at: str


class Origin(msgspec.Struct, frozen=True):
    """One value of the request: its place there, the value (None: not sent), and its origin.

    `source` describes the origin in words. `at` is `file:line:column` if a document has the value, else the name of a
    flag, a variable or a distribution. `via` are other places that contributed to it.
    """

    place: str
    value: str | None
    source: str
    at: str
    via: tuple[Waypoint, ...] = ()


def bindings_in(value: Value) -> list[Binding]:
    """The variables in a value, each once."""
    return list(dict.fromkeys(leaf for leaf in leaves(value) if isinstance(leaf, Binding)))


def variable_steps(plan: CapabilityPlan, bindings: Iterable[Binding]) -> tuple[Waypoint, ...]:
    """Each variable, with where its value comes from, at the place that declares it."""
    declared = {variable.binding: variable for variable in plan.variables}
    return tuple(_step(declared[binding]) for binding in bindings if binding in declared)


def _step(variable: Variable) -> Waypoint:
    origin = variable.describe()
    return Waypoint(f"{variable.binding.name} = {origin}", str(variable.at) if variable.at is not None else origin)


def distinct(steps: Iterable[Waypoint], at: Mark) -> tuple[Waypoint, ...]:
    """The waypoints without repeated places, and without those at `at`, the place of the value itself."""
    out: dict[str, Waypoint] = {}
    for step in steps:
        if step.at != str(at):
            out.setdefault(step.at, step)
    return tuple(out.values())


def owner(registry: Registry, offer: str) -> str:
    """The plugin that offers something ("auth scheme bearer"), for people."""
    plugin = registry.owner(offer)
    return f"plugin {plugin.name} of {plugin.distribution}" if plugin is not None else CORE_DISTRIBUTION
