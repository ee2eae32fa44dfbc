"""Where one value of a request came from: its place in the document, and the other places that had a part in it."""

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
    """A further place that a value came past: what stands there, and where."""

    what: str
    at: str


class Origin(msgspec.Struct, frozen=True):
    """One value of the request: where it lands, what it is (None: not sent), and where it came from.

    `source` says it in words; `at` is `file:line:column` where a document, and the name of a flag, variable or
    distribution where something else, produced it. `via` are the other places that had a part in it.
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
    """The first step of each place, without those at `at`, where the value itself stands."""
    out: dict[str, Waypoint] = {}
    for step in steps:
        if step.at != str(at):
            out.setdefault(step.at, step)
    return tuple(out.values())


def owner(registry: Registry, offer: str) -> str:
    """The plugin behind an offer ("auth scheme bearer"), for people."""
    plugin = registry.owner(offer)
    return f"plugin {plugin.name} of {plugin.distribution}" if plugin is not None else CORE_DISTRIBUTION
