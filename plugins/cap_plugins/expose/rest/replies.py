"""Converts any answer of a call to an HTTP reply."""

from __future__ import annotations

import msgspec

from cap_core.errors import Refusal
from cap_core.plugins.messages import Answer, Content, Reply
from cap_plugins.expose.rest.links import Back

_JSON = ((b"content-type", b"application/json"),)

_ACTIVE = (b"html", b"xml", b"svg")
"""What is in the media types of answers that a browser would run scripts of."""

_SANDBOX = (b"content-security-policy", b"sandbox")


def as_reply(answer: Answer, back: Back | None = None) -> Reply:
    """An answer as an HTTP reply: content blocks become JSON, and addresses lead `back` to the gateway.

    Raises `Refusal` 501 for a question to the caller.
    """
    if isinstance(answer, Reply):
        return _inert(answer if back is None else back(answer))
    if isinstance(answer, Content):
        body = msgspec.json.encode(answer.blocks) if answer.structured is None else bytes(answer.structured)
        return Reply(500 if answer.error else 200, _JSON, body, answer.error)
    what = "this call asks its caller questions, which REST cannot carry"
    raise Refusal(501, "not-served", what, hint="call it through MCP")


def _inert(reply: Reply) -> Reply:
    """A reply whose scripts no browser runs: on the gateway's own origin they could call everything."""
    for header in reply.headers:
        if header in _JSON:
            return reply
        if header[0] == b"content-type" and any(word in header[1].lower() for word in _ACTIVE):
            return msgspec.structs.replace(reply, headers=(*reply.headers, _SANDBOX))
    return reply
