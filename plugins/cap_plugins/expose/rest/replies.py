"""Converts any answer of a call to an HTTP reply."""

from __future__ import annotations

import msgspec

from cap_core.errors import Refusal
from cap_core.plugins.messages import Answer, Content, Reply

_JSON = ((b"content-type", b"application/json"),)


def as_reply(answer: Answer) -> Reply:
    """An answer as an HTTP reply: content blocks become JSON. Raises `Refusal` 501 for a question to the caller."""
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, Content):
        body = msgspec.json.encode(answer.blocks) if answer.structured is None else bytes(answer.structured)
        return Reply(500 if answer.error else 200, _JSON, body, answer.error)
    what = "this call asks its caller questions, which REST cannot carry"
    raise Refusal(501, "not-served", what, hint="call it through MCP")
