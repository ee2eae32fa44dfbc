"""The spellings of a secret: patterns for every way in which it can be written in a text.

They do not list the spellings of whole values. They let *each character* stand for itself or for any of its
escapes, whatever set of characters a renderer leaves alone: in URLs, forms, cookies, JSON, YAML, XML and Python's
`repr`, once more escaped inside of another text, and as UTF-8 that was read as Latin-1. Beside that they have the
parts of base64 texts that depend on the value alone.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

_SHORTEST_BASE64: Final = 6
_LONGEST_CHARACTER: Final = 40
"""More characters than one character of a value has in any spelling."""

_RUN: Final = re.compile(r"[0-9A-Za-z]+")
_PARTLY: Final = r"[\w+/-]?"
"""The character of a base64 text beside those of a value alone, which holds some bits of it."""
_AGAIN: Final = r"\\{1,3}"
"""The backslash of an escape; more than one where JSON stands in a string of JSON."""
_NAMED: Final = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_LETTERS: Final = {"\n": "n", "\t": "t", "\r": "r", "\b": "b", "\f": "f", "\0": "0", "\a": "a", "\v": "v", "\x1b": "e"}


class Spelling:
    """One family of spellings of a value. Each of them has an anchor in it, which is quick to look for."""

    __slots__ = ("_around", "_pattern", "_spell", "_text", "anchor")

    def __init__(self, text: str, spell: Callable[[str], str], around: str = "") -> None:
        self._text = text
        self._spell = spell
        self._around = around
        # No renderer escapes ASCII letters and digits.
        self.anchor = max(_RUN.findall(text), key=len, default="").lower()
        self._pattern: re.Pattern[str] | None = None

    def spans(self, text: str, lower: str) -> Iterator[tuple[int, int]]:
        """Where it stands in a text, in upper or lower case. `lower` is the text in lower case."""
        if self.anchor not in lower:
            return
        if self._pattern is None:
            spelled = "".join(map(self._spell, self._text))
            self._pattern = re.compile(self._around + spelled + self._around, re.IGNORECASE)
        for match in self._pattern.finditer(text):
            yield match.span()


def spellings(value: str) -> tuple[Spelling, ...]:
    """Every spelling of a value."""
    # White space around a value gets lost in headers, and in texts that are printed in one line.
    bare = value.strip() or value
    cores = [*_base64(bare.encode("utf-8", "surrogatepass"))]
    return (Spelling(bare, _character), *(Spelling(core, _base64_character, _PARTLY) for core in cores))


def longest(value: str) -> int:
    """No spelling of a value has more characters than this."""
    return _LONGEST_CHARACTER * len(value)


@lru_cache(maxsize=512)
def _character(character: str) -> str:
    if character.isascii() and character.isalnum():
        return character
    if character.isspace():
        return rf"(?:\s+|\+|{_any(_escapes(character))})"
    return f"(?:{_any([*_escapes(character), *_misread(character)])}|{re.escape(character)})"


def _any(spellings: list[str]) -> str:
    # What a match takes is what the first alternative takes: the longer ones stand first.
    return "|".join(sorted(dict.fromkeys(spellings), key=len, reverse=True))


def _escapes(character: str) -> list[str]:
    code = ord(character)
    found = [*_references(code), "".join(map(_percent, character.encode("utf-8", "surrogatepass")))]
    units = character.encode("utf-16-be", "surrogatepass")
    found.append("".join(f"{_AGAIN}u{units[n : n + 2].hex()}" for n in range(0, len(units), 2)))
    found.append(f"{_AGAIN}U{code:08x}")
    if code < 256:
        found.append(f"{_AGAIN}x{code:02x}")
    if character in _LETTERS:
        found.append(_AGAIN + _LETTERS[character])
    if character in _NAMED:
        found.append(rf"&(?:amp;){{0,2}}{_NAMED[character]};")
    if character.isascii() and not character.isspace():
        found.append(_AGAIN + re.escape(character))
    if character in "'\"\\":
        found.append(re.escape(character) * 2)  # how YAML and CSV write a quote inside of quotes
    return found


def _percent(byte: int) -> str:
    return f"%(?:25){{0,2}}{byte:02x}"


def _references(code: int) -> list[str]:
    return [rf"&(?:amp;){{0,2}}#0*{code};", rf"&(?:amp;){{0,2}}#x0*{code:x};"]


def _misread(character: str) -> Iterator[str]:
    """A character whose UTF-8 was read in an encoding with one byte for each character."""
    if character.isascii():
        return
    pieces = [{chr(byte), bytes([byte]).decode("cp1252", "replace")} for byte in character.encode("utf-8", "replace")]
    yield "".join(f"(?:{_any([s for c in sorted(piece) for s in (*_escapes(c), re.escape(c))])})" for piece in pieces)
    if ord(character) < 256:
        yield f"%(?:25){{0,2}}{ord(character):02x}"


def _base64_character(character: str) -> str:
    return {"+": rf"(?:{_character('+')}|-|\s)", "/": rf"(?:{_character('/')}|_)"}.get(character, character)


def _base64(raw: bytes) -> Iterator[str]:
    """The characters of base64 texts that depend on these bytes alone, with 0 to 2 other bytes before them.

    `user:secret` in an Authorization header is the usual case: the secret begins at any of three offsets.
    """
    for offset in range(3):
        first, last = math.ceil(offset * 8 / 6), (offset + len(raw)) * 8 // 6
        core = base64.b64encode(bytes(offset) + raw).decode()[first:last]
        if len(core) >= _SHORTEST_BASE64:
            yield core
