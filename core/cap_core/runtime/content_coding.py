"""Removes content codings from an answer (RFC 9110, 8.4), for upstreams that compress although they should not.

The standard library's readers do it. `gzip.GzipFile` reads every member of a stream (RFC 1952, 2.2) and checks its
CRC, its length and that it has an end, which the decoders of urllib3 and httpx do not; zlib's own object tells whether
a `deflate` stream has ended. Both give no more than they are asked for, so a small answer cannot become a huge one.
"""

from __future__ import annotations

import asyncio
import gzip
import io
import zlib
from collections.abc import Callable
from typing import Final

import msgspec

from cap_core.errors import Refusal
from cap_core.plugins.messages import Headers, HttpResponse
from cap_core.runtime.failures import malformed
from cap_core.runtime.streams import collect
from cap_core.runtime.worker import make_job
from cap_core.runtime.workers import Workers, in_worker

MAX_CODINGS: Final = 5
"""Codings that one answer may have; each is removed from the entire body."""

SMALL: Final = 4 * 1024
LARGE: Final = 64 * 1024
"""Bytes above which a body is decoded in a thread, as zlib lets others work meanwhile, and in a process of its own, as
many tiny members of a gzip stream do not."""


def is_encoded(headers: Headers) -> bool:
    """Whether an answer names a coding, be it `identity`."""
    for name, _ in headers:  # noqa: SIM110  # a generator takes twice as long, and this is for every answer
        if name == b"content-encoding":
            return True
    return False


def _codings(headers: Headers) -> tuple[str, ...]:
    """The codings of an answer, in the order in which they were applied, without `identity`."""
    values = [value.decode("latin-1") for name, value in headers if name == b"content-encoding"]
    names = [name.strip() for value in values for name in value.split(",")]
    return tuple(name for name in names if name.lower() not in ("", "identity"))


async def decoded(
    response: HttpResponse, limit: int, namespace: str, workers: Workers, deadline: float | None
) -> HttpResponse:
    """The response with its body as it was before it was encoded; the same one if it has no coding.

    Raises `Refusal` 502 for a coding that is not known, for a body that is not of its coding, has no end, or is larger
    than `limit` bytes, encoded or not; and `UpstreamError` for one that breaks off. The caller closes the body then.
    """
    applied = _codings(response.headers)
    if not applied:
        return response
    unknown = next((name for name in applied if name.lower() not in _DECODERS), None)
    if unknown is not None and response.body != b"":
        raise malformed(namespace, f"the answer is encoded as {unknown!r}, though identity was asked for")
    if len(applied) > MAX_CODINGS:
        raise malformed(namespace, f"the answer is encoded {len(applied)} times")
    body = await collect(response.body, limit)
    if body is None:
        raise _too_large(namespace, limit)
    for name in reversed(applied):
        if len(body) > LARGE:
            body = await in_worker(workers, make_job((), _decode, name, limit, namespace), body, deadline, namespace)
        elif len(body) > SMALL:
            body = await asyncio.to_thread(_decode, body, name, limit, namespace)
        elif body:  # an answer to HEAD names its coding, but has no body
            body = _decode(body, name, limit, namespace)
    headers = tuple(header for header in response.headers if header[0] not in (b"content-encoding", b"content-length"))
    return msgspec.structs.replace(response, headers=headers, body=body)


def _decode(body: bytes, name: str, limit: int, namespace: str) -> bytes:
    """A body without one coding. Raises `Refusal` where it is not of that coding, or larger than `limit` bytes."""
    try:
        out = _DECODERS[name.lower()](body, limit + 1)
    except EOFError:
        raise malformed(namespace, f"the answer ends before its {name} does") from None
    except (OSError, zlib.error):
        raise malformed(namespace, f"the answer is not the {name} it says it is") from None
    if len(out) > limit:
        raise _too_large(namespace, limit)
    return out


def _too_large(namespace: str, limit: int) -> Refusal:
    return malformed(namespace, f"the answer is larger than {limit} bytes")


def _gunzip(body: bytes, most: int) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
        return stream.read(most)


def _inflate(body: bytes, most: int) -> bytes:
    """The zlib format, as RFC 9110 wants it; else bare deflate, which many servers send instead."""
    try:
        return _inflated(body, most, zlib.MAX_WBITS)
    except zlib.error:
        return _inflated(body, most, -zlib.MAX_WBITS)


def _inflated(body: bytes, most: int, bits: int) -> bytes:
    stream = zlib.decompressobj(bits)
    out = stream.decompress(body, most)
    if len(out) < most and not stream.eof:
        raise EOFError
    if stream.unused_data:
        raise zlib.error("something follows the end")
    return out


_DECODERS: Final[dict[str, Callable[[bytes, int], bytes]]] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _inflate,
}
