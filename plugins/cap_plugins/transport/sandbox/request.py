"""The parts of a request that an action needs: identifiers, query parameters and the members of the body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import msgspec

from cap_core.errors import UpstreamError
from cap_core.plan.values import Constant
from cap_core.plugins.exposure import Limits
from cap_core.runtime.streams import collect
from cap_plugins.transport.sandbox.responses import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cap_core.plugins.context import Context
    from cap_core.plugins.messages import HttpRequest
    from cap_core.plugins.transport import TransportContext

_MAX_BODY: Final = Limits().body
# The response repeats the members some levels further down, and must still be encodable.
_MAX_DEPTH: Final = 100
_FORM: Final = "application/x-www-form-urlencoded"


class SandboxRequest(msgspec.Struct, frozen=True):
    """A request after parsing: the identifiers in its path, its query, and the members of its body."""

    ids: tuple[str, ...]
    query: Mapping[str, str]
    members: Mapping[str, object]


async def read_body(request: HttpRequest, context: Context) -> bytes:
    """The whole body. Raises `RequestError` 413 for one that is too large, `UpstreamError` after the deadline."""
    try:
        async with asyncio.timeout_at(context.deadline):
            whole = await collect(request.body, _MAX_BODY)
    except TimeoutError as error:
        raise UpstreamError("total", "the time for this call ran out", sent=False) from error
    if whole is None:
        raise RequestError(413, "too_large", f"the request body is larger than {_MAX_BODY} bytes")
    return whole


def body_members(request: HttpRequest, whole: bytes) -> dict[str, object]:
    """The members of a JSON object or a form; any other JSON value is the member `data`, any other body has a size.

    Raises `RequestError` 400 for invalid JSON.
    """
    kind = _media_type(request)
    if not whole:
        return {}
    if kind == _FORM:
        return _form(whole)
    if kind not in ("", "application/json") and not kind.endswith("+json"):
        return {"bytes": len(whole)}
    data = _json(whole)
    return data if isinstance(data, dict) else {"data": data}


def query_parameters(request: HttpRequest) -> dict[str, str]:
    """The values of the query by name; of a repeated name the last one."""
    _, _, text = request.target.partition(b"?")
    return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True))


def credential_members(at: TransportContext) -> frozenset[str]:
    """Body members that may hold the credentials of a namespace, which no response may repeat.

    A scheme that puts a credential into the body has the member's name among its options.
    """
    blocks = (o.consumed.authentication for o in at.operations)
    options = [
        value.value for block in blocks if block for value in block.options.values() if isinstance(value, Constant)
    ]
    names = frozenset(value for value in options if isinstance(value, str))
    return names if "body" in {name.lower() for name in names} else frozenset()


def _media_type(request: HttpRequest) -> str:
    header = next((value for name, value in request.headers if name.lower() == b"content-type"), b"")
    return header.partition(b";")[0].strip().lower().decode("latin-1")


def _form(whole: bytes) -> dict[str, object]:
    fields: dict[str, list[str]] = {}
    for name, value in parse_qsl(whole.decode("utf-8", "replace"), keep_blank_values=True):
        fields.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in fields.items()}


def _json(whole: bytes) -> object:
    try:
        data = msgspec.json.decode(whole)
    except (msgspec.DecodeError, RecursionError):
        raise RequestError(400, "invalid_json", "the request body is not JSON that can be read") from None
    if _is_deep(data):
        raise RequestError(400, "invalid_json", f"the request body is nested more than {_MAX_DEPTH} levels deep")
    return data


def _is_deep(data: object) -> bool:
    level = [data]
    for _ in range(_MAX_DEPTH):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(data: object) -> Iterable[object]:
    if isinstance(data, dict):
        return data.values()
    return data if isinstance(data, list) else ()
