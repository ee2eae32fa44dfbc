"""Runs a call: gets the answer of each step in order, and returns the last one, untouched or mapped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from cap_core.errors import UpstreamError
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.flow import CallStep
from cap_core.plan.upstream import Operation
from cap_core.plugins.context import Context, Run
from cap_core.plugins.messages import Answer, Headers, HttpResponse, Reply
from cap_core.runtime import output_mapping
from cap_core.runtime.failures import malformed, unanswered
from cap_core.runtime.reading import Reader
from cap_core.runtime.send import SendStep
from cap_core.runtime.streams import collect
from cap_core.runtime.values import ABSENT, Evaluate, Frame
from cap_core.syntax import json_text

_KEPT: Final = frozenset(
    b"content-type content-length content-encoding content-disposition content-language content-range"
    b" accept-ranges etag last-modified vary cache-control link location allow retry-after x-request-id".split()
)
_KEPT_PREFIXES: Final = (b"ratelimit-", b"x-ratelimit-")
# Headers about the upstream's body, which are dropped if the gateway makes another body; so is `link`, whose pages are
# not mapped.
_OF_THE_BODY: Final = frozenset(
    b"content-type content-length content-encoding content-range accept-ranges etag link".split()
)
_OF_THE_BYTES: Final = frozenset((b"content-length", b"content-encoding", b"link"))
LARGEST_RESULT: Final = 2 * 1024 * 1024
"""Bytes of JSON that the result of a step may take: to decode more would hold up everybody else."""
_JSON: Final = (b"content-type", b"application/json")

Finish = Callable[[Frame, Context], Awaitable[Answer]]
"""Runs the last step of a flow, and makes the call's answer; the frame holds the results of the steps before it."""


class OpenedStep(msgspec.Struct, frozen=True):
    """A step that can be run: how it is sent, and how its answer is read (None: passed through untouched)."""

    step: CallStep
    send: SendStep
    read: Reader | None


def compile_flow(steps: Sequence[OpenedStep], *, limit: int) -> Run:
    """The function that runs one or more steps; `limit` is the size in bytes of the largest answer that is read."""
    *earlier, last = steps
    finish = _untouched(last.send) if last.read is None else _mapped(last, last.read, limit)
    if not earlier:
        return lambda values, context: finish(Frame(values), context)
    return _in_order([(step.step.name, _result(step, limit)) for step in earlier], finish)


def compile_composed(evaluate: Evaluate, outputs: tuple[DeclaredOutput, ...]) -> Run:
    """The function that answers with a value of the document itself, or with 204 if the value is absent."""
    mapping = output_mapping.compile(outputs)

    async def composed(values: Mapping[str, object], context: Context) -> Answer:
        value = evaluate(Frame(values))
        if value is ABSENT:
            return Reply(204, (), b"")
        return Reply(200, (_JSON,), msgspec.json.encode(mapping(plain(value))))

    return composed


def plain(value: object) -> object:
    """A value as data: values that are still JSON text are decoded."""
    return json_text.decode(msgspec.json.encode(value))


# --- the last step ------------------------------------------------------------------------------------------------


def _untouched(send: SendStep) -> Finish:

    async def untouched(frame: Frame, context: Context) -> Answer:
        response = await send(frame, context)
        return Reply(response.status, kept(response.headers), response.body, response.status >= 400)

    return untouched


def _mapped(last: OpenedStep, read: Reader, limit: int) -> Finish:
    """The last step if outputs are mapped; only successes are mapped (`docs/semantics.md`, the response)."""
    operation = last.step.request.operation
    send = last.send

    async def mapped(frame: Frame, context: Context) -> Answer:
        response = await send(frame, context)
        headers = kept(response.headers)
        if response.status >= 300:
            return Reply(response.status, headers, response.body, response.status >= 400)
        body = await _whole(response, limit, operation)
        data = await read(body, _content_type(response), context) if body else body
        if not data:
            return Reply(response.status, tuple(h for h in headers if h[0] not in _OF_THE_BYTES), b"")
        return Reply(response.status, (_JSON, *(h for h in headers if h[0] not in _OF_THE_BODY)), data)

    return mapped


# --- the steps before it ------------------------------------------------------------------------------------------

_ResultOf = Callable[[Frame, Context], Awaitable[object]]
"""Runs a step before the last. Gives its result, or the `Reply` with which the call ends at once."""


def _in_order(earlier: Sequence[tuple[str, _ResultOf]], finish: Finish) -> Run:
    """Run steps one after the other. If the upstream of one refuses, that answer ends the call."""

    async def in_order(values: Mapping[str, object], context: Context) -> Answer:
        results: dict[str, object] = {}
        frame = Frame(values, results)
        for name, result_of in earlier:
            result = await result_of(frame, context)
            if isinstance(result, Reply):
                return result
            results[name] = result
        return await finish(frame, context)

    return in_order


def _result(opened: OpenedStep, limit: int) -> _ResultOf:
    operation, send, read = opened.step.request.operation, opened.send, opened.read
    assert read is not None  # only the last step's answer goes through untouched

    async def result(frame: Frame, context: Context) -> object:
        response = await send(frame, context)
        if response.status >= 400:
            headers = kept(response.headers)
            return Reply(response.status, headers, response.body, error=True, source=operation.consumed.namespace)
        body = await _whole(response, limit, operation)
        if response.status >= 300:
            raise malformed(operation.consumed.namespace, f"{operation.address} answered {response.status}")
        data = await read(body, _content_type(response), context) if body else body
        if len(data) > LARGEST_RESULT:
            what = f"the result of {operation.address} takes {len(data)} bytes, more than {LARGEST_RESULT}"
            raise malformed(operation.consumed.namespace, f"{what}; name the outputs that later steps need")
        try:
            return json_text.decode(data) if data else None
        except (ValueError, RecursionError):
            what = f"the result of {operation.address} is nested too deep"
            raise malformed(operation.consumed.namespace, what) from None

    return result


# --- answers ------------------------------------------------------------------------------------------------------


async def _whole(response: HttpResponse, limit: int, operation: Operation) -> bytes:
    """The whole body of an answer that is read. Raises `Refusal`."""
    namespace = operation.consumed.namespace
    try:
        body = await collect(response.body, limit)
    except UpstreamError as error:
        raise unanswered(error, namespace) from None
    if body is None:
        raise malformed(namespace, f"the answer is larger than {limit} bytes")
    return body


def _content_type(response: HttpResponse) -> str | None:
    return next((v.decode("latin-1") for n, v in response.headers if n == b"content-type"), None)


def kept(headers: Headers) -> Headers:
    """The upstream's headers that are passed on to the caller: no hop-by-hop ones, and no cookies."""
    return tuple([header for header in headers if header[0] in _KEPT or header[0].startswith(_KEPT_PREFIXES)])
