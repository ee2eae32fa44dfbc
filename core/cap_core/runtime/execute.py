"""Run a call: get the upstream's answer, and hand it on untouched or mapped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from cap_core.errors import Refusal, UpstreamError
from cap_core.plan.call import Call
from cap_core.plan.upstream import Operation
from cap_core.plugins.context import Context, Run
from cap_core.plugins.messages import Answer, Headers, Reply
from cap_core.runtime import jsonpath, output_mapping
from cap_core.runtime.failures import malformed, nothing_found, unanswered
from cap_core.runtime.send import SendStep
from cap_core.runtime.streams import collect
from cap_core.runtime.values import Frame

_KEPT: Final = frozenset(
    b"content-type content-length content-encoding content-disposition content-language content-range"
    b" accept-ranges etag last-modified vary cache-control link location allow retry-after x-request-id".split()
)
_KEPT_PREFIXES: Final = (b"ratelimit-", b"x-ratelimit-")
# What a body that is made anew no longer has.
_OF_THE_BODY: Final = frozenset(
    b"content-type content-length content-encoding content-range accept-ranges etag".split()
)
_OF_THE_BYTES: Final = frozenset((b"content-length", b"content-encoding"))
_JSON: Final = (b"content-type", b"application/json")

LARGE: Final = 256 * 1024
"""Bytes above which an answer is decoded in a thread, so that it holds nobody else up: 10 MB of XML or CSV take 2 to
3 s, 256 KB about 60 ms."""

Decode = Callable[[bytes, str | None], object]
"""From an answer's bytes and its content type to JSON-like data. Raises `ValueError`."""


def compile_run(call: Call, step: SendStep, decode: Decode | None, *, limit: int, strict: bool) -> Run:
    """The function that runs a call. `decode` is None where the answer goes through untouched.

    `limit` is the size in bytes of the largest answer that is read; with `strict`, a mapping that finds nothing is 502.
    """
    return _untouched(step) if decode is None else _mapped(call, step, decode, limit=limit, strict=strict)


def _untouched(step: SendStep) -> Run:

    async def untouched(values: Mapping[str, object], context: Context) -> Answer:
        response = await step(Frame(values), context)
        return Reply(response.status, kept(response.headers), response.body, response.status >= 400)

    return untouched


def _mapped(call: Call, step: SendStep, decode: Decode, *, limit: int, strict: bool) -> Run:
    """Outputs shape successes only (`docs/semantics.md`, the response)."""
    convert = _compile_conversion(call, decode, strict=strict)
    namespace = call.operation.consumed.namespace

    async def mapped(values: Mapping[str, object], context: Context) -> Answer:
        response = await step(Frame(values), context)
        headers = kept(response.headers)
        if response.status >= 300:
            return Reply(response.status, headers, response.body, response.status >= 400)
        try:
            body = await collect(response.body, limit)
        except UpstreamError as error:
            raise unanswered(error, namespace) from None
        if body is None:
            raise malformed(namespace, f"the answer is larger than {limit} bytes")
        if not body:
            return Reply(response.status, tuple(h for h in headers if h[0] not in _OF_THE_BYTES), b"")
        content_type = next((v.decode("latin-1") for n, v in response.headers if n == b"content-type"), None)
        if len(body) > LARGE:
            data = await asyncio.to_thread(convert, body, content_type)
        else:
            data = convert(body, content_type)
        return Reply(response.status, (_JSON, *(h for h in headers if h[0] not in _OF_THE_BODY)), data)

    return mapped


def _compile_conversion(call: Call, decode: Decode, *, strict: bool) -> Callable[[bytes, str | None], bytes]:
    """The function from an answer's bytes and content type to the JSON text of its outputs. It raises `Refusal`."""
    mapping = output_mapping.compile(call.outputs, strict=strict)
    operation = call.operation

    def convert(body: bytes, content_type: str | None) -> bytes:
        try:
            document = decode(body, content_type)
        except ValueError:
            what = f"the answer is not the {operation.format} it should be"
            raise malformed(operation.consumed.namespace, what) from None
        try:
            return msgspec.json.encode(mapping(document))
        except (output_mapping.NothingFound, jsonpath.QueryError) as error:
            raise _unmapped(error, operation) from None

    return convert


def _unmapped(error: Exception, operation: Operation) -> Refusal:
    if isinstance(error, output_mapping.NothingFound):
        return nothing_found(str(error), operation.address)
    return malformed(operation.consumed.namespace, f"a mapping cannot be followed in the answer: {error}")


def kept(headers: Headers) -> Headers:
    """The upstream headers that the caller gets to see; no hop-by-hop ones, and no cookies."""
    return tuple([header for header in headers if header[0] in _KEPT or header[0].startswith(_KEPT_PREFIXES)])
