"""Diagnostics about a document, and the report that collects them while it is compiled."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from cap_core.diagnostics.codes import CODES, Severity
from cap_core.errors import Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Diagnostic(msgspec.Struct, frozen=True):
    """One finding about a document: its place, its code and severity, what is wrong and what would help."""

    at: Mark
    severity: Severity
    code: str
    message: str
    hint: str = ""
    operation: str = ""
    cause: Mark | None = None
    """The place of the diagnostic of the same code from which this one follows."""

    def __str__(self) -> str:
        help_ = f"; {self.hint}" if self.hint else ""
        return f"{self.at}: {self.severity}[{self.code}]: {self.message}{help_}"


class Report:
    """Collects diagnostics while a document is compiled."""

    def __init__(self) -> None:
        self._items: list[Diagnostic] = []

    def add(
        self,
        code: str,
        at: Mark,
        message: str,
        *,
        hint: str | None = None,
        operation: str = "",
        cause: Mark | None = None,
    ) -> Diagnostic:
        """Add a diagnostic. Its severity, and its hint unless one is given, are those of the table of codes."""
        row = CODES[code]
        help_ = row.remedy if hint is None else hint
        item = Diagnostic(at, row.severity, code, _readable(message), _readable(help_), operation, cause)
        self._items.append(item)
        return item

    def extend(self, items: tuple[Diagnostic, ...]) -> None:
        """Add the diagnostics of another report."""
        self._items.extend(items)

    def escalate(self, item: Diagnostic) -> None:
        """Turn a diagnostic that was added before into an error, which refuses the document."""
        self._items[self._items.index(item)] = msgspec.structs.replace(item, severity="error")

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def since(self, count: int) -> tuple[Diagnostic, ...]:
        """The diagnostics after the first `count`."""
        return tuple(self._items[count:])

    def sorted(self) -> tuple[Diagnostic, ...]:
        """Every diagnostic, by file and place, each once."""
        return tuple(sorted(dict.fromkeys(self._items), key=lambda d: (d.at.file, d.at.line, d.at.column, d.code)))

    def summed(self) -> tuple[Diagnostic, ...]:
        """The same, with the diagnostics of a code that is reported once for a file merged into one."""
        return summed(self.sorted())

    @property
    def failed(self) -> bool:
        """Whether anything so far refuses the document."""
        return any(item.severity == "error" for item in self._items)


_LONGEST = 500
"""Characters of a message: what a document has in place of a name can be as long as the document."""


def _readable(text: str) -> str:
    """A text on one line; of a very long one the middle is left out."""
    line = " ".join(text.splitlines())
    half = _LONGEST // 2
    return line if len(line) <= _LONGEST else f"{line[:half]}…{line[-half:]}"


def summed(items: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Diagnostics in their order; those of a code that is reported once for a file are merged into one."""
    alike: dict[object, list[Diagnostic]] = {}
    for item in _different(items):
        row = CODES.get(item.code)
        key: object = (item.code, item.severity, item.at.file) if row is not None and row.once else id(item)
        alike.setdefault(key, []).append(item)
    return tuple(those[0] if len(those) == 1 else _merged(those) for those in alike.values())


def _different(items: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Each text at a place once, by whichever operation it was found first."""
    found: dict[object, Diagnostic] = {}
    for item in items:
        found.setdefault((item.at, item.severity, item.code, item.message, item.hint), item)
    return list(found.values())


_SHOWN = 3
"""How many different messages one line shows."""


def _merged(items: list[Diagnostic]) -> Diagnostic:
    times = Counter(item.message for item in items)
    shown = [message if n == 1 else f"{message} ({n} times)" for message, n in times.items()][:_SHOWN]
    others = sum(list(times.values())[_SHOWN:])
    more = [f"and {others} more like it in this file"] if others else []
    return msgspec.structs.replace(items[0], message="; ".join(shown + more))
