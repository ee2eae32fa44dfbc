"""`outputRawFormat: json`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JSON has no options."""


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by msgspec, whose DecodeError is a ValueError."""
    decode = msgspec.json.Decoder().decode

    def read(body: bytes, content_type: str | None) -> object:
        try:
            return decode(body)
        except RecursionError:
            raise ValueError("nested too deep") from None

    return read


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer JSON."""
    return [OutputMapper(key="json", options=Options, compile=compile, at_once=256 * 1024)]
