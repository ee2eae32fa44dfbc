"""Which operation `call: namespace.operation` means (`docs/semantics.md`, ambiguous calls)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from cap_core.consumed import Callee, Quarantine
from cap_core.names import near, norm
from cap_core.plan import Exposed
from cap_core.report import Diagnostic, Report
from cap_core.templates import Var

_COMPARED = 30_000
"""How many names one document's dead calls are compared with for a did-you-mean: about a second's worth."""
_SHOWN = 5
"""How many lines a message lists."""


class Callees:
    """The operations of one document, as calls look for them."""

    def __init__(self, callees: Iterable[Callee]) -> None:
        self._by_address: dict[str, list[Callee]] = {}
        for callee in callees:
            self._by_address.setdefault(callee.operation.address, []).append(callee)
        self._left = _COMPARED
        self._inputs: dict[int, set[str]] = {}

    def named(self, address: str) -> list[Callee]:
        """The operations of this name, in order."""
        return self._by_address.get(address, [])

    def like(self, address: str) -> str:
        """A hint at what a call may mean that names nothing."""
        self._left -= len(self._by_address)
        close = near(address, self._by_address) if self._left >= 0 else ""
        return close or f"consumed here: {', '.join(list(self._by_address)[:8]) or 'nothing'}"

    def inputs(self, callee: Callee) -> set[str]:
        """The names of what an operation takes."""
        known = self._inputs.get(id(callee))
        if known is None:
            known = self._inputs[id(callee)] = _inputs(callee)
        return known


def find(
    exposed: Exposed,
    callees: Callees,
    report: Report,
    elsewhere: Mapping[str, Diagnostic] = MappingProxyType({}),
) -> Callee:
    """The operation an exposed operation calls. Raises `Quarantine` where there is none, or no telling which.

    `elsewhere` are namespaces that are known and not read.
    """
    if not exposed.call:
        raise Quarantine("no-call", exposed.at, f"{exposed.name!r} calls nothing")
    namespace, dot, name = exposed.call.partition(".")
    if not dot or not namespace or not name:
        raise Quarantine("malformed-call", exposed.call_at, f"{exposed.call!r} is not namespace.operation")
    named = callees.named(exposed.call)
    if not named and namespace in elsewhere:
        why = elsewhere[namespace]
        raise Quarantine(
            why.code, exposed.call_at, f"{exposed.call!r} cannot be called, see line {why.at.line}", why.hint
        )
    if not named:
        raise _dangling(exposed, callees)
    chosen = named[0] if len(named) == 1 else _choose(exposed, named, callees, report)
    broken = chosen.broken
    if broken is not None:
        what = f"{exposed.call!r} cannot be called, see line {broken.at.line}: {broken.what}"
        raise Quarantine(broken.code, exposed.call_at, what, broken.hint)
    return chosen


def _dangling(exposed: Exposed, callees: Callees) -> Quarantine:
    what = f"nothing consumed here is called {exposed.call!r}"
    return Quarantine("dangling-call", exposed.call_at, what, callees.like(exposed.call or ""))


def _choose(exposed: Exposed, named: list[Callee], callees: Callees, report: Report) -> Callee:
    """Each rule narrows the candidates; the first that leaves one decides. Never "the first one"."""
    rules: list[tuple[str, Callable[[Callee], bool]]] = []
    if exposed.method is not None:
        rules.append(("method and path", lambda c: _same_route(exposed, c)))
    if exposed.with_ is not None:
        keys = {norm(key) for key in exposed.with_}
        rules.append(("the keys of 'with'", lambda c: keys == callees.inputs(c)))
    rules.append(
        ("the description", lambda c: bool(exposed.description) and exposed.description == c.operation.description)
    )
    left = named
    for why, fits in rules:
        fitting = [callee for callee in left if fits(callee)]
        if len(fitting) == 1:
            chosen = fitting[0].operation
            what = f"{exposed.call!r} stands in lines {_lines(named)}; chosen by {why}: {chosen.method} {chosen.path}"
            report.add("ambiguous-call", exposed.call_at, what, operation=exposed.name)
            return fitting[0]
        left = fitting or left
    what = f"{exposed.call!r} stands in lines {_lines(named)}, and nothing says which is meant"
    raise Quarantine("undecidable-call", exposed.call_at, what)


def _lines(named: list[Callee]) -> str:
    listed = ", ".join(str(callee.operation.at.line) for callee in named[:_SHOWN])
    return f"{listed} and {len(named) - _SHOWN} more" if len(named) > _SHOWN else listed


def _same_route(exposed: Exposed, callee: Callee) -> bool:
    return exposed.method == callee.operation.method and _shape(exposed.path or "") == _shape(callee.operation.path)


@lru_cache(maxsize=4096)
def _shape(path: str) -> str:
    """A path without a leading version, placeholder names, case, hyphens and underscores."""
    path = re.sub(r"^/?v\d+(?=/)", "", path)
    path = re.sub(r"\{\{?[^{}]*\}?\}", "{}", path)
    return path.lower().replace("-", "").replace("_", "").strip("/")


def _inputs(callee: Callee) -> set[str]:
    declared = {norm(parameter.name) for parameter in callee.parameters}
    return declared | {norm(part.name) for part in callee.operation.segments if isinstance(part, Var)}
