"""Leaves out what names a parameter that authentication supplies: authentication wins (`docs/semantics.md`, inputs)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from cap_core.compile.expressions import value, with_value
from cap_core.compile.parameters import is_reserved
from cap_core.compile.scope import Scope
from cap_core.compile.target import Parameter, Target
from cap_core.diagnostics.report import Diagnostic, Report
from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark
from cap_core.plan.values import input_names
from cap_core.syntax.names import Spellings, match
from cap_core.syntax.yaml_tree import Node


class Remaining(msgspec.Struct, frozen=True):
    """What is left to bind: the parameters that callers may give, and the scope without what names the others."""

    parameters: tuple[Parameter, ...]
    scope: Scope
    absent: frozenset[str] = frozenset()
    """Inputs in templates of the target that nobody may give."""


def without_supplied(target: Target, scope: Scope, report: Reporter) -> Remaining:
    """Leave out the parameters that authentication or the gateway supplies, and the `with` entries and inputs of that
    name. Each is reported once. Raises `TemplateError`."""
    parameters = tuple(p for p in target.parameters if not _is_supplied(p, target) and not is_reserved(p))
    if len(parameters) == len(target.parameters) and not target.supplied:
        return Remaining(parameters, scope)
    work = _Work(target, scope, parameters)
    entries = [key for key in scope.with_ or {} if work.supplied.find(key) is not None]
    unread = work.unread(entries)
    inputs = [name for name in scope.declared if name in unread]
    _report(work, entries, inputs, report)
    dropped = frozenset(entries)
    left = {key: node for key, node in (scope.with_ or {}).items() if key not in dropped}
    # Where nothing else stands in a `with`, it is as if there were none.
    return Remaining(
        parameters=parameters,
        scope=msgspec.structs.replace(
            scope,
            with_=(left or None) if entries else scope.with_,
            declared={name: one for name, one in scope.declared.items() if name not in unread},
            supplied=frozenset(work.names),
        ),
        absent=work.absent,
    )


def _is_supplied(parameter: Parameter, target: Target) -> bool:
    return (parameter.place, parameter.name.lower()) in target.supplied


class _Work:
    """The names that are supplied, and what else in a scope and a target reads inputs."""

    def __init__(self, target: Target, scope: Scope, parameters: Sequence[Parameter]) -> None:
        self.target, self.scope = target, scope
        self.own = [p for p in target.parameters if _is_supplied(p, target) or is_reserved(p)]
        taken = Spellings([*(p.name for p in parameters), *(name.rpartition(".")[2] for name in target.placeholders)])
        mine = [p.name for p in self.own] + [name for place, name in target.supplied if place == "body"]
        certain = {name for name in mine if taken.find(name) is None}
        templates = frozenset(self._template_inputs(parameters))
        surely = Spellings(certain)
        self.absent = frozenset(name for name in templates if surely.find(name) is not None)
        # Elsewhere a template that has a variable of that name means an input of its own.
        others = {name for _, name in target.supplied if taken.find(name) is None and match(name, templates) is None}
        self.names = certain | others
        self.supplied = Spellings(self.names)
        self._taken, self._templates = taken, Spellings(templates - self.absent)

    def unread(self, entries: Iterable[str]) -> frozenset[str]:
        """The declared inputs that only these `with` entries read, and those supplied ones that nothing reads."""
        given = dict(self.scope.with_ or {})
        dropped = set(self._read([given.pop(key) for key in entries]))
        kept = Spellings(self._read(given.values()))
        named = Spellings(dropped)
        return frozenset(
            name
            for name in self.scope.declared
            if (self.supplied.find(name) is not None or named.find(name) is not None)
            and not any(others.find(name) for others in (kept, self._taken, self._templates))
            and (self.supplied.find(name) is not None or match(name, self.scope.path_names) is None)
        )

    def _read(self, nodes: Iterable[Node]) -> Iterator[str]:
        known = frozenset(self.scope.declared) | frozenset(self.scope.placeholders)
        names = self.scope.names(known | self._parameter_names(), known, _silent)
        return (name for node in nodes for name in input_names(with_value(node, names)))

    def _template_inputs(self, parameters: Iterable[Parameter]) -> Iterator[str]:
        nodes = [p.value for p in parameters if p.value is not None]
        if self.target.body is not None and self.target.body.data is not None:
            nodes.append(self.target.body.data)
        known = frozenset({*self.scope.declared, *self.scope.placeholders, *(self.scope.with_ or {})})
        names = self.scope.names(known | self._parameter_names(), known, _silent).inferring(True)
        return (name for node in nodes for name in input_names(value(node, names)))

    def _parameter_names(self) -> frozenset[str]:
        return frozenset(p.name for p in self.target.parameters)


def _silent(code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic:
    """Report nothing: what is read here is read again when it is bound."""
    return Report().add(code, at, message, hint=hint)


def _report(work: _Work, entries: Sequence[str], inputs: Sequence[str], report: Reporter) -> None:
    """Report each name that is supplied once: at what has no effect, else at the parameter."""
    done: set[str] = set()
    for key in entries:
        name = work.supplied.find(key) or key
        done.add(name)
        node = (work.scope.with_ or {})[key]
        report(_code(name, work), node.mark, f"the 'with' key {key!r} has no effect: {_reason(name, work)}")
    for declared in inputs:
        found = work.supplied.find(declared)
        if found is not None and found not in done:
            done.add(found)
            what = f"the input {declared!r} has no effect: {_reason(found, work)}"
            report(_code(found, work), work.scope.declared[declared].at, what)
    for parameter in work.own:
        if parameter.name not in done:
            report(_code(parameter.name, work), parameter.at, _reason(parameter.name, work))


def _own(name: str, work: _Work) -> Parameter | None:
    return next((p for p in work.own if p.name == name), None)


def _code(name: str, work: _Work) -> str:
    own = _own(name, work)
    return "auth-supplies" if own is None or _is_supplied(own, work.target) else "reserved-header"


def _reason(name: str, work: _Work) -> str:
    own = _own(name, work)
    if own is not None and not _is_supplied(own, work.target):
        return f"the gateway sets the header {name!r} itself"
    place = own.place if own is not None else next(place for place, n in work.target.supplied if n == name)
    return f"the authentication supplies {place} {name!r}"
