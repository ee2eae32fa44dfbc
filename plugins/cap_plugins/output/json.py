"""`outputRawFormat: json`.

It is read in UTF-8, or in the charset of its byte order mark or of its content type. What JSON allows and few programs
can hold (`1e400`, thousands of digits, half of a surrogate pair) does no harm unless it is mapped; a number is then
written as it came.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper
from cap_core.syntax.charset import json_bytes
from cap_core.syntax.json_text import decode_any


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JSON has no options."""


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by msgspec, whose DecodeError is a ValueError."""

    def read(body: bytes, content_type: str | None) -> object:
        try:
            return decode_any(json_bytes(body, content_type))
        except RecursionError:
            raise ValueError("nested too deep") from None

    return read


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer JSON."""
    return [OutputMapper(key="json", options=Options, compile=compile, at_once=256 * 1024)]
