"""One MCP message as it comes over HTTP: its envelope, its era, and the ladder of checks a modern one climbs.

Pure functions, no I/O. *Legacy* are the revisions opened by `initialize` (up to 2025-11-25), *modern* is 2026-07-28,
where every request stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from cap_plugins.expose.mcp.headers import header_text
from cap_plugins.expose.mcp.rpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
    RpcError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

MODERN: Final = "2026-07-28"
LEGACY: Final = ("2025-11-25", "2025-06-18", "2025-03-26")
VERSIONS: Final = (MODERN, *LEGACY)
"""All versions, modern first. A later client that knows neither era's newest falls back only to what it sees listed."""

VERSION_HEADER: Final = b"mcp-protocol-version"
_LEGACY_BYTES: Final = frozenset(version.encode() for version in LEGACY)
_PROTOCOL_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
_CLIENT_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"


class Message(msgspec.Struct):
    """A request, or without `id` a notification (Base Protocol, Messages).

    A batch, a posted response and `id: null` do not fit.
    """

    jsonrpc: Literal["2.0"]
    method: str
    id: int | str | UnsetType = UNSET
    params: Raw = Raw(b"{}")


class Meta(msgspec.Struct, kw_only=True):
    """What `_meta` says of one request (Base Protocol, Per-Request Protocol Fields)."""

    version: str | UnsetType = msgspec.field(name=_PROTOCOL_VERSION, default=UNSET)
    capabilities: dict[str, Raw] | UnsetType = msgspec.field(name=_CLIENT_CAPABILITIES, default=UNSET)
    traceparent: Raw = Raw(b"")


class Params(msgspec.Struct, kw_only=True):
    """What any request may carry."""

    meta: Meta = msgspec.field(name="_meta", default_factory=Meta)


class ListParams(Params, kw_only=True):
    """`tools/list`."""

    cursor: str | None = None


class CallParams(Params, kw_only=True):
    """`tools/call`; the arguments stay text until the tool is known."""

    name: str
    arguments: Raw = Raw(b"{}")


class InitializeParams(Params, kw_only=True):
    """`initialize`."""

    protocolVersion: str


_message = msgspec.json.Decoder(Message).decode
_skim = msgspec.json.Decoder(Raw).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode
_plain = msgspec.json.Decoder(Params).decode
_list = msgspec.json.Decoder(ListParams).decode
_call = msgspec.json.Decoder(CallParams).decode
_initialize = msgspec.json.Decoder(InitializeParams).decode

_LEGACY_METHODS: Final = {"initialize": _initialize, "ping": _plain, "tools/list": _list, "tools/call": _call}
_MODERN_METHODS: Final = {"server/discover": _plain, "tools/list": _list, "tools/call": _call}


def read_message(body: bytes) -> Message:
    """Read the one message of a request body.

    msgspec checks even what it leaves raw, except that strings are UTF-8. So that is checked here, and raw members can
    be spliced without another look.
    """
    try:
        if not body.isascii():
            body.decode()
        return _message(body)
    except msgspec.ValidationError as fault:
        raise _not_a_message(body, str(fault)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise _not_json(fault) from None


def _not_a_message(body: bytes, what: str) -> RpcError:
    """JSON of another shape, unless it turns out to be no JSON further on."""
    try:
        _skim(body)
    except (msgspec.DecodeError, RecursionError) as fault:
        return _not_json(fault)
    return RpcError(
        INVALID_REQUEST, f"Invalid request: the body must be one JSON-RPC 2.0 request or notification ({what})"
    )


def _not_json(fault: Exception) -> RpcError:
    if isinstance(fault, UnicodeDecodeError):
        return RpcError(PARSE_ERROR, "Parse error: the body is not UTF-8")
    if isinstance(fault, RecursionError):
        return RpcError(PARSE_ERROR, "Parse error: the body is nested too deeply")
    return RpcError(PARSE_ERROR, f"Parse error: {fault}")


def is_modern(version: bytes | None, params: Raw) -> bool:
    """Which era a request belongs to; each request decides for itself (Versioning, Dual-Era Servers).

    A version header names it. Without one, only `_meta` with a protocol version makes a request modern; it then fails
    on the missing header, as it must.
    """
    if version is not None:
        return version not in _LEGACY_BYTES and version.strip() not in _LEGACY_BYTES
    try:
        return _PROTOCOL_VERSION in _members(_members(params)["_meta"])
    except (KeyError, msgspec.DecodeError):
        return False


def read_params(message: Message, modern: bool) -> Params:
    """The parameters of a request. Whether its method is served at all is asked later, by `refuse_unserved`."""
    decode = (_MODERN_METHODS if modern else _LEGACY_METHODS).get(message.method, _plain)
    raw = message.params
    try:
        # JSON-RPC has no `params: null`, but clients send it; it means none.
        return decode(raw if bytes(raw) != b"null" else b"{}")
    except msgspec.ValidationError as fault:
        raise RpcError(INVALID_PARAMS, f"Invalid params: {fault}") from None


def climb(method: str, params: Params, headers: Mapping[bytes, bytes]) -> None:
    """The ladder of a modern request (Streamable HTTP, Server Validation).

    `_meta` is there, headers and body agree, the version is served.
    """
    meta = params.meta
    if meta.version is UNSET or meta.capabilities is UNSET:
        given = {_PROTOCOL_VERSION: meta.version, _CLIENT_CAPABILITIES: meta.capabilities}
        missing = " and ".join(key for key, value in given.items() if value is UNSET)
        raise RpcError(INVALID_PARAMS, f"Invalid params: params._meta has no {missing}")
    if header_text(headers.get(VERSION_HEADER)) != meta.version:
        raise _mismatch("MCP-Protocol-Version", "the protocol version in params._meta")
    if header_text(headers.get(b"mcp-method")) != method:
        raise _mismatch("Mcp-Method", "the method of the request")
    if isinstance(params, CallParams) and header_text(headers.get(b"mcp-name")) != params.name:
        raise _mismatch("Mcp-Name", "params.name")
    if meta.version != MODERN:
        raise _unsupported(meta.version)


def refuse_unserved(method: str, modern: bool) -> None:
    """Refuse a method that this era does not have here."""
    served = _MODERN_METHODS if modern else _LEGACY_METHODS
    if method not in served:
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {method[:100]}; served are {', '.join(served)}")


def refuse_unserved_version(version: bytes | None) -> None:
    """All that is asked of a notification: a version that is served, where it names one."""
    if version is not None and header_text(version) not in VERSIONS:
        raise _unsupported(version.decode("latin-1")[:100])


def _mismatch(name: str, what: str) -> RpcError:
    return RpcError(HEADER_MISMATCH, f"Header mismatch: {name} must be there and equal {what}")


def _unsupported(requested: str) -> RpcError:
    data = {"supported": VERSIONS, "requested": requested}
    return RpcError(UNSUPPORTED_VERSION, f"Unsupported protocol version: {requested}", data)
