"""Tells, once, of mappings that find nothing: a misspelt path would otherwise be a silent `null` for ever."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.exposed import DeclaredOutput
from cap_core.syntax import json_text

_log = get_logger("cap.outputs")

LARGEST: Final = 64 * 1024
"""Bytes of a result in which mappings that found something are looked for."""
FIRST: Final = 20
"""Answers of an operation that are looked at. A mapping that found nothing in the first was told of."""


class Watch:
    """The mappings of one operation of which it is not known yet whether they find anything."""

    def __init__(self, address: str, format: str, outputs: tuple[DeclaredOutput, ...]) -> None:
        self._address = address
        self._format = format
        self._outputs = outputs
        self._known: set[int] = set()
        self.left = FIRST if outputs else 0

    def look(self, result: bytes) -> None:
        """Look at the JSON text of a result, and log the mappings that found nothing and never did before."""
        self.left -= 1
        if len(result) > LARGEST:
            return
        missing: list[str] = []
        try:
            value = json_text.decode(result)
        except (ValueError, RecursionError):  # what can be written can be too much to be read again
            return
        for output, found in _pairs(self._outputs, [value]):
            if id(output) in self._known or output.mapping is None:
                continue
            self._known.add(id(output))
            if not any(one is not None for one in found):
                missing.append(output.mapping.strip())
        if missing:
            _log.warning("mappings found nothing", operation=self._address, format=self._format, mappings=missing)


def _pairs(outputs: tuple[DeclaredOutput, ...], values: list[object]) -> Iterator[tuple[DeclaredOutput, list[object]]]:
    """Each output with its values in all places where it was looked for; none where that was nowhere."""
    for output in outputs:
        if output.name is None:
            found = values if len(outputs) == 1 else []
        else:
            found = [value.get(output.name) for value in values if isinstance(value, dict)]
        if not found:
            continue
        yield output, found
        if output.properties:
            yield from _pairs(output.properties, [one for one in found if one is not None])
        if output.items is not None:
            yield from _pairs((output.items,), [item for one in found if isinstance(one, list) for item in one])
