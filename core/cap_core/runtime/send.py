"""Compiles one step of a call: builds and sends its request, follows redirects, and checks the response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Final

import msgspec

from cap_core.errors import Refusal, UnsendableError, UpstreamError
from cap_core.plan.upstream import Operation
from cap_core.plugins.context import Context, Send
from cap_core.plugins.guard import Source, Unfit, defined
from cap_core.plugins.messages import HttpRequest, HttpResponse
from cap_core.runtime.concealment import Conceal
from cap_core.runtime.content_coding import decoded, is_encoded
from cap_core.runtime.failures import failure, malformed, unanswered, unsendable
from cap_core.runtime.redirects import MAX_REDIRECTS, REDIRECTS, redirected
from cap_core.runtime.request import Build
from cap_core.runtime.streams import drop
from cap_core.runtime.values import Frame
from cap_core.runtime.workers import Workers
from cap_core.syntax.http import has_control

_VALUE: Final = itemgetter(1)

SendStep = Callable[[Frame, Context], Awaitable[HttpResponse]]
"""Gets the upstream's response for a call's frame; the function's caller closes the body. Raises `Refusal`."""


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """How the requests of a step are sent: with `send` of the transport plugin `sender`, to `origin` (scheme, host and
    port); `conceal` cleans the headers of every answer, and `workers` decode large ones.

    An answer that is collected has `total` seconds from the call's first step on (None: what the transport was told).
    """

    send: Send
    sender: Source
    origin: str
    conceal: Conceal
    workers: Workers
    total: float | None


def compile_send(operation: Operation, build: Build, how: Sending, *, reads: bool, limit: int) -> SendStep:
    """The function that gets an operation's answers (`docs/semantics.md`, the upstream request).

    If the gateway reads the answer (`reads`), or the context requires it (`Context.follow`), redirects of GET and HEAD
    are followed on the same origin, and content codings are removed; the body then has at most `limit` bytes.
    """
    send, sender, origin, conceal = how.send, how.sender, how.origin, how.conceal
    namespace = operation.consumed.namespace
    follows, total = operation.method in ("GET", "HEAD"), how.total

    async def step(frame: Frame, context: Context) -> HttpResponse:
        request = build(frame, context)
        whole = reads or context.follow
        if whole and total is not None and context.deadline is None:
            context.deadline = asyncio.get_running_loop().time() + total
        try:
            try:
                response = await send(request, context)
            except UnsendableError:
                raise unsendable() from None
            if not isinstance(response, HttpResponse):
                raise sender.fault(f"it gave {Unfit(response, 'an HttpResponse')}", defined(send))
            # Until it is returned, this function owns the response: any failure, and a cancellation too, closes the
            # body, because otherwise the pool would lose the connection.
            try:
                if whole and follows and response.status in REDIRECTS:
                    request, response = await _followed(request, response, send, context, origin)
                    if redirected(request, response, origin) is not None:
                        raise malformed(namespace, f"it redirects more than {MAX_REDIRECTS} times")
                _check(response)
                response = conceal(response, request.target)
                if whole and is_encoded(response.headers):
                    return await decoded(response, limit, namespace, how.workers, context.deadline)
                return response
            except BaseException:
                await drop(response.body)
                raise
        except UpstreamError as error:
            raise unanswered(error, namespace) from None
        except Refusal:
            raise
        except Exception as error:
            raise failure(error, context) from None

    return step


async def _followed(
    request: HttpRequest, response: HttpResponse, send: Send, context: Context, origin: str
) -> tuple[HttpRequest, HttpResponse]:
    """The last request and its response, after the redirects that are followed; the responses before it are closed."""
    for _ in range(MAX_REDIRECTS):
        further = redirected(request, response, origin)
        if further is None:
            break
        await drop(response.body)
        request, response = further, await send(further, context)
    return request, response


def _check(response: HttpResponse) -> None:
    """Raise `UpstreamError` for a response that no server can pass on: a status outside of HTTP's range, or control
    characters in a header."""
    if not 200 <= response.status <= 599:
        raise UpstreamError("garbage", f"the upstream answered with the status {response.status}")
    if has_control(b"".join(map(_VALUE, response.headers))):
        raise UpstreamError("garbage", "the upstream answered with a header that holds control characters")
