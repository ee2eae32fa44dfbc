"""The reader of a body that is passed upstream as it is: its bytes are not parsed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cap_core.errors import FieldError
from cap_core.plugins.messages import Entity, Message, Receive
from cap_core.server.asgi import BodyStream, has_body
from cap_plugins.expose.rest.body_reader import MISSING, BodyReader, RequestHeaders, check_coding, next_part

if TYPE_CHECKING:
    from cap_core.plan.inputs import Input
    from cap_plugins.expose.rest.text_inputs import FieldErrors, Values

ONE_PIECE = 64 * 1024
"""Bytes up to which a body that has arrived completely is passed on in one piece."""


def streamed_body(item: Input) -> BodyReader:
    """The reader that gives an input the body as it arrives, of whatever type."""

    async def read(headers: RequestHeaders, receive: Receive, values: Values, field_errors: FieldErrors) -> Receive:
        if not has_body(headers):
            if item.required:
                field_errors.append(FieldError("body", MISSING))
            return receive
        check_coding(headers)
        content_type = headers.get(b"content-type")
        length = _declared_length(headers)
        if length is not None and length <= ONE_PIECE:
            message = await next_part(receive)
            if not message.get("more_body"):
                body = message.get("body", b"")
                values[item.name] = Entity(content_type, body, len(body))
                return receive
            receive = _replay_first(message, receive)
        relay = _Relay(receive)
        values[item.name] = Entity(content_type, BodyStream(relay.body), length)
        return relay.afterwards

    return read


def _declared_length(headers: RequestHeaders) -> int | None:
    value = headers.get(b"content-length", b"")
    return int(value) if value.isdigit() else None


def _replay_first(first: Message, receive: Receive) -> Receive:
    """A `receive` that first returns a message which was already taken from it."""
    waiting = [first]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


class _Relay:
    """Shares one `receive` between the reader of a body and, after it, the watch for a caller who leaves."""

    __slots__ = ("_over", "_receive")

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._over = asyncio.Event()

    async def body(self) -> Message:
        """The next part of the body."""
        message = await self._receive()
        if not message.get("more_body"):
            self._over.set()
        return message

    async def afterwards(self) -> Message:
        """The messages after the body."""
        await self._over.wait()
        return await self._receive()
