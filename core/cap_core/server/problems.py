"""Refusals and failures as `application/problem+json` (RFC 9457)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.logging.redaction import hidden
from cap_core.plugins.context import id_of
from cap_core.plugins.messages import Reply

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cap_core.errors import Refusal
    from cap_core.plan.call import Call
    from cap_core.plugins.messages import Scope

TITLES = {
    "invalid-input": "The request is not what this operation takes",
    "too-large": "The request body is too large",
    "unsupported-media-type": "The request body has another media type than this operation takes",
    "unauthorized": "The caller is not known",
    "forbidden": "The caller may not do this",
    "bad-host": "The Host or Origin of the request is not one of this gateway",
    "not-found": "Nothing lives at this address",
    "ambiguous-address": "Several capabilities live at this address",
    "method-not-allowed": "This address does not take this method",
    "not-served": "This operation cannot be served",
    "not-configured": "This operation is not configured yet",
    "plaintext": "A credential would go over plain http",
    "upstream-unreachable": "The upstream could not be reached",
    "upstream-timeout": "The upstream did not answer in time",
    "upstream-malformed": "The upstream's answer is not what it says it is",
    "nothing-found": "An output mapping found nothing",
    "malformed-request": "This is not a request",
    "request-timeout": "The request did not arrive in time",
    "head-too-large": "The head of the request is too large",
    "unknown-coding": "The request has a transfer coding that is not known",
    "too-many-connections": "There is no room for a further connection",
    "internal": "The gateway failed",
}
"""The titles of the core's problem types, by slug (`docs/errors.md`)."""


def problem(
    refusal: Refusal, call: Call | None = None, trace_id: str = "", more: Mapping[str, object] | None = None
) -> Reply:
    """A refusal as an HTTP answer, which names the capability, the operation and its place if the call is known.

    `more` are further members.
    """
    detail = refusal.detail + (f"; {refusal.hint}" if refusal.hint else "")
    body: dict[str, object] = {
        "type": f"urn:cap:problem:{refusal.code}",
        "title": TITLES.get(refusal.code, "The request was refused"),
        "status": refusal.status,
        # Others tell callers what they sent themselves: masks in it would tell whether they guessed a secret.
        "detail": hidden(detail) if refusal.status >= 500 else detail,
    }
    if call is not None:
        if refusal.code == "internal" and refusal.sent and call.safety == "unsafe":
            body["detail"] = f"{body['detail']}; the call may have been carried out all the same"
        body["capability"] = call.capability
        body["operation"] = call.describes.address or call.exposed.name
        body["spec"] = str(call.exposed.at)
    body |= more or {}
    if trace_id:
        body["trace_id"] = trace_id
    if refusal.field_errors:
        body["errors"] = [{"where": fault.where, "what": fault.what} for fault in refusal.field_errors]
    headers = ((b"content-type", b"application/problem+json"), *refusal.headers)
    return Reply(refusal.status, headers, msgspec.json.encode(body), error=True)


REFUSED = "cap.refused"
"""The key of the scope for a refusal of the caller, and the exposure that refused, or "" for the whole gateway."""


FAILED = "cap.failed"
"""The key of the scope for a call that failed before it was run, or None, and the slug of what failed, for the log."""


def refused(refusal: Refusal, scope: Scope) -> Reply:
    """The answer to a caller who is refused before a call is known. It names the `trace_id` that the log has too."""
    scope.setdefault(REFUSED, (refusal, ""))
    return problem(refusal, None, request_id(scope))


def request_id(scope: Scope) -> str:
    """The id of a request, which its scope keeps: the trace id in its `traceparent`, else a new one.

    A `traceparent` that is given twice is none.
    """
    found: str | None = scope.get("cap.request_id")
    if found is None:
        given = [value for name, value in scope["headers"] if name == b"traceparent"]
        found = scope["cap.request_id"] = id_of(given[0] if len(given) == 1 else None)
    return found
