"""One cause, one line: diagnostics that follow from another are counted there."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import Mark

_SHOWN = 5
"""Line numbers that a message lists at most."""


def without_consequences(items: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Diagnostics in their order; those whose cause is among them are left out and counted at it.

    The cause is as severe as what follows from it.
    """
    every = tuple(items)
    causes: dict[tuple[str, Mark], int] = {}
    for n, item in enumerate(every):
        if item.cause is None:
            causes.setdefault((item.code, item.at), n)
    follow: dict[int, list[Diagnostic]] = {}
    kept: set[int] = set()
    for n, item in enumerate(every):
        cause = causes.get((item.code, item.cause)) if item.cause is not None else None
        if cause is None:
            kept.add(n)
        else:
            follow.setdefault(cause, []).append(item)
    return tuple(_counted(item, follow.get(n, [])) for n, item in enumerate(every) if n in kept)


def _counted(item: Diagnostic, following: list[Diagnostic]) -> Diagnostic:
    if not following:
        return item
    lines = list(dict.fromkeys(one.at.line for one in following))
    shown = ", ".join(map(str, lines[:_SHOWN])) + (" …" if len(lines) > _SHOWN else "")
    operations = "1 exposed operation" if len(following) == 1 else f"{len(following)} exposed operations"
    left = f"{operations} left out ({'line' if len(lines) == 1 else 'lines'} {shown})"
    severity = "error" if any(one.severity == "error" for one in following) else item.severity
    return msgspec.structs.replace(item, message=f"{item.message}; {left}", severity=severity)
