"""`outputRawFormat: text`: the whole answer as one string."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message

import msgspec

from cap_core.hookspecs import hookimpl
from cap_core.offers import OutputAt, OutputMapper


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text has no options; its charset is the answer's."""


def compile(options: Options, at: OutputAt) -> Callable[[bytes, str | None], object]:
    """Decode by the charset the answer names, else UTF-8."""
    return lambda body, content_type: body.decode(_charset(content_type))


def _charset(content_type: str | None) -> str:
    message = Message()
    message["content-type"] = content_type or "text/plain"
    charset = message.get_content_charset("utf-8")
    try:
        "".encode(charset)
    except LookupError:
        return "utf-8"
    return charset


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer plain text."""
    return [OutputMapper(key="text", options=Options, compile=compile)]
