"""Which operation `call: namespace.operation` means (`docs/semantics.md`, ambiguous calls)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from cap_core.compile.rejection import Rejected
from cap_core.compile.target import Target
from cap_core.diagnostics.report import Diagnostic
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.exposed import ExposedOperation
from cap_core.syntax.names import Budget, near, norm

_SHOWN = 5
"""How many lines a message lists."""


class OperationIndex:
    """The targets of one document, as calls look for them."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self._by_address: dict[str, list[Target]] = {}
        for target in targets:
            self._by_address.setdefault(target.address, []).append(target)
        self._budget = Budget()
        self._inputs: dict[int, set[str]] = {}

    def named(self, address: str) -> list[Target]:
        """The targets of this name, in order."""
        return self._by_address.get(address, [])

    def hint(self, address: str) -> str:
        """What a call may mean that names nothing."""
        affordable = self._budget.spend(len(self._by_address))
        close = near(address, self._by_address) if affordable else ""
        return close or f"consumed here: {', '.join(list(self._by_address)[:8]) or 'nothing'}"

    def inputs(self, target: Target) -> set[str]:
        """The names of what a target takes, by `norm`."""
        known = self._inputs.get(id(target))
        if known is None:
            names = (*(parameter.name for parameter in target.parameters), *target.placeholders)
            known = self._inputs[id(target)] = {norm(name) for name in names}
        return known


def find(
    exposed: ExposedOperation,
    index: OperationIndex,
    report: Reporter,
    elsewhere: Mapping[str, Diagnostic] = MappingProxyType({}),
) -> Target:
    """The target that an exposed operation calls. Raises `Rejected` where there is none, or no telling which.

    `elsewhere` are namespaces that are known and not read.
    """
    if not exposed.call:
        raise Rejected("no-call", exposed.at, f"{exposed.name!r} calls nothing")
    namespace, dot, name = exposed.call.partition(".")
    if not dot or not namespace or not name:
        raise Rejected("malformed-call", exposed.call_at, f"{exposed.call!r} is not namespace.operation")
    named = index.named(exposed.call)
    if not named and namespace in elsewhere:
        why = elsewhere[namespace]
        raise Rejected(
            why.code, exposed.call_at, f"{exposed.call!r} cannot be called, see line {why.at.line}", why.hint
        )
    if not named:
        what = f"nothing consumed here is called {exposed.call!r}"
        raise Rejected("dangling-call", exposed.call_at, what, index.hint(exposed.call))
    chosen = named[0] if len(named) == 1 else _choose(exposed, named, index, report)
    rejection = chosen.rejection
    if rejection is not None:
        what = f"{exposed.call!r} cannot be called, see line {rejection.at.line}: {rejection.message}"
        raise Rejected(rejection.code, exposed.call_at, what, rejection.hint)
    return chosen


def _choose(exposed: ExposedOperation, named: list[Target], index: OperationIndex, report: Reporter) -> Target:
    """Each rule narrows the candidates; the first that leaves one decides. Never "the first one"."""
    rules: list[tuple[str, Callable[[Target], bool]]] = []
    if exposed.kind == "operation":
        rules.append(("method and path", lambda target: _same_route(exposed, target)))
    if exposed.with_ is not None:
        keys = {norm(key) for key in exposed.with_}
        rules.append(("the keys of 'with'", lambda target: keys == index.inputs(target)))
    rules.append(("the description", lambda target: _same_description(exposed, target)))
    left = named
    for why, fits in rules:
        fitting = [target for target in left if fits(target)]
        if len(fitting) == 1:
            route = _route(fitting[0])
            what = f"{exposed.call!r} stands in lines {_lines(named)}; chosen by {why}: {route}"
            report("ambiguous-call", exposed.call_at, what)
            return fitting[0]
        left = fitting or left
    what = f"{exposed.call!r} stands in lines {_lines(named)}, and nothing says which is meant"
    raise Rejected("undecidable-call", exposed.call_at, what)


def _lines(named: list[Target]) -> str:
    listed = ", ".join(str(target.at.line) for target in named[:_SHOWN])
    return f"{listed} and {len(named) - _SHOWN} more" if len(named) > _SHOWN else listed


def _route(target: Target) -> str:
    operation = target.operation
    return target.address if operation is None else f"{operation.method} {operation.path}"


def _same_route(exposed: ExposedOperation, target: Target) -> bool:
    operation = target.operation
    if operation is None or exposed.method != operation.method:
        return False
    return _shape(exposed.path or "") == _shape(operation.path)


def _same_description(exposed: ExposedOperation, target: Target) -> bool:
    operation = target.operation
    return operation is not None and bool(exposed.description) and exposed.description == operation.description


@lru_cache(maxsize=4096)
def _shape(path: str) -> str:
    """A path without a leading version, placeholder names, case, hyphens and underscores."""
    path = re.sub(r"^/?v\d+(?=/)", "", path)
    path = re.sub(r"\{\{?[^{}]*\}?\}", "{}", path)
    return path.lower().replace("-", "").replace("_", "").strip("/")
