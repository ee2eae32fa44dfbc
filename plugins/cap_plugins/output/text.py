"""`outputRawFormat: text`: the whole answer as one string."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper
from cap_core.syntax.charset import text


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text has no options; its charset is the answer's."""


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by the answer's charset."""
    return text


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer plain text."""
    return [OutputMapper(key="text", options=Options, compile=compile, at_once=256 * 1024)]
