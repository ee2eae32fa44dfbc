"""Compiles the fields of a request to one function that makes the HTTP request of a call.

`cap explain` uses the same function with masked values, so what it shows is what would be sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from cap_core.plan.input_types import InputType
from cap_core.plan.request import Request
from cap_core.plan.values import Binding
from cap_core.plugins.auth import Credentials
from cap_core.plugins.messages import HttpRequest
from cap_core.runtime.bodies import compile_body
from cap_core.runtime.request_headers import compile_headers, compile_passing, names_set
from cap_core.runtime.request_target import compile_target
from cap_core.runtime.step_results import compile_check
from cap_core.runtime.values import Frame

if TYPE_CHECKING:
    from cap_core.plugins.context import Context

Build = Callable[[Frame, "Context"], HttpRequest]


def compile_request(
    request: Request,
    types: Mapping[str, InputType],
    prefix: str,
    credentials: Credentials,
    variables: Mapping[Binding, str],
    *,
    identity: bool,
) -> Build:
    """The function that makes the requests of a step.

    `types` are those of the call's inputs, by name. With `identity` the answer is passed through untouched, so the
    caller's headers about it are sent too. `prefix` is the path of the base URI; `variables` has every binding that the
    fields need. The function raises `Refusal` for a value that is not allowed in its place: 400, or 502 if an earlier
    step gave it.
    """
    target = compile_target(request, prefix, credentials, variables)
    body = compile_body(request, types, credentials, variables)
    headers = compile_headers(request, credentials, variables)
    method = request.operation.method
    named = names_set(request, credentials)
    passed = compile_passing(named, identity=identity)
    traced = b"traceparent" in named

    def build(frame: Frame, context: Context) -> HttpRequest:
        content, length, content_type = body(frame)
        out = (*headers(frame), *passed(context.headers))
        if content_type is not None:
            out = (*out, (b"Content-Type", content_type))
        if context.trace is not None and not traced:
            out = (*out, (b"traceparent", context.trace))
        return HttpRequest(context.method or method, target(frame), out, content, length)

    check = compile_check(request, variables)
    if check is None:
        return build

    def checked(frame: Frame, context: Context) -> HttpRequest:
        check(frame)
        return build(frame, context)

    return checked
