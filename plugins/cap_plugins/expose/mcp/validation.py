"""The checks of an MCP request: its method, its version, and that headers and body agree.

Pure functions, no I/O. Each raises `RpcError` with the code that the specification gives the fault.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import UNSET

from cap_plugins.expose.mcp.headers import header_text
from cap_plugins.expose.mcp.json_rpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
    RpcError,
)
from cap_plugins.expose.mcp.messages import CLIENT_CAPABILITIES, METHODS, CallParams, Params
from cap_plugins.expose.mcp.versions import MODERN, PROTOCOL_VERSION, VERSION_HEADER, VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping


def validate_modern_request(method: str, params: Params, headers: Mapping[bytes, bytes]) -> None:
    """Check a modern request in the specified order (Streamable HTTP, Server Validation).

    `_meta` is complete, headers and body agree, the version is served.
    """
    meta = params.meta
    if meta.version is UNSET or meta.capabilities is UNSET:
        version = headers.get(VERSION_HEADER)
        if meta.version is UNSET and version is not None and header_text(version) not in VERSIONS:
            raise _unsupported(version.decode("latin-1")[:100])
        given = {PROTOCOL_VERSION: meta.version, CLIENT_CAPABILITIES: meta.capabilities}
        missing = " and ".join(key for key, value in given.items() if value is UNSET)
        raise RpcError(INVALID_PARAMS, f"Invalid params: params._meta has no {missing}")
    if meta.traceparent and bytes(meta.traceparent)[:1] != b'"':
        raise RpcError(INVALID_PARAMS, "Invalid params: Expected `str` - at `$._meta.traceparent`")
    if header_text(headers.get(VERSION_HEADER)) != meta.version:
        raise _mismatch("MCP-Protocol-Version", "the protocol version in params._meta")
    if header_text(headers.get(b"mcp-method")) != method:
        raise _mismatch("Mcp-Method", "the method of the request")
    if isinstance(params, CallParams) and header_text(headers.get(b"mcp-name")) != params.name:
        raise _mismatch("Mcp-Name", "params.name")
    if meta.version != MODERN:
        raise _unsupported(meta.version)


def validate_method(method: str, modern: bool) -> None:
    """Refuse a method that this era does not have here."""
    served = METHODS[modern]
    if method not in served:
        raise RpcError(METHOD_NOT_FOUND, f"Method not found: {method[:100]}; served are {', '.join(served)}")


def validate_notification_version(version: bytes | None) -> None:
    """Refuse a notification that names a version which is not served; nothing else of it is checked."""
    if version is not None and header_text(version) not in VERSIONS:
        raise _unsupported(version.decode("latin-1")[:100])


def _mismatch(name: str, what: str) -> RpcError:
    return RpcError(HEADER_MISMATCH, f"Header mismatch: {name} must be there and equal {what}")


def _unsupported(requested: str) -> RpcError:
    data = {"supported": VERSIONS, "requested": requested}
    return RpcError(UNSUPPORTED_VERSION, f"Unsupported protocol version: {requested}", data)
