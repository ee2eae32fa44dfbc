"""The types of the settings' values: their names in messages, and their conversions from text and from TOML."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec


class ValueType(msgspec.Struct, frozen=True):
    """One type of value.

    `noun` names it in messages ("a port, 0 to 65535"); `types` are the TOML types that may hold it; `parse` converts
    the text of a flag or variable, or raises ValueError; `accepts` checks a value of the right type.
    """

    noun: str
    types: tuple[type, ...] = (str,)
    parse: Callable[[str], Any] = str
    accepts: Callable[[Any], bool] = bool
    path: bool = False
    """Whether the value is a path; a relative one is resolved from the directory of its `cap.toml`."""
    metavar: str = ""
    """The name of a value in help, unless the setting has its own."""
    synonyms: Mapping[str, str] = {}
    """Other spellings of some values."""

    def from_text(self, text: str, directory: Path) -> Any:
        """The value of a flag or variable. Raises ValueError with the reason."""
        try:
            value = self.parse(text)
        except ValueError:
            value = None
        return self._checked(value, text, directory)

    def from_toml(self, value: object, directory: Path) -> Any:
        """The value of a TOML key. Raises ValueError with the reason."""
        # `type() in`, because True is an int to isinstance.
        return self._checked(value if type(value) in self.types else None, value, directory)

    def _checked(self, value: Any, given: object, directory: Path) -> Any:
        if self.synonyms and isinstance(value, str):
            value = self.synonyms.get(value, value)
        if value is None or not self.accepts(value):
            shown = given if isinstance(given, str) else str(given).lower()
            raise ValueError(f"must be {self.noun}, not {shown!r}")
        return directory / value if self.path else value


def choice(*words: str) -> ValueType:
    """One of a few words."""
    noun = " or ".join((", ".join(words[:-1]), words[-1]))
    return ValueType(noun, accepts=words.__contains__, metavar="|".join(words))


_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _parse_switch(text: str) -> bool:
    try:
        return _WORDS[text.lower()]
    except KeyError:
        raise ValueError(text) from None


def _is_web(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _is_url(text: str) -> bool:
    return _is_web(text) and not {"?", "#", "@"} & set(text)


def _is_origin(text: str) -> bool:
    if text == "*":
        return True
    scheme, mark, rest = text.partition("://")
    return bool(scheme and mark and rest) and not {"/", "?", "#", "@"} & set(rest)


def _is_caller_auth(text: str) -> bool:
    kind, colon, name = text.partition(":")
    return bool(kind and colon and name)


TEXT = ValueType("text")
LOG_FORMAT = ValueType(
    "console or json", accepts=("console", "json").__contains__, metavar="console|json", synonyms={"text": "console"}
)
ANY = ValueType("text", accepts=lambda _: True)
PORT = ValueType("a port, 0 to 65535", (int,), int, range(65536).__contains__)
COUNT = ValueType("a whole number from 1", (int,), int, lambda number: number >= 1)
SECONDS = ValueType("a number of seconds", (int, float), float, lambda number: number >= 0 and math.isfinite(number))
POSITIVE = ValueType("a number of seconds above 0", (int, float), float, lambda number: 0 < number < math.inf)
SWITCH = ValueType("true or false", (bool,), _parse_switch, lambda _: True)
FILE = ValueType("a path", path=True)
URL = ValueType("an http(s) URL without userinfo, query and fragment", accepts=_is_url)
PROXY = ValueType("an http(s) URL", accepts=_is_web)
ORIGIN = ValueType("an origin such as https://app.example, or * for all", accepts=_is_origin)
CALLER_AUTH = ValueType("TYPE:NAME", accepts=_is_caller_auth)
