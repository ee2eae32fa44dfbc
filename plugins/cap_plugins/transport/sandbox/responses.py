"""The responses of the sandbox: JSON, errors, JSON Lines and server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from cap_core.plugins.messages import Body, Headers, HttpResponse

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.database import Item

_encode: Final = msgspec.json.encode


class RequestError(Exception):
    """A request that the sandbox answers with an error status, as an upstream does."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class JsonLines(msgspec.Struct, frozen=True):
    """The content of a response with one JSON document per line."""

    items: tuple[Item, ...]


class PieceStream:
    """A body in pieces, read once. It yields to the event loop between two pieces, so that a call can be cancelled."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := next(self._pieces, None)) is not None:
            yield piece
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Drop what has not been read."""
        self._pieces = iter(())


def json_response(data: Item) -> HttpResponse:
    """One JSON document."""
    return _response(200, b"application/json", _encode(data))


def json_lines_response(answer: JsonLines) -> HttpResponse:
    """One JSON document per line, in pieces."""
    return _response(200, b"application/jsonl", PieceStream([_encode(item) + b"\n" for item in answer.items]))


def event_stream_response(data: Item) -> HttpResponse:
    """A result as server-sent events: the item, a sentence about it word by word, and `[DONE]`."""
    name = data.get("object")
    text = f"This {name} is made up." if isinstance(name, str) else "This is made up."
    chunks = [
        {"id": data.get("id"), "object": "chunk", "index": n, "delta": f"{w} "} for n, w in enumerate(text.split())
    ]
    documents = [*(_encode(document) for document in (data, *chunks)), b"[DONE]"]
    return _response(200, b"text/event-stream", PieceStream([b"data: %b\n\n" % document for document in documents]))


def error_response(failure: RequestError) -> HttpResponse:
    """An error as JSON, in the form that many APIs share."""
    detail = {"message": failure.message, "type": "invalid_request_error", "code": failure.code}
    body = _encode({"error": detail})
    made = _response(failure.status, b"application/json", body)
    return msgspec.structs.replace(made, headers=(*made.headers, *failure.headers))


def without_body(response: HttpResponse) -> HttpResponse:
    """The same response without its body, for a HEAD request."""
    return msgspec.structs.replace(response, body=b"")


def _response(status: int, kind: bytes, body: Body) -> HttpResponse:
    headers: Headers = ((b"content-type", kind),)
    if isinstance(body, bytes):
        headers = (*headers, (b"content-length", b"%d" % len(body)))
    return HttpResponse(status, headers, body)
