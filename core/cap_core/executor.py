"""Run a call: build its request, send it, shape the answer."""

from __future__ import annotations

import asyncio
import re
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin, urlsplit

import msgspec

from cap_core import shapes
from cap_core.context import Context
from cap_core.errors import Refusal, UpstreamError
from cap_core.offers import Limits
from cap_core.plan import Call
from cap_core.requests import Build, Values
from cap_core.types import Answer, Body, Headers, Reply, Request, Response, Run, Send

_KEPT = frozenset(
    b"content-type content-length content-encoding content-disposition content-language content-range"
    b" accept-ranges etag last-modified vary cache-control link location allow retry-after x-request-id".split()
)
_KEPT_PREFIXES = (b"ratelimit-", b"x-ratelimit-")
# What a body that is made anew no longer has.
_OF_THE_BODY = frozenset(b"content-type content-length content-encoding content-range accept-ranges etag".split())

MAX_REDIRECTS = 5
LARGE = 256 * 1024
"""Bytes above which an answer is decoded in a thread, so that it holds nobody else up: 10 MB of XML or CSV take 2 to
3 s, 256 KB about 60 ms."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


def compile_run(
    call: Call,
    build: Build,
    send: Send,
    decode: Callable[[bytes, str | None], object] | None,
    limits: Limits,
    *,
    strict: bool,
    origin: str,
) -> Run:
    """The function that runs a call. `decode` is None on identity; `origin` is the upstream's scheme, host and port."""
    follows = call.operation.method in ("GET", "HEAD")

    async def exchange(values: Values, context: Context) -> Response:
        request = build(values, context)
        try:
            response = await _sent(request, send, context)
            if follows and response.status in _REDIRECTS and (context.follow or decode is not None):
                response = await _follow(request, response, send, context, origin)
            _check(response)
        except UpstreamError as error:
            raise failed(error, call) from None
        return response

    if decode is None:

        async def identity(values: Values, context: Context) -> Answer:
            response = await exchange(values, context)
            headers, body, status = kept(response.headers), response.body, response.status
            if context.follow and (coding := _coding(headers)):
                headers, body = _decoded(headers), await _uncoded(body, coding, limits.answer, call)
            return Reply(status, headers, body, status >= 400)

        return identity

    shape = shapes.compile(call.outputs, strict=strict)
    read = decode

    async def mapped(values: Values, context: Context) -> Answer:
        response = await exchange(values, context)
        headers = kept(response.headers)
        if response.status >= 300:
            refused = response.body
            if coding := _coding(headers):
                headers, refused = _decoded(headers), await _uncoded(refused, coding, limits.answer, call)
            return Reply(response.status, headers, refused, response.status >= 400)
        body = await _whole(response, limits.answer, call)
        if not body:
            return Reply(response.status, _decoded(headers), b"")
        kind = _value(response.headers, b"content-type")
        if len(body) > LARGE:
            data = await asyncio.to_thread(_shaped, read, shape, body, kind, call)
        else:
            data = _shaped(read, shape, body, kind, call)
        return Reply(response.status, (_JSON, *(h for h in headers if h[0] not in _OF_THE_BODY)), data)

    return mapped


async def _sent(request: Request, send: Send, context: Context) -> Response:
    try:
        return await send(request, context)
    except ValueError:
        # The transport's last look at a message before it is sent; its words may quote what must not be shown.
        what = "the request cannot be sent: a header, its path or the length of its body is not what HTTP allows"
        raise Refusal(400, "invalid-input", what) from None


_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


def _check(response: Response) -> None:
    """What no server can hand on is no answer: a status outside of HTTP's, or control characters in a header."""
    if not 200 <= response.status <= 599:
        raise UpstreamError("garbage", f"the upstream answered with the status {response.status}")
    for _, value in response.headers:
        if _CONTROL.search(value):
            raise UpstreamError("garbage", "the upstream answered with a header that holds control characters")


_JSON = (b"content-type", b"application/json")


def kept(headers: Headers) -> Headers:
    """The upstream headers that the caller gets to see; no hop-by-hop ones, and no cookies."""
    return tuple([header for header in headers if header[0] in _KEPT or header[0].startswith(_KEPT_PREFIXES)])


