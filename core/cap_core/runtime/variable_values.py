"""Fetches the values of variables from their sources."""

from __future__ import annotations

from collections.abc import Iterable

from cap_core.errors import PluginError
from cap_core.logging.lazy_logger import get_logger
from cap_core.logging.secret import Secret
from cap_core.plan.values import Binding
from cap_core.plan.variables import ValueSource, Variable

_log = get_logger("cap.open")


async def fetch(variables: Iterable[Variable], *, keep_going: bool = False) -> dict[Binding, Secret]:
    """The value of every variable that has one; an empty value counts as none.

    Raises `PluginError` for a source that fails; with `keep_going` that is logged, and its variables have no value.
    """
    out: dict[Binding, Secret] = {}
    by_source: dict[int, tuple[ValueSource, list[Variable]]] = {}
    for variable in variables:
        if variable.given is not None and variable.given.value:
            out[variable.binding] = Secret(variable.given.value, variable.given.origin)
        elif variable.source is not None:
            by_source.setdefault(id(variable.source), (variable.source, []))[1].append(variable)
        elif variable.default:
            out[variable.binding] = Secret(variable.default, "the capability's default")
    for source, waiting in by_source.values():
        try:
            values = await source.fetch(frozenset(variable.key for variable in waiting))
        except PluginError as error:
            if not keep_going:
                raise
            _log.error(str(error))
            values = {}
        for variable in waiting:
            value = values.get(variable.key)
            if value:
                out[variable.binding] = value
            elif variable.default:
                out[variable.binding] = Secret(variable.default, "the capability's default")
    return out


async def unset(variables: Iterable[Variable]) -> list[Variable]:
    """The declared variables without a value, as far as that can be found out without the network."""
    near = [variable for variable in variables if variable.at is not None and variable.local]
    values = await fetch(near)
    return [variable for variable in near if variable.binding not in values]
