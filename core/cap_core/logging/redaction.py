"""Removes known secrets, in every spelling, from everything that is printed or logged.

This is the last safeguard; the first is to keep credentials in `Secret`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from cap_core.logging.spellings import Spelling, longest, spellings

MASK = "***"
SHORTEST = 4
"""Characters; masking shorter values would mask parts of ordinary words."""
_MOST_PASSING = 1000
"""How many values are known that plugins obtained while the gateway runs, such as tokens that expire."""


class Redaction:
    """Values that must not be shown, and texts without them."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._kept: dict[str, None] = {}
        self._passing: dict[str, None] = {}
        self._spellings: dict[str, tuple[Spelling, ...]] = {}
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Mask these values from now on, in all their spellings."""
        self._kept |= dict.fromkeys(value for value in values if len(value.strip()) >= SHORTEST)

    def add_passing(self, value: str) -> None:
        """Mask a value that may be one of many; the oldest of very many are forgotten."""
        if len(value.strip()) >= SHORTEST:
            self._passing.pop(value, None)
            self._passing[value] = None
            if len(self._passing) > _MOST_PASSING:
                oldest = next(iter(self._passing))
                del self._passing[oldest]
                if oldest not in self._kept:
                    self._spellings.pop(oldest, None)

    def forget(self) -> None:
        """Mask none of the values known so far, for a process that has done with what they were for."""
        self._kept.clear()
        self._passing.clear()
        self._spellings.clear()

    def text(self, text: str) -> str:
        """A text without any of them."""
        spans = self._spans(text)
        return _without(text, spans, len(text)) if spans else text

    def text_of_passing(self, text: str) -> str:
        """A text without those that plugins obtained while the gateway runs; the others are left in it."""
        spans = self._spans(text, [value for value in self._passing if value not in self._kept])
        return _without(text, spans, len(text)) if spans else text

    def excerpt(self, text: str, most: int) -> str:
        """The first `most` characters of a text without any of them: one that is cut there is masked too."""
        shown = text[: most + max(map(longest, self._known()), default=0)]
        return _without(shown, self._spans(shown), min(most, len(text)))

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

    def _known(self) -> Iterable[str]:
        return (*self._kept, *self._passing)

    def _spans(self, text: str, values: Iterable[str] | None = None) -> list[tuple[int, int]]:
        """Where they, or some of them, stand in a text, in order.

        Those that overlap are one, so that none leaves its end behind.
        """
        if len(text) < SHORTEST:
            return []
        lower = text.lower()
        values = self._known() if values is None else values
        spans: list[tuple[int, int]] = []
        for start, end in sorted(span for value in values for span in self._found(value, text, lower)):
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def _found(self, value: str, text: str, lower: str) -> Iterator[tuple[int, int]]:
        known = self._spellings.get(value)
        if known is None:
            known = self._spellings[value] = spellings(value)
        for spelling in known:
            yield from spelling.spans(text, lower)


def _without(text: str, spans: list[tuple[int, int]], most: int) -> str:
    out, at = [], 0
    for start, end in spans:
        if start >= most:
            break
        out += [text[at:start], MASK]
        at = end
    return "".join(out) + text[at : max(at, most)]


_PROCESS = Redaction()
"""The secrets of this process, for its log, its stderr, and every text that it writes about an upstream's answer."""

redact = _PROCESS.add
forget = _PROCESS.forget
redact_passing = _PROCESS.add_passing
hidden = _PROCESS.text
hidden_passing = _PROCESS.text_of_passing
hidden_excerpt = _PROCESS.excerpt
hidden_in = _PROCESS.value
