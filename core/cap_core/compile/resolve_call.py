"""Finds the operation that `call: namespace.operation` means (`docs/semantics.md`, ambiguous calls)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType

from cap_core.compile.rejection import Rejected
from cap_core.compile.target import Target
from cap_core.diagnostics.report import Diagnostic
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.exposed import ExposedOperation
from cap_core.syntax.names import Budget, near, norm

_SHOWN = 5
"""Line numbers that a message lists at most."""


class Namesakes:
    """Several targets of one name, indexed by their differences, because thousands may have one name."""

    def __init__(self, targets: list[Target]) -> None:
        self.targets = targets
        self._found: dict[object, list[Target]] = {}
        for target in targets:
            for key in _distinctions(target):
                self._found.setdefault(key, []).append(target)

    def by_route(self, method: str | None, path: str) -> list[Target]:
        """The targets with this method and a path of this shape."""
        return self._found.get(("route", method, _shape(path)), [])

    def by_inputs(self, names: Iterable[str]) -> list[Target]:
        """The targets that take exactly these inputs, compared in normal form."""
        return self._found.get(("inputs", frozenset(map(norm, names))), [])

    def by_description(self, text: str) -> list[Target]:
        """The targets with this description."""
        return self._found.get(("description", text), []) if text else []


def _distinctions(target: Target) -> Iterator[object]:
    names = (*(parameter.name for parameter in target.parameters), *target.placeholders)
    yield "inputs", frozenset(map(norm, names))
    operation = target.operation
    if operation is not None:
        yield "route", operation.method, _shape(operation.path)
        yield "description", operation.description


class OperationIndex:
    """All targets of one document, indexed by address."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._by_address: dict[str, list[Target]] = {}
        for target in targets:
            self._by_address.setdefault(target.address, []).append(target)
        self._budget = Budget()
        self._namesakes: dict[str, Namesakes] = {}

    def named(self, address: str) -> list[Target]:
        """The targets of this name, in order."""
        return self._by_address.get(address, [])

    def similar(self, address: str) -> str:
        """A hint that names the address most like this one; "" where none is."""
        return near(address, self._by_address) if self._budget.spend(len(self._by_address)) else ""

    def hint(self, address: str) -> str:
        """A hint for a call of an unknown address."""
        return self.similar(address) or f"consumed here: {', '.join(list(self._by_address)[:8]) or 'nothing'}"

    def namesakes(self, address: str) -> Namesakes:
        """The targets of this name, indexed by their differences."""
        known = self._namesakes.get(address)
        if known is None:
            known = self._namesakes[address] = Namesakes(self.named(address))
        return known


def find(
    exposed: ExposedOperation,
    index: OperationIndex,
    report: Reporter,
    unread: Mapping[str, Diagnostic] = MappingProxyType({}),
) -> Target:
    """The target that an exposed operation calls. Raises `Rejected` if there is none, or if several are equally likely.

    `unread` are the namespaces that the document names without their operations, each with the reason.
    """
    if not exposed.call:
        raise Rejected("no-call", exposed.at, f"{exposed.name!r} calls nothing")
    namespace, dot, name = exposed.call.partition(".")
    if not dot or not namespace or not name:
        hint = index.similar(exposed.call) or None
        raise Rejected("malformed-call", exposed.call_at, f"{exposed.call!r} is not namespace.operation", hint)
    named = index.named(exposed.call)
    if not named and namespace in unread:
        why = unread[namespace]
        what = f"{exposed.call!r} cannot be called, see line {why.at.line}"
        raise Rejected(why.code, exposed.call_at, what, why.hint, cause=why.at)
    if not named:
        what = f"nothing consumed here is called {exposed.call!r}"
        raise Rejected("dangling-call", exposed.call_at, what, index.hint(exposed.call))
    chosen = named[0] if len(named) == 1 else _choose(exposed, index, report)
    rejection = chosen.rejection
    if rejection is not None:
        what = f"{exposed.call!r} cannot be called, see line {rejection.at.line}: {rejection.message}"
        raise Rejected(rejection.code, exposed.call_at, what, rejection.hint, cause=rejection.at)
    return chosen


def _choose(exposed: ExposedOperation, index: OperationIndex, report: Reporter) -> Target:
    """Apply each rule to the candidates until only one remains. A target is never chosen by its order alone."""
    among = index.namesakes(exposed.call or "")
    rules: list[tuple[str, list[Target]]] = []
    if exposed.kind == "operation":
        rules.append(("method and path", among.by_route(exposed.method, exposed.path or "")))
    if exposed.with_ is not None:
        rules.append(("the keys of 'with'", among.by_inputs(exposed.with_)))
    rules.append(("the description", among.by_description(exposed.description)))
    left: set[int] | None = None  # None: all candidates
    for why, fitting in rules:
        both = [target for target in fitting if left is None or id(target) in left]
        if len(both) == 1:
            what = f"{exposed.call!r} stands in lines {_lines(among.targets)}; chosen by {why}: {_route(both[0])}"
            report("ambiguous-call", exposed.call_at, what)
            return both[0]
        left = {id(target) for target in both} or left
    what = f"{exposed.call!r} stands in lines {_lines(among.targets)}, and nothing says which is meant"
    raise Rejected("undecidable-call", exposed.call_at, what)


def _lines(named: list[Target]) -> str:
    listed = ", ".join(str(target.at.line) for target in named[:_SHOWN])
    return f"{listed} and {len(named) - _SHOWN} more" if len(named) > _SHOWN else listed


def _route(target: Target) -> str:
    operation = target.operation
    return target.address if operation is None else f"{operation.method} {operation.path}"


@lru_cache(maxsize=4096)
def _shape(path: str) -> str:
    """A path without a leading version, placeholder names, case, hyphens and underscores."""
    path = re.sub(r"^/?v\d+(?=/)", "", path)
    path = re.sub(r"\{\{?[^{}]*\}?\}", "{}", path)
    return path.lower().replace("-", "").replace("_", "").strip("/")
