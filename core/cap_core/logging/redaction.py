"""Removes known secrets, however they are spelled, from everything that is printed, logged or answered.

This is the last safeguard; the first is to keep credentials in `Secret`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from cap_core.logging.spellings import Spelled, spelled

MASK = "***"
SHORTEST = 4
"""Characters; masking shorter values would mask parts of ordinary words."""
MOST: Final = 1000
"""Values that are known at a time. Beyond that the oldest is forgotten, as tokens that plugins obtain are renewed."""


class Redaction:
    """Values that must not be shown, and texts without them."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[Spelled, ...]] = {}
        self.forms: tuple[Spelled, ...] = ()
        """All spellings that are looked for, those of longer values first."""
        self._longest = 0
        self._shortest = math.inf

    def add(self, values: Iterable[str]) -> None:
        """Mask these values from now on, in all their spellings."""
        new = [value for value in dict.fromkeys(values) if len(value) >= SHORTEST and value not in self._values]
        if not new:
            return
        self._values |= {value: tuple(spelled(value)) for value in new}
        for value in list(self._values)[: max(0, len(self._values) - MOST)]:
            del self._values[value]
        # The longest first, so that none is split by a shorter one inside of it.
        ordered = sorted(self._values, key=len, reverse=True)
        self.forms = tuple(form for value in ordered for form in self._values[value])
        self._longest = max(form.longest for form in self.forms)
        self._shortest = min(len(form.part) for form in self.forms)

    def text(self, text: str) -> str:
        """A text without any of them."""
        if len(text) < self._shortest:
            return text
        lowered = text.lower()
        for part, pattern, _ in self.forms:
            if part in lowered:
                text = pattern.sub(MASK, text)
        return text

    def excerpt(self, text: str, most: int) -> str:
        """At most the first `most` characters of a text without any of them, which is read only as far as needed."""
        end = most + self._longest
        while end < len(text):
            # What is cut off inside of a value would not be recognized, so the end of what is read is not shown.
            shown = self.text(text[:end])[: -self._longest or None]
            if len(shown) >= most:
                return shown[:most]
            end *= 2
        return self.text(text)[:most]

    def value(self, value: Any) -> Any:
        """A log value without any of them; anything but a JSON value becomes text."""
        if isinstance(value, str):
            return self.text(value)
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, dict):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(value.decode("latin-1") if isinstance(value, bytes) else str(value))


_PROCESS = Redaction()
"""The secrets of this process, for its log and its stderr."""

redact = _PROCESS.add
hidden = _PROCESS.text
hidden_in = _PROCESS.value
excerpt = _PROCESS.excerpt
