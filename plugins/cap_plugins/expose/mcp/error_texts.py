"""Texts for a model whose call failed: what happened, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cap_core.logging.redaction import hidden, hidden_excerpt
from cap_core.server.problems import TITLES
from cap_core.syntax.names import norm

if TYPE_CHECKING:
    from cap_core.errors import Refusal, UpstreamError
    from cap_core.plugins.messages import Headers, Reply
    from cap_plugins.expose.mcp.tool import ServedTool

EXCERPT: Final = 2000
"""The most characters of an upstream's error body that are shown."""

_NOTHING_SENT: Final = "Nothing was sent upstream"
_OPERATOR: Final = "only the operator of this gateway can change that, no argument can"
_PAGING: Final = frozenset({"limit", "pagesize", "perpage", "maxresults", "top", "count", "first", "size", "fields"})
_BY_STATUS: Final = {
    400: "Correct the arguments as it says and call again",
    404: "Check the identifiers among the arguments",
    405: "The upstream does not do this here; no argument changes that",
    406: "The upstream has no answer in a form that this call accepts; no other argument changes that",
    408: "The upstream did not get the whole request in time: send less at once, or call again later",
    409: "The state there differs from what the call expects: read it first, then decide",
    410: "It is gone for good; do not call again with these identifiers",
    412: "The state there is no longer what the arguments name: read it first, then call again with what it is now",
    413: "Send less at once",
    414: "Shorten the arguments and call again",
    415: "The upstream does not take what this call sends; only the operator of this gateway can change that",
    416: "Ask for a range that the answer has",
    418: "The upstream refuses this call as it is; calling again in the same way does not help",
    422: "Correct the arguments as it says and call again",
    423: "It is locked there: call again when the lock is gone",
    424: "Something it depends on failed there: see to that first",
    425: "Call again later",
    428: "The upstream wants to know which state is meant: read it first, then name its version among the arguments",
    431: "Shorten the arguments and call again",
    451: "It is withheld there for legal reasons; no argument changes that",
    501: "The upstream does not know how to do this; calling again does not help",
    505: "The upstream does not speak this version of HTTP; calling again does not help",
}


def refused(refusal: Refusal, tool: ServedTool) -> str:
    """The gateway did not carry out the call, or could not finish it."""
    text = f"{tool.name}: {refusal.detail}" + (f"; {refusal.hint}" if refusal.hint else "")
    if refusal.status == 400:
        return _sentences(text, _NOTHING_SENT)
    text = hidden(text) if refusal.status >= 500 else text  # then it may tell what the upstream said
    title = TITLES.get(refusal.code, "Not carried out")
    return _sentences(f"{text} (HTTP {refusal.status}: {title})", _next_step(refusal, tool))


def _next_step(refusal: Refusal, tool: ServedTool) -> str:
    if refusal.code in ("not-configured", "plaintext", "not-served"):
        return f"{_NOTHING_SENT}; {_OPERATOR}"
    if refusal.status == 503:
        return f"{_NOTHING_SENT}; {_later(refusal.headers)}"
    if refusal.status in (500, 502, 504):
        return _again(tool) if refusal.sent else f"{_NOTHING_SENT}; the same call may be repeated"
    return "" if refusal.sent else _NOTHING_SENT


def broke_off(error: UpstreamError, tool: ServedTool) -> str:
    """The upstream's answer began and did not end."""
    late = error.kind in ("idle", "total")
    what = "stopped in the middle of its answer" if late else "broke off in the middle of its answer"
    status, slug = (504, "upstream-timeout") if late else (502, "upstream-malformed")
    why = f": {hidden(error.detail)}" if error.detail else ""
    return _sentences(f"{tool.name}: {_namespace(tool)} {what}{why} (HTTP {status}: {TITLES[slug]})", _again(tool))


