"""Read a request: its body collected and decoded, its query as texts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

import msgspec

from cap_core.errors import UpstreamError
from cap_core.offers import Limits
from cap_core.plan import Constant
from cap_core.streams import collect
from cap_plugins.transport.sandbox.answers import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cap_core.context import Context
    from cap_core.offers import OpenAt
    from cap_core.types import Request

_MOST: Final = Limits().body
# What is answered must be encoded again, some levels further down.
_DEEPEST: Final = 100
_FORM: Final = "application/x-www-form-urlencoded"


async def body(request: Request, context: Context) -> bytes:
    """The whole body. Raises `Wrong` 413 for one that is too large, and `UpstreamError` once the time has run out."""
    try:
        async with asyncio.timeout_at(context.deadline):
            whole = await collect(request.body, _MOST)
    except TimeoutError as error:
        raise UpstreamError("total", "the time for this call ran out", sent=False) from error
    if whole is None:
        raise Wrong(413, "too_large", f"the request body is larger than {_MOST} bytes")
    return whole


def members(request: Request, whole: bytes) -> dict[str, object]:
    """The members of a body: of a JSON object or a form; another JSON value is `data`, anything else has a size.

    Raises `Wrong` 400 for JSON that is none.
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


def query(request: Request) -> dict[str, str]:
    """The query's texts by name; of a repeated name the last one."""
    _, _, text = request.target.partition(b"?")
    return dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True))


def withheld(at: OpenAt) -> frozenset[str]:
    """Body members that the credentials of a namespace may stand in; what is answered must not hold them.

    A scheme that puts a credential into the body says in its options under which name.
    """
    blocks = (o.consumed.authentication for o in at.operations)
    options = [
        value.value for block in blocks if block for value in block.options.values() if isinstance(value, Constant)
    ]
    names = frozenset(value for value in options if isinstance(value, str))
    return names if "body" in {name.lower() for name in names} else frozenset()


def _media_type(request: Request) -> str:
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
        raise Wrong(400, "invalid_json", "the request body is not JSON that can be read") from None
    if _is_deep(data):
        raise Wrong(400, "invalid_json", f"the request body is nested more than {_DEEPEST} levels deep")
    return data


def _is_deep(data: object) -> bool:
    level = [data]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(data: object) -> Iterable[object]:
    if isinstance(data, dict):
        return data.values()
    return data if isinstance(data, list) else ()