def failed(error: UpstreamError, call: Call) -> Refusal:
    """A transport failure as a refusal: unreachable is 502, out of time is 504."""
    name = call.operation.consumed.namespace
    if error.kind in ("connect", "idle", "total"):
        return Refusal(
            504, "upstream-timeout", f"{name} did not answer in time: {error.detail}", hint="try again later"
        )
    code = "upstream-malformed" if error.kind in ("garbage", "length") else "upstream-unreachable"
    return Refusal(502, code, f"{name}: {error.detail}", hint="try again later", sent=error.sent)


def _value(headers: Headers, name: bytes) -> str | None:
    return next((value.decode("latin-1") for header, value in headers if header == name), None)


# --- redirects ----------------------------------------------------------------------------------------------------


async def _follow(request: Request, response: Response, send: Send, context: Context, origin: str) -> Response:
    """Follow a GET or HEAD as long as it stays on its origin; elsewhere the redirect itself is the answer."""
    for _ in range(MAX_REDIRECTS):
        location = _value(response.headers, b"location")
        if response.status not in _REDIRECTS or not location:
            return response
        target = _same_origin(location, request.target, origin)
        if target is None:
            return response
        await _dropped(response.body)
        request = msgspec.structs.replace(request, target=target)
        response = await send(request, context)
    return response


def _same_origin(location: str, target: bytes, origin: str) -> bytes | None:
    """Where a redirect leads on its own origin; None where it leads elsewhere, or is no address."""
    try:
        absolute = urljoin(origin + target.decode("latin-1"), location)
        parts = urlsplit(absolute)
    except ValueError:
        return None
    if f"{parts.scheme}://{parts.netloc}" != origin:
        return None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return path.encode() if path.isascii() and path.isprintable() and " " not in path else None


async def _dropped(body: Body) -> None:
    if not isinstance(body, bytes):
        await body.aclose()


# --- bodies -------------------------------------------------------------------------------------------------------


async def collect(body: Body, limit: int) -> bytes | None:
    """The whole of a body, or None where it is larger than `limit` bytes. Raises `UpstreamError`."""
    if isinstance(body, bytes):
        return body if len(body) <= limit else None
    chunks, size = [], 0
    try:
        async for chunk in body:
            size += len(chunk)
            if size > limit:
                return None
            chunks.append(chunk)
    finally:
        await body.aclose()
    return b"".join(chunks)


async def _whole(response: Response, limit: int, call: Call) -> bytes:
    coding = _coding(response.headers)
    if coding:
        return await _uncoded(response.body, coding, limit, call)
    return await _collected(response.body, limit, call)


async def _collected(body: Body, limit: int, call: Call) -> bytes:
    try:
        whole = await collect(body, limit)
    except UpstreamError as error:
        raise failed(error, call) from None
    if whole is None:
        raise _malformed(call, f"the answer is larger than {limit} bytes")
    return whole


def _coding(headers: Headers) -> str:
    coding = (_value(headers, b"content-encoding") or "").strip().lower()
    return "" if coding == "identity" else coding


async def _uncoded(body: Body, coding: str, limit: int, call: Call) -> bytes:
    """A body without its content encoding, for an upstream that compresses although identity was asked for."""
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise _malformed(call, f"the answer is encoded as {coding!r}, though identity was asked for")
    raw = await _collected(body, limit, call)
    if not raw:
        return raw
    # 32 + MAX_WBITS reads both gzip's and zlib's header.
    expand = zlib.decompressobj(32 + zlib.MAX_WBITS)
    try:
        out = expand.decompress(raw, limit + 1)
    except zlib.error:
        raise _malformed(call, f"the answer is not the {coding} it says it is") from None
    if len(out) > limit:
        raise _malformed(call, f"the answer is larger than {limit} bytes")
    return out


def _decoded(headers: Headers) -> Headers:
    return tuple(header for header in headers if header[0] not in (b"content-encoding", b"content-length"))


def _shaped(
    decode: Callable[[bytes, str | None], object], shape: shapes.Shape, body: bytes, kind: str | None, call: Call
) -> bytes:
    try:
        document: Any = decode(body, kind)
    except ValueError:
        raise _malformed(call, f"the answer is not the {call.operation.format} it should be") from None
    try:
        return msgspec.json.encode(shape(document))
    except shapes.NothingFound as error:
        what = f"the mapping {error} found nothing in the answer of {call.operation.address}"
        raise Refusal(
            502, "nothing-found", what, hint="see 'cap explain', or serve without --strict-outputs", sent=True
        ) from None


def _malformed(call: Call, what: str) -> Refusal:
    return Refusal(502, "upstream-malformed", f"{call.operation.consumed.namespace}: {what}")
