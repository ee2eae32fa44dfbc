"""`outputRawFormat: binary`: `{"data": …, "mediaType": …}`.

Callers get the bytes as they are, under the media type of the document or the upstream; outputs beside them have no
effect. This decoder is for answers that a later step of a flow reads. JSON has no bytes, so `data` is their base64, and
`mediaType` their media type: `found.data`, `found.mediaType`.

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
    """The decoder, which encodes bytes as base64."""
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
    return [OutputMapper(key="binary", options=Options, compile=compile, untouched=True)]
