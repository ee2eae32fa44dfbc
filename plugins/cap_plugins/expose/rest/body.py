"""The request body: which reader takes it. A body that nobody takes is a fault, never dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cap_core.errors import Fault
from cap_plugins.expose.rest.entity import handed_through
from cap_plugins.expose.rest.fields import BodyReader, Fields, part
from cap_plugins.expose.rest.parsed import parsed

if TYPE_CHECKING:
    from cap_core.inputs import Input
    from cap_core.types import Receive
    from cap_plugins.expose.rest.texts import Faults


def compile_body(items: tuple[Input, ...], limit: int) -> BodyReader | None:
    """The function that reads a call's body; None where no input takes any of it."""
    whole = next((item for item in items if item.place == "body"), None)
    members = tuple(item for item in items if item.place == "member" or "member" in item.also)
    if whole is not None and whole.opaque:
        return handed_through(whole)
    if whole is None and not members:
        return None
    return parsed(whole, members, limit)


async def refuse_body(fields: Fields, receive: Receive, faults: Faults) -> None:
    """Say that a body has nowhere to go, if there really is one: a chunked body may be empty."""
    if b"transfer-encoding" in fields:
        message = await part(receive)
        while not message.get("body"):
            if not message.get("more_body"):
                return
            message = await part(receive)
    faults.append(Fault("body", "has nowhere to go"))
