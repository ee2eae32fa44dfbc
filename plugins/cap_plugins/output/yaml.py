"""`outputRawFormat: yaml`: the first document of a YAML stream, read as capability documents are.

That is the core schema of YAML 1.2: `yes` and dates are strings, a key twice is an error, keys are strings. Anchors
are followed; what they repeat counts each time against the bounds of depth and size that capability documents have, so
a small answer never becomes a large one. An answer of white space and comments alone is null.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.documents import load, plain
from cap_core.errors import SpecError
from cap_core.hookspecs import hookimpl
from cap_core.offers import OutputAt, OutputMapper
from cap_plugins.output.charset import text


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """YAML has no options."""


def compile(options: Options, at: OutputAt) -> Callable[[bytes, str | None], object]:
    """The reader of capability documents, which is bounded."""
    return lambda body, content_type: value(text(body, content_type))


def value(source: str) -> object:
    """The value of a YAML text. Raises `ValueError` for one that is none, or is too large."""
    try:
        return plain(load(source.encode(), ""))
    except SpecError as error:
        if error.what == "the file is empty":
            return None
        raise ValueError(error.what) from None


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer YAML."""
    return [OutputMapper(key="yaml", options=Options, compile=compile)]
