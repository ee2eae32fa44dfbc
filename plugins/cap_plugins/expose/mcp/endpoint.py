"""The ASGI endpoint: one POST in, one JSON answer out, in the era its request belongs to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog
from msgspec import UNSET

from cap_core.asgi import CallerGone, Watch, answer, read_body
from cap_core.context import Context, new_id
from cap_core.errors import Refusal, UpstreamError
from cap_core.problems import problem
from cap_core.streams import collect
from cap_core.types import AsgiSend, Caller, Headers, Receive, Reply, Scope
from cap_plugins.expose.mcp import advice, rpc
from cap_plugins.expose.mcp.headers import accepts_json, is_json, refuse_repeated, traceparent
from cap_plugins.expose.mcp.result import Outcome, content, encode_legacy, encode_modern, said, whole
from cap_plugins.expose.mcp.rpc import RpcError
from cap_plugins.expose.mcp.wire import (
    LEGACY,
    VERSION_HEADER,
    CallParams,
    InitializeParams,
    ListParams,
    Params,
    climb,
    is_modern,
    read_message,
    read_params,
    refuse_unserved,
    refuse_unserved_version,
)

if TYPE_CHECKING:
    from cap_core.offers import Limits
    from cap_plugins.expose.mcp.callers import Callers, Entered
    from cap_plugins.expose.mcp.catalogue import Catalogue
    from cap_plugins.expose.mcp.tool import Tool

_log = structlog.get_logger("cap.mcp")
_CONTENT_TYPE: Final = (b"content-type", b"application/json")


class Exchange:
    """What is known of one request while it is answered. Its era counts as modern until it is known."""

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

    Whatever goes wrong is told as a JSON-RPC error; only callers whom no exposure lets in get HTTP's own 401 or 403.
    """

    def __init__(self, catalogue: Catalogue, callers: Callers, limits: Limits) -> None:
        self._catalogue = catalogue
        self._callers = callers
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend, values: tuple[str, ...]) -> None:
        """Answer one request; a caller who has gone away is not answered."""
        exchange = Exchange(scope, receive)
        try:
            reply = await self._reply(exchange)
        except CallerGone:
            return
        except RpcError as fault:
            reply = _json(rpc.status(fault.code, exchange.modern), rpc.error(exchange.id, fault))
        except Exception:
            reply = _internal(exchange)
        await answer(send, reply, head=scope["method"] == "HEAD")

    async def _reply(self, exchange: Exchange) -> Reply:
        if (refused := _refused_unread(exchange)) is not None:
            return refused
        try:
            entered = await self._callers.first(exchange.scope, exchange.headers)
        except Refusal as refusal:
            return problem(refusal)
        try:
            body = await read_body(exchange.receive, exchange.headers, self._limits.body)
        except Refusal as refusal:
            return _invalid(refusal.status, refusal.detail, refusal.headers)
        message = read_message(body)
        if message.id is UNSET:
            # Notifications have nothing to act on here: no session, and a request is cancelled by closing it.
            refuse_unserved_version(exchange.headers.get(VERSION_HEADER))
            return Reply(202, (), b"")
        exchange.id = message.id
        exchange.modern = is_modern(exchange.headers.get(VERSION_HEADER), message.params)
        if len(exchange.headers) != len(exchange.scope["headers"]):
            refuse_repeated(exchange.scope["headers"])
        params = read_params(message, exchange.modern)
        if exchange.modern:
            climb(message.method, params, exchange.headers)
        refuse_unserved(message.method, exchange.modern)
        return _json(200, rpc.result(message.id, await self._result(message.method, params, entered, exchange)))

    async def _result(self, method: str, params: Params, entered: Entered, exchange: Exchange) -> bytes:
        if isinstance(params, CallParams):
            done = await self._call(params, entered, exchange)
            return encode_modern(done, self._catalogue.stamp) if exchange.modern else encode_legacy(done)
        if method == "ping":
            return b"{}"
        accepted = await self._callers.all(entered, exchange.scope, exchange.headers)
        rendered = self._catalogue.rendered(accepted)
        if isinstance(params, ListParams):
            if params.cursor is not None:
                raise RpcError(rpc.INVALID_PARAMS, "Invalid params: no list here has a further page")
            return rendered.modern_tools if exchange.modern else rendered.legacy_tools
        if isinstance(params, InitializeParams):
            return rendered.initialize.get(params.protocolVersion) or rendered.initialize[LEGACY[0]]
        return rendered.discover

    async def _call(self, params: CallParams, entered: Entered, exchange: Exchange) -> Outcome:
        tool, caller = await self._find(params.name, entered, exchange)
        arguments = bytes(params.arguments)
        if arguments == b"null":
            arguments = b"{}"
        elif arguments[:1] != b"{":
            raise RpcError(rpc.INVALID_PARAMS, "Invalid params: params.arguments must be an object")
        try:
            checked = tool.read(arguments)
        except Refusal as refusal:
            return said(advice.refused(refusal, tool), error=True)
        meta = params.meta
        exchange.context = Context(
            "mcp",
            tool.call.key,
            request_id=exchange.scope.get("cap.request_id", ""),
            caller=caller,
            follow=True,
            trace=traceparent(exchange.headers.get(b"traceparent"), bytes(meta.traceparent)),
            can=frozenset(meta.capabilities or ()),
        )
        # Closing a modern request cancels it (Streamable HTTP, Cancellation). On the legacy wire it does not, but a
        # plain POST has no other way to be answered: without a reader the upstream's work would be for nobody.
        with Watch(exchange.receive):
            return await self._run(tool, checked, exchange.context)

    async def _run(self, tool: Tool, checked: dict[str, object], context: Context) -> Outcome:
        try:
            given = await tool.run(checked, context)
            if not isinstance(given, Reply):
                return content(given, tool)
            body = await collect(given.body, self._limits.answer)
        except Refusal as refusal:
            return said(advice.refused(refusal, tool), error=True)
        except UpstreamError as error:
            return said(advice.broke_off(error, tool), error=True)
        if body is None:
            return said(advice.too_large(given, self._limits.answer, tool), error=True)
        return whole(given, body, tool)

    async def _find(self, name: str, entered: Entered, exchange: Exchange) -> tuple[Tool, Caller | None]:
        """The tool of this name, if its exposure lets the caller in; to others it does not exist."""
        tool = self._catalogue.find(name)
        if tool is not None:
            same = tool.exposure == entered.exposure
            there = entered if same else await self._callers.enter(tool.exposure, exchange.scope, exchange.headers)
            if there is not None:
                return tool, there.caller
        accepted = await self._callers.all(entered, exchange.scope, exchange.headers)
        raise RpcError(rpc.INVALID_PARAMS, self._catalogue.unknown(name, accepted))


