"""One MCP message in a request body: its JSON-RPC envelope and the parameters of its method. Pure functions, no I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from cap_core.syntax import json_text
from cap_plugins.expose.mcp.json_rpc import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RpcError
from cap_plugins.expose.mcp.versions import PROTOCOL_VERSION

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]

MOST_IN_BATCH: Final = 50
"""The most messages of a batch."""

CLIENT_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"


class Message(msgspec.Struct):
    """A request, or without `id` a notification (Base Protocol, Messages).

    A batch, a posted response and `id: null` do not fit.
    """

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | UnsetType = UNSET
    params: Raw = Raw(b"{}")


class Meta(msgspec.Struct, kw_only=True):
    """The `_meta` of one request (Base Protocol, Per-Request Protocol Fields)."""

    version: str | UnsetType = msgspec.field(name=PROTOCOL_VERSION, default=UNSET)
    capabilities: dict[str, Raw] | UnsetType = msgspec.field(name=CLIENT_CAPABILITIES, default=UNSET)
    traceparent: Raw = Raw(b"")


class ModernMeta(Meta, kw_only=True):
    """The same in the modern era, where a member of a wrong type is an error, whether or not it is acted upon."""

    progressToken: int | float | str | UnsetType = UNSET
    logLevel: LogLevel | UnsetType = msgspec.field(name="io.modelcontextprotocol/logLevel", default=UNSET)
    tracestate: str | UnsetType = UNSET
    baggage: str | UnsetType = UNSET


class Params(msgspec.Struct, kw_only=True):
    """The parameters that any request may have."""

    meta: Meta = msgspec.field(name="_meta", default_factory=Meta)


class ListParams(Params, kw_only=True):
    """`tools/list`, and the lists of what is not served."""

    cursor: str | None = None


class CallParams(Params, kw_only=True):
    """`tools/call`; the arguments stay JSON text until the tool is known."""

    name: str
    arguments: Raw = Raw(b"{}")


class ModernParams(Params, kw_only=True):
    """The parameters that any modern request may have."""

    meta: ModernMeta = msgspec.field(name="_meta", default_factory=ModernMeta)


class ModernListParams(ModernParams, ListParams, kw_only=True):
    """A list in the modern era."""


class ModernCallParams(ModernParams, CallParams, kw_only=True):
    """`tools/call` in the modern era; nothing is ever asked, so the answers to questions are checked alone."""

    inputResponses: dict[str, Raw] | UnsetType = UNSET
    requestState: str | UnsetType = UNSET


class InitializeParams(Params, kw_only=True):
    """`initialize`."""

    protocolVersion: str


_message = msgspec.json.Decoder(Message).decode
_validate = msgspec.json.Decoder(Raw).decode
_plain = msgspec.json.Decoder(Params).decode
_list = msgspec.json.Decoder(ListParams).decode
_call = msgspec.json.Decoder(CallParams).decode
_initialize = msgspec.json.Decoder(InitializeParams).decode

_modern_plain = msgspec.json.Decoder(ModernParams).decode
_modern_list = msgspec.json.Decoder(ModernListParams).decode
_modern_call = msgspec.json.Decoder(ModernCallParams).decode
_batch = msgspec.json.Decoder(list[Raw]).decode

EMPTY_LISTS: Final = {
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
    "prompts/list": "prompts",
}
"""Lists of what is not served, with the member that is empty: some clients ask, and take an error for a failure."""

METHODS: Final[Mapping[bool, Mapping[str, Callable[[bytes | Raw], Params]]]] = {
    True: {
        "server/discover": _modern_plain,
        "tools/list": _modern_list,
        "tools/call": _modern_call,
        **dict.fromkeys(EMPTY_LISTS, _modern_list),
    },
    False: {
        "initialize": _initialize,
        "ping": _plain,
        "tools/list": _list,
        "tools/call": _call,
        **dict.fromkeys(EMPTY_LISTS, _list),
    },
}
"""The served methods of the modern era (True) and the legacy era, each with the decoder of its parameters."""


def read_message(body: bytes) -> Message:
    """Read the message in a request body. Raises `RpcError`.

    msgspec validates the JSON that it leaves raw, except that strings are UTF-8. That is checked here, so that raw
    members can be copied into answers without another check.
    """
    try:
        if not body.isascii():
            body.decode()
        return _message(body)
    except msgspec.ValidationError as fault:
        raise _not_a_message(body, str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _not_json(body, fault) from None


def read_batch(body: bytes) -> list[Raw]:
    """The messages of a batch, as JSON text. Raises `RpcError`."""
    try:
        if not body.isascii():
            body.decode()
        messages = _batch(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _not_json(body, fault) from None
    if not messages:
        raise RpcError(INVALID_REQUEST, "Invalid request: the batch is empty")
    if len(messages) > MOST_IN_BATCH:
        what = f"a batch may have {MOST_IN_BATCH} messages, and this one has {len(messages)}"
        raise RpcError(INVALID_REQUEST, f"Invalid request: {what}")
    return messages


def is_batch(body: bytes) -> bool:
    """Whether a request body is a list, and no message."""
    return body.lstrip()[:1] == b"["


def _not_a_message(body: bytes, what: str) -> RpcError:
    """The error for JSON of another shape, or for a body that is not JSON after all."""
    try:
        _validate(body)
    except (msgspec.DecodeError, RecursionError) as fault:
        return _not_json(body, fault)
    return RpcError(
        INVALID_REQUEST, f"Invalid request: the body must be one JSON-RPC 2.0 request or notification ({what})"
    )


def _not_json(body: bytes, error: Exception) -> RpcError:
    return RpcError(PARSE_ERROR, f"Parse error: {json_text.fault(body, error)}")


def read_params(message: Message, modern: bool) -> Params:
    """The parameters of a request. Whether its method is served is checked later, by `validate_method`."""
    decode = METHODS[modern].get(message.method, _plain)
    raw = message.params
    try:
        # JSON-RPC has no `params: null`, but clients send it; it means none.
        return decode(raw if bytes(raw) != b"null" else b"{}")
    except msgspec.ValidationError as fault:
        raise RpcError(INVALID_PARAMS, f"Invalid params: {fault}") from None
