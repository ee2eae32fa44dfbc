"""`outputRawFormat: csv`: values separated by commas, read by `separated`."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper
from cap_plugins.output.separated import reader


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The format has no options."""


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by Python's own reader, which fails if a quote is not closed."""
    return reader(",")


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer values separated by commas."""
    return [OutputMapper(key="csv", options=Options, compile=compile)]
