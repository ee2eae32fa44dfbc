"""The media type of an answer: its kind of content."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import msgspec

from cap_core.syntax.charset import named

Kind = Literal["json", "text", "image", "audio", "binary", "undeclared"]

_TEXTUAL = re.compile(
    r"text/.*|.*\+(xml|yaml)|application/(xml|yaml|x-yaml|toml|sql|graphql|javascript|ecmascript|"
    r"x-www-form-urlencoded|x-ndjson|ndjson|jsonl|x-jsonlines|jsonlines|json-seq|.*\+json-seq|stream\+json|n-triples|n-quads)"
)
_JSON = re.compile(r"(application|text)/json|.*\+json")


class MediaType(msgspec.Struct, frozen=True):
    """A parsed media type: its kind, its name without parameters, the whole of it (None: undeclared), and whether JSON
    of this type is UTF-8 if nothing in it says otherwise."""

    kind: Kind
    name: str
    declared: str | None
    utf8: bool


@lru_cache(maxsize=256)
def parse_media_type(content_type: bytes | None) -> MediaType:
    """Parse a Content-Type. The cache suffices, because upstreams send few different ones."""
    if content_type is None:
        return MediaType("undeclared", "application/octet-stream", None, utf8=True)
    declared = content_type.decode("latin-1")
    name = declared.lower().partition(";")[0].strip()
    return MediaType(_kind(name), name, declared, utf8=named(declared) in ("", "utf-8", "ascii"))


def _kind(name: str) -> Kind:
    if _JSON.fullmatch(name):
        return "json"
    if _TEXTUAL.fullmatch(name):  # before image/: models cannot look at SVG, but can read it
        return "text"
    if name.startswith("image/"):
        return "image"
    return "audio" if name.startswith("audio/") else "binary"
