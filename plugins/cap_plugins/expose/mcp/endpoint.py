"""The ASGI endpoint: answers one POST with one JSON message, or a batch of them, of the era of the request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from msgspec import UNSET, Raw

from cap_core.errors import Refusal, UpstreamError
from cap_core.logging.lazy_logger import get_logger
from cap_core.plugins.context import Context, new_id
from cap_core.plugins.messages import AsgiSend, Caller, Headers, Receive, Reply, Scope
from cap_core.runtime.streams import collect
from cap_core.server.asgi import CallerGone, Watch, answer, cut_short, read_body
from cap_core.server.problems import FAILED
from cap_core.server.problems import refused as refused_caller
from cap_plugins.expose.mcp.error_texts import broke_off, refused, too_large
from cap_plugins.expose.mcp.headers import accepts_json, is_json, refuse_repeated, traceparent
from cap_plugins.expose.mcp.json_rpc import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    RpcError,
    error_message,
    http_status,
    result_message,
)
from cap_plugins.expose.mcp.messages import (
    CallParams,
    InitializeParams,
    ListParams,
    Message,
    Params,
    is_batch,
    read_batch,
    read_message,
    read_params,
)
from cap_plugins.expose.mcp.results import (
    Outcome,
    content_result,
    encode_legacy,
    encode_modern,
    reply_result,
    text_result,
)
from cap_plugins.expose.mcp.validation import validate_method, validate_modern_request, validate_notification_version
from cap_plugins.expose.mcp.versions import LEGACY, VERSION_HEADER, is_modern, takes_batches

if TYPE_CHECKING:
    from cap_core.plugins.exposure import Limits
    from cap_plugins.expose.mcp.callers import Admission, Callers
    from cap_plugins.expose.mcp.catalogue import Catalogue
    from cap_plugins.expose.mcp.tool import ServedTool

_log = get_logger("cap.mcp")
_CONTENT_TYPE: Final = (b"content-type", b"application/json")
LARGE: Final = 1024 * 1024
"""Bytes above which an answer is checked and quoted in a thread, so that others are served between the steps."""


class RequestState:
    """The state of one request. Its era counts as modern until it is known."""

    __slots__ = ("context", "headers", "id", "modern", "receive", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.scope = scope
        self.receive = receive
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        self.id: int | str | None = None
        self.modern = True
        self.context: Context | None = None


class McpEndpoint:
    """One address that speaks MCP.

    Every failure is a JSON-RPC error, except that callers that no exposure accepts get HTTP's own 401 or 403.
    """

    def __init__(self, catalogue: Catalogue, callers: Callers, limits: Limits) -> None:
        self._catalogue = catalogue
        self._callers = callers
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend, values: tuple[str, ...]) -> None:
        """Answer one request; a caller who has gone away is not answered."""
        request = RequestState(scope, receive)
        try:
            reply = await self._reply(request)
        except CallerGone:
            return
        except RpcError as fault:
            scope.setdefault(FAILED, (None, f"json-rpc {fault.code}"))
            reply = _json(http_status(fault.code, request.modern), error_message(request.id, fault))
        except Exception:
            reply = _json(200, _internal_message(request))
        await answer(send, reply, head=scope["method"] == "HEAD")

    async def _reply(self, request: RequestState) -> Reply:
        if (refusal_reply := _refusal_by_headers(request)) is not None:
            return refusal_reply
        try:
            admission = await self._callers.first(request.scope, request.headers)
        except Refusal as refusal:
            return refused_caller(refusal, request.scope)
        try:
            body = await read_body(request.receive, request.headers, self._limits.body)
        except Refusal as refusal:
            return _invalid(refusal.status, refusal.detail, refusal.headers)
        try:
            message = read_message(body)
        except RpcError:
            if is_batch(body) and takes_batches(request.headers.get(VERSION_HEADER)):
                return await self._batch(read_batch(body), admission, request)
            raise
        if message.id is UNSET:
            # Notifications have nothing to act on here: no session, and a request is cancelled by closing it.
            validate_notification_version(request.headers.get(VERSION_HEADER))
            return Reply(202, (), b"")
        return _json(200, await self._one(message, admission, request))

    async def _one(self, message: Message, admission: Admission, request: RequestState) -> bytes:
        """The answer to one request, as a message."""
        assert message.id is not UNSET
        request.id = message.id
        request.modern = is_modern(message.method, request.headers.get(VERSION_HEADER), message.params)
        if len(request.headers) != len(request.scope["headers"]):
            refuse_repeated(request.scope["headers"])
        params = read_params(message, request.modern)
        if request.modern:
            validate_modern_request(message.method, params, request.headers)
        validate_method(message.method, request.modern)
        return result_message(message.id, await self._result(message.method, params, admission, request))

    async def _batch(self, texts: list[Raw], admission: Admission, request: RequestState) -> Reply:
        """The answers to a batch, one after the other, as its requests may build upon each other."""
        answers: list[bytes] = []
        for text in texts:
            one = RequestState(request.scope, request.receive)
            try:
                message = read_message(bytes(text))
                if message.id is UNSET:
                    continue
                one.id = message.id
                if message.method == "initialize":
                    raise RpcError(INVALID_REQUEST, "Invalid request: initialize must not be part of a batch")
                if sum(map(len, answers)) > self._limits.answer:
                    raise RpcError(
                        INVALID_REQUEST, "Invalid request: the answers before it fill the batch; send it alone"
                    )
                answers.append(await self._one(message, admission, one))
            except RpcError as fault:
                answers.append(error_message(one.id, fault))
            except CallerGone:
                raise
            except Exception:
                answers.append(_internal_message(one))
        return _json(200, b"[" + b",".join(answers) + b"]") if answers else Reply(202, (), b"")

    async def _result(self, method: str, params: Params, admission: Admission, request: RequestState) -> bytes:
        if isinstance(params, CallParams):
            done = await self._call(params, admission, request)
            if done.error:
                request.scope.setdefault(FAILED, (None, "tool-error"))
            return encode_modern(done, self._catalogue.stamp) if request.modern else encode_legacy(done)
        if method == "ping":
            return b"{}"
        accepted = await self._callers.all(admission, request.scope, request.headers)
        rendered = self._catalogue.rendered(accepted)
        if isinstance(params, ListParams):
            if params.cursor is not None:
                raise RpcError(INVALID_PARAMS, "Invalid params: no list here has a further page")
            return rendered.lists[request.modern][method]
        if isinstance(params, InitializeParams):
            return rendered.initialize.get(params.protocolVersion) or rendered.initialize[LEGACY[0]]
        return rendered.discover

    async def _call(self, params: CallParams, admission: Admission, request: RequestState) -> Outcome:
        tool, caller = await self._find(params.name, admission, request)
        arguments = bytes(params.arguments)
        if arguments == b"null":
            arguments = b"{}"
        elif arguments[:1] != b"{":
            raise RpcError(INVALID_PARAMS, "Invalid params: params.arguments must be an object")
        try:
            checked = tool.read(arguments)
        except Refusal as refusal:
            request.scope[FAILED] = (tool.call, refusal.code)
            return text_result(refused(refusal, tool), error=True)
        meta = params.meta
        request.context = Context(
            "mcp",
            tool.call.key,
            request_id=request.scope.get("cap.request_id", ""),
            caller=caller,
            follow=True,
            trace=traceparent(request.headers.get(b"traceparent"), bytes(meta.traceparent)),
            can=frozenset(meta.capabilities or ()),
        )
        # Closing a modern request cancels it (Streamable HTTP, Cancellation). Here closing a legacy one does so too: a
        # plain POST cannot be answered in any other way, and the upstream would work in vain.
        with Watch(request.receive):
            return await self._run(tool, checked, request.context)

    async def _run(self, tool: ServedTool, checked: dict[str, object], context: Context) -> Outcome:
        try:
            given = await tool.run(checked, context)
            if not isinstance(given, Reply):
                return content_result(given, tool)
            body = await collect(given.body, self._limits.answer)
        except Refusal as refusal:
            return text_result(refused(refusal, tool), error=True)
        except UpstreamError as error:
            cut_short(error, context)
            return text_result(broke_off(error, tool), error=True)
        if body is None:
            return text_result(too_large(given, self._limits.answer, tool), error=True)
        if len(body) > LARGE:
            return await asyncio.to_thread(reply_result, given, body, tool)
        return reply_result(given, body, tool)

    async def _find(self, name: str, admission: Admission, request: RequestState) -> tuple[ServedTool, Caller | None]:
        """The tool of this name, if its exposure accepts the caller; for other callers it does not exist."""
        tool = self._catalogue.find(name)
        if tool is not None:
            same = tool.exposure == admission.exposure
            there = admission if same else await self._callers.enter(tool.exposure, request.scope, request.headers)
            if there is not None:
                return tool, there.caller
        accepted = await self._callers.all(admission, request.scope, request.headers)
        raise RpcError(INVALID_PARAMS, self._catalogue.explain_unknown(name, accepted))


def _refusal_by_headers(request: RequestState) -> Reply | None:
    """The answer to a request that is refused for its method or headers alone."""
    headers = request.headers
    if request.scope["method"] != "POST":
        # For legacy clients 405 means that there is no stream to open and no session to end.
        return _invalid(405, "this address takes POST only", ((b"allow", b"POST"),))
    if not is_json(headers.get(b"content-type")):
        return _invalid(415, "the Content-Type must be application/json")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        return _invalid(415, "the body must not be compressed", ((b"accept-encoding", b"identity"),))
    if not accepts_json(headers.get(b"accept")):
        return _invalid(406, "answers are application/json, which the Accept header rules out")
    return None


def _invalid(status: int, what: str, headers: Headers = ()) -> Reply:
    return _json(status, error_message(None, RpcError(INVALID_REQUEST, f"Invalid request: {what}")), headers)


def _internal_message(request: RequestState) -> bytes:
    """The answer to a fault of the gateway: the log has the details under the request id that the caller gets."""
    request_id = request.context.id if request.context is not None else new_id()
    _log.exception("request failed", request_id=request_id, path=request.scope["path"])
    return error_message(request.id, RpcError(INTERNAL_ERROR, f"Internal error (request id {request_id})"))


def _json(status: int, body: bytes, headers: Headers = ()) -> Reply:
    return Reply(status, (_CONTENT_TYPE, *headers), body)
