"""The media type of an answer: its kind of content."""

from __future__ import annotations

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


class MediaType(msgspec.Struct, frozen=True):
    """A parsed media type: its kind, and its name without parameters."""

    kind: Kind
    name: str


@lru_cache(maxsize=256)
def parse_media_type(content_type: bytes | None) -> MediaType:
    """Parse a Content-Type. The cache suffices, because upstreams send few different ones."""
    if content_type is None:
        return MediaType("undeclared", "application/octet-stream")
    name = content_type.decode("latin-1").lower().partition(";")[0].strip()
    return MediaType(_kind(name), name)


def _kind(name: str) -> Kind:
    if _JSON.fullmatch(name):
        return "json"
    if _TEXTUAL.fullmatch(name):  # before image/: models cannot look at SVG, but can read it
        return "text"
    if name.startswith("image/"):
        return "image"
    return "audio" if name.startswith("audio/") else "binary"
