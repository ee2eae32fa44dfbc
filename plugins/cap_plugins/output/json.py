"""`outputRawFormat: json`.

It is read in UTF-8, or in the charset of its byte order mark or of its content type. What JSON allows and few programs
can hold (`1e400`, thousands of digits, half of a surrogate pair) does no harm unless it is mapped; a number is then
written as it came.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper
from cap_core.syntax.charset import json_text

_DIGITS = 400
_LONG = re.compile(rb"[0-9]{20}|[eE][+]?[0-9]{3}")
"""What a number has that is out of range."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """JSON has no options."""


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by msgspec, whose DecodeError is a ValueError."""
    decode = msgspec.json.Decoder().decode

    def read(body: bytes, content_type: str | None) -> object:
        data = json_text(body, content_type)
        try:
            return decode(data)
        except msgspec.DecodeError:
            return _beyond(data)
        except RecursionError:
            raise ValueError("nested too deep") from None

    return read


def _beyond(data: bytes) -> object:
    """JSON that msgspec refuses because it has numbers or texts beyond what it holds. Raises `ValueError`."""
    if b"\\u" not in data and not _LONG.search(data):
        raise ValueError("not JSON")
    try:
        return json.loads(data, parse_int=_whole, parse_float=_number, parse_constant=_constant)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _whole(text: str) -> object:
    return int(text) if len(text) < _DIGITS else msgspec.Raw(text.encode())


def _number(text: str) -> object:
    value = float(text)
    return value if math.isfinite(value) else msgspec.Raw(text.encode())


def _constant(text: str) -> object:
    raise ValueError(f"{text} is not JSON")


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer JSON."""
    return [OutputMapper(key="json", options=Options, compile=compile, at_once=256 * 1024)]