def _refused_unread(exchange: Exchange) -> Reply | None:
    """The answer to a request that is refused for its method or headers alone."""
    headers = exchange.headers
    if exchange.scope["method"] != "POST":
        # 405 tells legacy clients that there is no stream to open and no session to end.
        return _invalid(405, "this address takes POST only", ((b"allow", b"POST"),))
    if not is_json(headers.get(b"content-type")):
        return _invalid(415, "the Content-Type must be application/json")
    if not accepts_json(headers.get(b"accept")):
        return _invalid(406, "answers are application/json, which the Accept header rules out")
    return None


def _invalid(status: int, what: str, headers: Headers = ()) -> Reply:
    return _json(status, rpc.error(None, RpcError(rpc.INVALID_REQUEST, f"Invalid request: {what}")), headers)


def _internal(exchange: Exchange) -> Reply:
    """The answer to a failure of ours: the log says what, the caller gets the id to look for."""
    request_id = exchange.context.id if exchange.context is not None else new_id()
    _log.exception("request failed", request_id=request_id, path=exchange.scope["path"])
    return _json(200, rpc.error(exchange.id, RpcError(rpc.INTERNAL_ERROR, f"Internal error (request id {request_id})")))


def _json(status: int, body: bytes, headers: Headers = ()) -> Reply:
    return Reply(status, (_CONTENT_TYPE, *headers), body)
