"""Removes known secrets, in all common encodings, from everything that is printed or logged.

This is the last safeguard; the first is to keep credentials in `Secret`.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4
"""Characters; masking shorter values would mask parts of ordinary words."""
_SHORTEST_BASE64 = 6


class Redaction:
    """Values that must not be shown, and texts without them."""

    def __init__(self) -> None:
        self._forms: list[str] = []

    def add(self, values: Iterable[str]) -> None:
        """Mask these values from now on, in all their encodings."""
        known = {*self._forms}
        for value in values:
            if len(value) >= SHORTEST:
                known.update(_spellings(value))
        # The longest first, so that no form is split by a shorter one inside of it.
        self._forms = sorted(known, key=len, reverse=True)

    def text(self, text: str) -> str:
        """A text without any of them."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

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


def _spellings(value: str) -> Iterator[str]:
    """A value as it is, and as it is encoded in URLs, in quotes and inside of base64."""
    yield value
    yield quote(value, safe="")
    yield quote(value)
    yield quote_plus(value)
    yield repr(value)[1:-1]
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    raw = value.encode("utf-8", "surrogatepass")
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield from _inside(encode(bytes(offset) + raw).decode(), offset, len(raw))


def _inside(encoded: str, offset: int, length: int) -> Iterator[str]:
    """The characters of a base64 text that depend on the value alone, with `offset` other bytes before it.

    `user:secret` in an Authorization header is the usual case: the secret begins at any of three offsets.
    """
    first, last = math.ceil(offset * 8 / 6), (offset + length) * 8 // 6
    core = encoded[first:last]
    if len(core) >= _SHORTEST_BASE64:
        yield core