def refused_upstream(reply: Reply, text: str, tool: ServedTool) -> str:
    """The upstream answered 4xx or 5xx: its status, an excerpt of the body, and what to do."""
    body = _excerpt(text)
    head = f"HTTP {reply.status} from {_namespace(tool, reply)}" + (f": {body}" if body else "")
    return _sentences(head, _upstream_step(reply, tool))


def _upstream_step(reply: Reply, tool: ServedTool) -> str:
    status = reply.status
    if status in (401, 403):
        return _credential(tool, reply, "was refused" if status == 401 else "may not do this")
    if status == 429:
        return f"Too many requests: {_later(reply.headers)}"
    if status == 503:
        return f"The upstream is not available: {_later(reply.headers)}"
    if status >= 500 and status not in _BY_STATUS:
        return f"The failure is the upstream's. {_again(tool)}"
    return _BY_STATUS.get(status, "")


def _credential(tool: ServedTool, reply: Reply, what: str) -> str:
    """Names the credential, never its value."""
    namespace = _namespace(tool, reply)
    consumed = next((o.consumed for o in tool.call.operations if o.consumed.namespace == namespace), None)
    authentication = consumed.authentication if consumed is not None else None
    if authentication is None:
        return f"The document declares no credential for {namespace}; {_OPERATOR}"
    return f"The {authentication.type} credential the gateway has for {namespace} {what}; {_OPERATOR}"


def not_followed(status: int, location: bytes | None, tool: ServedTool) -> str:
    """The upstream redirected, and the gateway did not follow."""
    where = hidden(location.decode("latin-1")) if location else "an address it does not give"
    return f"HTTP {status} from {_namespace(tool)}: the answer is at {where}. The gateway did not follow it there."


def not_modified(tool: ServedTool) -> str:
    """The upstream has nothing newer than what the arguments name."""
    return f"HTTP 304 from {_namespace(tool)}: nothing has changed there since the version that the arguments name."


def too_large(reply: Reply, limit: int, tool: ServedTool) -> str:
    """The answer has more bytes than a model gets."""
    if reply.error:
        return refused_upstream(reply, f"(more than {limit} bytes)", tool)
    text = f"{tool.name}: the answer has more than {limit} bytes, the most this gateway hands on here"
    inputs = [item.property_name for item in tool.call.inputs.items if norm(item.name) in _PAGING]
    how = f", by way of {' or '.join(inputs)}" if inputs else ": a smaller page, fewer fields, a narrower filter"
    return _sentences(text, f"Ask for less{how}")


def answer_required(tool: ServedTool) -> str:
    """The call needs an answer from its caller first, which is not served over MCP."""
    return f"{tool.name}: the call needs an answer from its caller first, which this gateway does not ask over MCP yet."


def _namespace(tool: ServedTool, reply: Reply | None = None) -> str:
    """The upstream that answered: that of a reply's own step, else of the last one."""
    if reply is not None and reply.source:
        return reply.source
    answering = tool.call.answering
    return answering.consumed.namespace if answering is not None else tool.name


def _again(tool: ServedTool) -> str:
    """Whether calling again is safe (RFC 9110, 9.2.2)."""
    if tool.call.safety == "unsafe":
        return "It may have been carried out all the same: check before calling again"
    return "Repeating the same call is safe"


def _later(headers: Headers) -> str:
    for name, value in headers:
        if name == b"retry-after":
            wait = hidden_excerpt(value.decode("latin-1"), 40)
            return f"call again after {wait} seconds" if wait.isdigit() else f"call again after {wait}"
    return "call again later"


def _excerpt(text: str) -> str:
    """The begin of an upstream's text. Some upstreams repeat the credential that they refuse: it is masked."""
    text = text.strip()
    shown = hidden_excerpt(text, EXCERPT)
    return shown if len(text) <= EXCERPT else f"{shown}... ({len(text)} characters in all)"


def _sentences(*parts: str) -> str:
    return " ".join(f"{part.rstrip('.')}." for part in parts if part)
