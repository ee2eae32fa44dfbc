"""`outputRawFormat: json`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.hookspecs import hookimpl
from cap_core.offers import OutputAt, OutputMapper


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JSON has no options."""


def compile(options: Options, at: OutputAt) -> Callable[[bytes, str | None], object]:
    """msgspec's decoder, whose DecodeError is a ValueError."""
    decode = msgspec.json.Decoder().decode
    return lambda body, content_type: decode(body)


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer JSON."""
    return [OutputMapper(key="json", options=Options, compile=compile)]
