"""JSON-RPC 2.0 results and errors, with the HTTP status of each."""

from __future__ import annotations

from typing import Any, Final

import msgspec

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

# The specification names no status for an internal error; the official servers answer 200.
_STATUS: Final = {METHOD_NOT_FOUND: 404, INTERNAL_ERROR: 200}
# Faults of a request as such, before its era matters.
_ALWAYS_400: Final = frozenset({PARSE_ERROR, INVALID_REQUEST, HEADER_MISMATCH, UNSUPPORTED_VERSION})

encode = msgspec.json.Encoder().encode


class RpcError(Exception):
    """A request that is answered with a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


def result_message(id_: int | str, text: bytes) -> bytes:
    """The message of a result, whose JSON text is spliced as it is."""
    return b'{"jsonrpc":"2.0","id":' + encode(id_) + b',"result":' + text + b"}"


def error_message(id_: int | str | None, fault: RpcError) -> bytes:
    """The message of an error; its id is null where the request's own could not be read."""
    body: dict[str, Any] = {"code": fault.code, "message": fault.message}
    if fault.data is not None:
        body["data"] = fault.data
    return encode({"jsonrpc": "2.0", "id": id_, "error": body})


def http_status(code: int, modern: bool) -> int:
    """The HTTP status of an error. Modern: by its code. Legacy: 200, unless the request as such is wrong."""
    return _STATUS.get(code, 400) if modern or code in _ALWAYS_400 else 200
