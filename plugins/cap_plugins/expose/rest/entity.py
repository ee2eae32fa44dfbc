"""A body that is handed through: its bytes as they come, never read here."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cap_core.asgi import BodyStream, has_body
from cap_core.errors import Fault
from cap_core.types import Entity, Message, Receive
from cap_plugins.expose.rest.fields import MISSING, BodyReader, Fields, check_coding, part

if TYPE_CHECKING:
    from cap_core.inputs import Input
    from cap_plugins.expose.rest.texts import Faults, Values

AT_ONCE = 64 * 1024
"""A body is taken as bytes up to this size if all of it is there already; then it can be sent as a whole."""


def handed_through(item: Input) -> BodyReader:
    """The reader that gives an input the body as it comes, whatever it is."""

    async def read(fields: Fields, receive: Receive, values: Values, faults: Faults) -> Receive:
        if not has_body(fields):
            if item.required:
                faults.append(Fault("body", MISSING))
            return receive
        check_coding(fields)
        content_type = fields.get(b"content-type")
        length = _length(fields)
        if length is not None and length <= AT_ONCE:
            message = await part(receive)
            if not message.get("more_body"):
                body = message.get("body", b"")
                values[item.name] = Entity(content_type, body, len(body))
                return receive
            receive = _again(message, receive)
        relay = _Relay(receive)
        values[item.name] = Entity(content_type, BodyStream(relay.body), length)
        return relay.afterwards

    return read


def _length(fields: Fields) -> int | None:
    said = fields.get(b"content-length", b"")
    return int(said) if said.isdigit() else None


def _again(first: Message, receive: Receive) -> Receive:
    """`receive`, with a message that was already taken from it."""
    waiting = [first]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return again


class _Relay:
    """Lets the reader of a body, and after it whoever watches the caller, use one `receive`."""

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
        """What comes after the body."""
        await self._over.wait()
        return await self._receive()
