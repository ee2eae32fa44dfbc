"""`outputRawFormat: binary`: `{"data": …, "mediaType": …}`.

An untouched answer stays what it is: bytes, streamed, of the type the document or the upstream says. This is for
answers that outputs are read from, which is JSON, and JSON has no bytes: `data` is their base64, `mediaType` what they
are, so that `$.data` and `$.mediaType` are there to be mapped.

`mediaType` is `outputMediaType`, else the upstream's content type, else `application/octet-stream`. An answer larger
than `maxBinarySize` is refused; without one the gateway's own limit holds.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper
from cap_core.runtime import output_format


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The media type of the bytes, and the most of them."""

    outputMediaType: str | None = None
    maxBinarySize: str | None = None


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """Base64, as JSON carries bytes everywhere."""
    largest, declared = output_format.size(at.operation), output_format.media_type(at.operation)

    def read(body: bytes, content_type: str | None) -> object:
        if largest is not None and len(body) > largest:
            raise ValueError(f"larger than {largest} bytes")
        return {
            "data": base64.b64encode(body).decode(),
            "mediaType": declared or content_type or "application/octet-stream",
        }

    return read


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer bytes."""
    return [OutputMapper(key="binary", options=Options, compile=compile)]
