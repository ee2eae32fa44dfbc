"""The media type of an answer: its kind of content and its charset."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache
from typing import Literal

import msgspec

Kind = Literal["json", "text", "image", "audio", "binary", "undeclared"]

_TEXTUAL = re.compile(
    r"text/.*|.*\+(xml|yaml)|application/(xml|yaml|x-yaml|toml|sql|graphql|javascript|ecmascript|"
    r"x-www-form-urlencoded|x-ndjson|ndjson|jsonl|x-jsonlines|jsonlines|json-seq|.*\+json-seq|stream\+json|n-triples|n-quads)"
)
_JSON = re.compile(r"(application|text)/json|.*\+json")
# Families of charsets whose decoders are plain tables; others that Python knows can be slow or make lone surrogates.
_CHARSET = re.compile(r"utf-?(16|32)(-?[lb]e)?|(iso-?8859|windows|cp|koi8|euc|gb|big5|shift|mac)[-_\w]*")


class MediaType(msgspec.Struct, frozen=True):
    """A parsed media type: its kind, its name without parameters, and the charset of its text."""

    kind: Kind
    name: str
    charset: str


@lru_cache(maxsize=256)
def parse_media_type(content_type: bytes | None) -> MediaType:
    """Parse a Content-Type. The cache suffices, because upstreams send few different ones."""
    if content_type is None:
        return MediaType("undeclared", "application/octet-stream", "utf-8")
    name, *parameters = content_type.decode("latin-1").lower().split(";")
    name = name.strip()
    return MediaType(_kind(name), name, _charset(parameters))


def _kind(name: str) -> Kind:
    if _JSON.fullmatch(name):
        return "json"
    if _TEXTUAL.fullmatch(name):  # before image/: models cannot look at SVG, but can read it
        return "text"
    if name.startswith("image/"):
        return "image"
    return "audio" if name.startswith("audio/") else "binary"


def _charset(parameters: list[str]) -> str:
    """The charset as Python calls it; UTF-8, of which ASCII is a part, where none is given or none we know."""
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        value = value.strip().strip('"')
        if key.strip() == "charset" and _CHARSET.fullmatch(value):
            try:
                return codecs.lookup(value).name
            except LookupError:
                break
    return "utf-8"
