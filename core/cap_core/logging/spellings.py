"""Finds a value in a text in whatever spelling it stands there: escaped for URLs, quotes, JSON, XML, or inside base64.

Not a list of the encodings that something writes with, which would miss the next one: each character is looked for in
all of its spellings, so that any mixture of them is found, also one that is escaped twice or in another case.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterator
from html.entities import codepoint2name
from typing import NamedTuple

_NEVER_ESCAPED = re.compile(r"[A-Za-z0-9]+")
"""Characters that no encoding changes, apart from base64."""
_SHORTEST_BASE64 = 6


class Spelled(NamedTuple):
    """A value in one kind of text: `pattern` finds it, and no text without `part`, in lower case, has it."""

    part: str
    pattern: re.Pattern[str]
    longest: int
    """The most characters that it can have there."""


def spelled(value: str) -> Iterator[Spelled]:
    """The value as plain text with any of its characters escaped, and inside of base64."""
    yield _compiled(value)
    raw = value.encode("utf-8", "surrogatepass")
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            core = _inside(encode(bytes(offset) + raw).decode(), offset, len(raw))
            if len(core) >= _SHORTEST_BASE64:
                # The characters beside it hold some of the value's bits as well.
                yield _compiled(core, around="[A-Za-z0-9+/_-]?")


def _inside(encoded: str, offset: int, length: int) -> str:
    """The characters of a base64 text that depend on the value alone, with `offset` other bytes before it.

    `user:secret` in an Authorization header is the usual case: the secret begins at any of three offsets.
    """
    first, last = math.ceil(offset * 8 / 6), (offset + length) * 8 // 6
    return encoded[first:last]


def _compiled(value: str, around: str = "") -> Spelled:
    runs = _NEVER_ESCAPED.findall(value)
    pieces = re.findall(rf"{_NEVER_ESCAPED.pattern}|.", value, re.DOTALL)
    pattern = "".join(piece if _NEVER_ESCAPED.fullmatch(piece) else _character(piece) for piece in pieces)
    pattern = f"{around}{pattern}{around}"
    # No escape of one character is longer than `&amp;amp;#x00000;` for each of its four bytes.
    return Spelled(max(runs, key=len, default="").lower(), re.compile(pattern, re.IGNORECASE), 20 * len(value) + 20)


def _character(char: str) -> str:
    """A pattern for one character in all of its spellings."""
    raw = char.encode("utf-8", "surrogatepass")
    units = char.encode("utf-16-be", "surrogatepass")
    out = [re.escape(char), *_misread(raw)]
    out.append("".join(f"%(?:25){{0,2}}{byte:02x}" for byte in raw))
    out.append("".join(rf"\\{{1,2}}u{units[n]:02x}{units[n + 1]:02x}" for n in range(0, len(units), 2)))
    out.append(rf"\\{{1,2}}U{ord(char):08x}")
    names = [rf"#0{{0,4}}{ord(char)}", rf"#x0{{0,4}}{ord(char):x}", *_entities(char)]
    out.append(f"&(?:amp;){{0,2}}(?:{'|'.join(names)});")
    if ord(char) < 0x100:
        out += [rf"\\{{1,2}}x{ord(char):02x}", f"%(?:25){{0,2}}{ord(char):02x}"]
    if char in _BACKSLASHED:
        out.append(rf"\\{{1,3}}{re.escape(_BACKSLASHED[char])}")
    if char == " ":
        out.append(_character("+"))
    return f"(?:{'|'.join(dict.fromkeys(out))})"


_BACKSLASHED = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f", '"': '"', "'": "'", "\\": "\\", "/": "/"}


def _misread(raw: bytes) -> list[str]:
    """UTF-8 that was read as another charset, as some servers repeat it."""
    if len(raw) == 1:
        return []
    return [re.escape(raw.decode("latin-1")), re.escape(raw.decode("cp1252", "replace"))]


def _entities(char: str) -> list[str]:
    name = "apos" if char == "'" else codepoint2name.get(ord(char))
    return [name] if name else []
