"""Reads TOML with `tomllib`, and finds the line and column of each key and value.

`tomllib` decides what is TOML; it keeps no positions, and tomlkit, which keeps the layout, gives none either. The scan
below runs over text that is known to be valid, so it only has to tell keys, strings and brackets apart.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any, NamedTuple

from cap_core.errors import ConfigError, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str | int, ...]
"""The keys and list indexes from the root to a value."""

_TOKEN = re.compile(
    r'''(?P<string> """(?:\\.|[^\\])*?""""{0,2} | \'\'\'.*?\'\'\'\'{0,2} | "(?:\\.|[^"\\\n])*" | '[^'\n]*')
      | (?P<skip> [ \t]+ | \#[^\n]*)
      | (?P<newline> \n)
      | (?P<sign> [\[\]{}=,.])
      | (?P<bare> [^\s"'\#\[\]{}=,.]+)''',
    re.VERBOSE | re.DOTALL,
)
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Document(NamedTuple):
    """A parsed file: its data, and the marks of its keys and values."""

    data: dict[str, Any]
    keys: dict[Path, Mark]
    values: dict[Path, Mark]


class _Token(NamedTuple):
    kind: str
    text: str
    offset: int


def load(raw: bytes, file: str) -> Document:
    """Parse a file. Raises `ConfigError` at the place of what is wrong with it."""
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        at = Mark(file, raw.count(b"\n", 0, error.start) + 1, error.start - raw.rfind(b"\n", 0, error.start))
        raise ConfigError("not UTF-8 text", at=at, hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), text, file) from None
    scan = _Scan(text, file)
    scan.document()
    return Document(data, scan.keys, scan.values)


def _syntax(message: str, text: str, file: str) -> ConfigError:
    """tomllib's error with its place in front."""
    found = _AT.search(message)
    if found is None:
        return ConfigError(message, at=Mark(file, 1, 1))
    end = (text.count("\n") + 1, len(text) - text.rfind("\n"))
    line, column = (int(found[1]), int(found[2])) if found[1] else end
    return ConfigError(message[: found.start()], at=Mark(file, line, column))


class _Scan:
    """Walks over the tokens of valid TOML, and records the marks of keys and values."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.keys: dict[Path, Mark] = {}
        self.values: dict[Path, Mark] = {}
        self._tokens = self._read()
        self._ahead = next(self._tokens)
        self._tables: dict[Path, int] = {}

    def document(self) -> None:
        """The whole file: headers, and assignments below them."""
        below: Path = ()
        while self._ahead.kind != "end":
            if self._ahead.kind == "newline":
                self._next()
            elif self._ahead.text == "[":
                below = self._header()
            else:
                self._assignment(below)

    def _read(self) -> Iterator[_Token]:
        for found in _TOKEN.finditer(self.text):
            if found.lastgroup != "skip":
                yield _Token(str(found.lastgroup), found[0], found.start())
        yield _Token("end", "", len(self.text))

    def _next(self) -> _Token:
        token = self._ahead
        self._ahead = next(self._tokens, token)
        return token

    def _mark(self, token: _Token) -> Mark:
        line = self.text.count("\n", 0, token.offset) + 1
        return Mark(self.file, line, token.offset - self.text.rfind("\n", 0, token.offset))

    def _header(self) -> Path:
        self._next()
        repeated = self._ahead.text == "["
        if repeated:
            self._next()
        path = self._key(())
        self._next()
        if repeated:
            self._next()
            self._tables[path] = self._tables.get(path, -1) + 1
            path = (*path, self._tables[path])
        self.values.setdefault(path, self.keys[path[:-1] if repeated else path])
        return path

    def _key(self, below: Path) -> Path:
        """Read a dotted key, up to the sign after it."""
        path = below
        while True:
            token = self._next()
            path = (*path, _name(token))
            self.keys.setdefault(path, self._mark(token))
            if self._ahead.text != ".":
                return path
            self._next()

    def _assignment(self, below: Path) -> None:
        path = self._key(below)
        self._next()  # the equals sign
        self._value(path)

    def _value(self, path: Path) -> None:
        self.values[path] = self._mark(self._ahead)
        if self._ahead.text == "[":
            self._list(path)
        elif self._ahead.text == "{":
            self._inline(path)
        else:
            while self._ahead.kind in ("string", "bare") or self._ahead.text == ".":
                self._next()

    def _list(self, path: Path) -> None:
        self._next()
        position = 0
        while self._ahead.text != "]":
            if self._ahead.kind == "newline":
                self._next()
            elif self._ahead.text == ",":
                self._next()
                position += 1
            else:
                self._value((*path, position))
        self._next()

    def _inline(self, path: Path) -> None:
        self._next()
        while self._ahead.text != "}":
            if self._ahead.kind == "newline" or self._ahead.text == ",":
                self._next()
            else:
                self._assignment(path)
        self._next()


def _name(token: _Token) -> str:
    if token.kind == "bare":
        return token.text
    return str(tomllib.loads(f"name = {token.text}")["name"])
