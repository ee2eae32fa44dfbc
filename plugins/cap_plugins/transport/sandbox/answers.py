"""What the sandbox sends back: JSON, errors, JSON Lines and server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Final

import msgspec

from cap_core.types import Body, Headers, Response

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.database import Item

_encode: Final = msgspec.json.encode


class Wrong(Exception):
    """A request that the sandbox answers with an error, as an upstream does."""

    def __init__(self, status: int, code: str, message: str, headers: Headers = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class Lines(msgspec.Struct, frozen=True):
    """An answer of one JSON document per line."""

    items: tuple[Item, ...]


class Pieces:
    """A body in pieces, read once. Between two of them everything else gets its turn, a cancellation too."""

    __slots__ = ("_pieces",)

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (piece := next(self._pieces, None)) is not None:
            yield piece
            await asyncio.sleep(0)

    async def aclose(self) -> None:
        """Forget what has not been read."""
        self._pieces = iter(())


def json(data: Item) -> Response:
    """One JSON document."""
    return _response(200, b"application/json", _encode(data))


def lines(answer: Lines) -> Response:
    """One document after another, as they come."""
    return _response(200, b"application/jsonl", Pieces([_encode(item) + b"\n" for item in answer.items]))


def events(data: Item) -> Response:
    """What a request did as server-sent events: the thing itself, word by word what is said about it, the end."""
    name = data.get("object")
    said = f"This {name} is made up." if isinstance(name, str) else "This is made up."
    chunks = [
        {"id": data.get("id"), "object": "chunk", "index": n, "delta": f"{w} "} for n, w in enumerate(said.split())
    ]
    documents = [_encode(document) for document in (data, *chunks)]
    return _response(200, b"text/event-stream", Pieces([b"data: %b\n\n" % text for text in (*documents, b"[DONE]")]))


def error(wrong: Wrong) -> Response:
    """An error, in the form that many APIs share."""
    said = {"message": wrong.message, "type": "invalid_request_error", "code": wrong.code}
    body = _encode({"error": said})
    made = _response(wrong.status, b"application/json", body)
    return msgspec.structs.replace(made, headers=(*made.headers, *wrong.headers))


def without_body(response: Response) -> Response:
    """The answer to a HEAD."""
    return msgspec.structs.replace(response, body=b"")


def _response(status: int, kind: bytes, body: Body) -> Response:
    headers: Headers = ((b"content-type", kind),)
    if isinstance(body, bytes):
        headers = (*headers, (b"content-length", b"%d" % len(body)))
    return Response(status, headers, body)
