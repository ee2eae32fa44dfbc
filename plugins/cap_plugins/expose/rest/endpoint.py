"""One operation as a raw ASGI endpoint: reads and checks the inputs of a request, calls, and answers.

Everything that depends on the operation alone is decided when the endpoint is compiled.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from cap_core.errors import FieldError, Refusal
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.inputs import PASSED_BODY, Input
from cap_core.plugins.context import Context, Run
from cap_core.plugins.messages import AsgiSend, Endpoint, Entity, Headers, Receive, Reply, Scope
from cap_core.runtime.inputs import refuse
from cap_core.server.asgi import CallerGone, EventStreams, Watch, answer, has_body
from cap_core.server.problems import FAILED, problem
from cap_core.syntax.trace_context import traceparent
from cap_plugins.expose.rest.links import Back
from cap_plugins.expose.rest.replies import as_reply
from cap_plugins.expose.rest.request_body import compile_body, refuse_body
from cap_plugins.expose.rest.text_inputs import FieldErrors, Values, compile_text_inputs

if TYPE_CHECKING:
    from cap_core.plan.call import Call, RejectedOperation
    from cap_core.plan.plan import About

_log = get_logger("cap.rest")

PASSED = frozenset(
    b"accept accept-encoding accept-language range if-match if-none-match if-modified-since if-unmodified-since"
    b" if-range if-schedule-tag-match idempotency-key".split()
)
"""The caller's headers that go upstream on an identity operation (`docs/semantics.md`, the upstream request)."""

CALLER = "cap.caller"
"""The key of the scope under which the core leaves the authenticated caller."""


def compile_endpoint(
    call: Call, run: Run, limit: int, streams: EventStreams | None = None, back: Back | None = None
) -> Endpoint:
    """The endpoint of a call. `limit` is the most bytes of a body that is parsed, `back` for addresses in replies."""
    items, key, follow = call.inputs.items, call.key, not call.identity
    passed = frozenset() if follow else PASSED - {i.wire.lower().encode() for i in items if i.place == "header"}
    heads, body = call.passes_head, compile_body(items, limit)
    texts = compile_text_inputs(items, call.exposed.path or "")
    required = tuple(item for item in items if item.required)

    async def endpoint(scope: Scope, receive: Receive, send: AsgiSend, params: tuple[str, ...]) -> None:
        headers, head = dict(scope["headers"]), scope["method"] == "HEAD"
        context = Context(
            "rest",
            key,
            request_id=scope.get("cap.request_id", ""),
            headers=_picked(scope["headers"], passed),
            follow=follow,
            trace=traceparent(headers.get(b"traceparent")),
            caller=scope.get(CALLER),
            method="HEAD" if head and heads else "",
        )
        values: Values = {}
        field_errors: FieldErrors = []
        try:
            if texts is not None:
                texts(scope, params, values, field_errors)
            if body is not None:
                receive = await body(headers, receive, values, field_errors)
            elif has_body(headers):
                await refuse_body(headers, receive, field_errors)
            if required:
                _check_required(required, values, field_errors)
            if field_errors:
                raise refuse(tuple(field_errors))
            with Watch(receive):
                try:
                    reply = as_reply(await run(values, context), back)
                except (Refusal, CallerGone):
                    raise
                except Exception as error:
                    reply = _internal(error, context, call)
                await answer(send, reply, head=head, streams=streams, context=context)
        except Refusal as refusal:
            scope[FAILED] = (call, refusal.code)
            await answer(send, problem(refusal, call, context.id), head=head)
        except CallerGone:
            return

    return endpoint


def _picked(headers: Headers, names: frozenset[bytes]) -> Headers:
    if not names:
        return ()
    return tuple([header for header in headers if header[0] in names])


def _check_required(required: tuple[Input, ...], values: Values, field_errors: FieldErrors) -> None:
    wrong = {fault.where for fault in field_errors}
    for item in required:
        place = item.where()
        # The fields of a body that cannot be read are not known.
        unreadable = item.place == "member" and ("body" in wrong or isinstance(values.get(PASSED_BODY), Entity))
        if item.name not in values and place not in wrong and not unreadable:
            field_errors.append(FieldError(place, "is required and missing"))


def _internal(error: Exception, context: Context, call: Call) -> Reply:
    """The answer after an unexpected failure: the caller gets the request id, and the log the details."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    # Not the message: it may hold what the caller or the upstream sent.
    kind, place = type(error).__qualname__, f"{last.filename}:{last.lineno}"
    _log.error("call failed", request_id=context.id, call=context.call, error=kind, at=place)
    what = "this should not have happened"
    return problem(Refusal(500, "internal", what, hint="tell the operator this trace_id"), call, context.id)


def compile_rejected(rejected: RejectedOperation, about: About) -> Endpoint:
    """The endpoint of a rejected operation: it answers with the reason and its place in the document."""
    why = rejected.why
    refusal = Refusal(501, "not-served", why.message, hint=why.hint)
    operation = rejected.exposed.name

    async def not_served(scope: Scope, receive: Receive, send: AsgiSend, params: tuple[str, ...]) -> None:
        context = Context("rest", trace=traceparent(dict(scope["headers"]).get(b"traceparent")))
        scope[FAILED] = (None, refusal.code)
        more = {"capability": about.name, "operation": operation, "spec": str(why.at), "code": why.code}
        await answer(send, problem(refusal, None, context.id, more), head=scope["method"] == "HEAD")

    return not_served
