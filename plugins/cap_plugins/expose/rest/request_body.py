"""The request body: chooses its reader, and refuses a body that no input takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cap_core.errors import FieldError
from cap_plugins.expose.rest.body_reader import BodyReader, RequestHeaders, next_part
from cap_plugins.expose.rest.parsed_body import parsed_body
from cap_plugins.expose.rest.streamed_body import streamed_body

if TYPE_CHECKING:
    from cap_core.plan.inputs import Input
    from cap_core.plugins.messages import Receive
    from cap_plugins.expose.rest.text_inputs import FieldErrors


def compile_body(items: tuple[Input, ...], limit: int) -> BodyReader | None:
    """The function that reads a call's body; None where no input takes any of it."""
    whole = next((item for item in items if item.place == "body"), None)
    members = tuple(item for item in items if item.place == "member" or "member" in item.also)
    if whole is not None and whole.opaque:
        return streamed_body(whole)
    if whole is None and not members:
        return None
    return parsed_body(whole, members, limit)


async def refuse_body(headers: RequestHeaders, receive: Receive, field_errors: FieldErrors) -> None:
    """Add a fault for a body that no input takes, unless it is empty, as a chunked one may be."""
    if b"transfer-encoding" in headers:
        message = await next_part(receive)
        while not message.get("body"):
            if not message.get("more_body"):
                return
            message = await next_part(receive)
    field_errors.append(FieldError("body", "has nowhere to go"))
