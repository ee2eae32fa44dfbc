"""The messages that plugins and the core exchange: requests, answers, bodies, callers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import msgspec

Headers = tuple[tuple[bytes, bytes], ...]
"""Header fields in order, with their case and repeats kept; ASGI's own form."""


@runtime_checkable
class Stream(Protocol):
    """Bytes that arrive over time, read once.

    Whoever took a stream calls `aclose` in a `finally`. `aclose` may be called again; on an unfinished upstream body it
    aborts the connection, so that the upstream notices.
    """

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def aclose(self) -> None: ...


Body = bytes | Stream
"""`bytes` if the whole body is small and has arrived, else a `Stream`. `b""` means no body."""


class HttpRequest(msgspec.Struct, frozen=True):
    """One request to an upstream.

    `target` is path and query exactly as they are sent. `headers` are all that is sent, apart from what frames the
    message: the transport adds `Host` (unless present), `Content-Length` or `Transfer-Encoding`. `length` is the
    size in bytes of a `Stream` body where it is known. A `Stream` body is never replayed.
    """

    method: str
    target: bytes
    headers: Headers = ()
    body: Body = b""
    length: int | None = None


class HttpResponse(msgspec.Struct, frozen=True):
    """What came back from an upstream; header names in lower case, otherwise as received."""

    status: int
    headers: Headers
    body: Body


class Reply(msgspec.Struct, frozen=True):
    """An answer in the form of an HTTP message. `error` means that the upstream refused (status 4xx or 5xx)."""

    status: int
    headers: Headers
    body: Body
    error: bool = False
    source: str = ""
    """The consumed namespace that answered, if it is not that of the last step; else ""."""


class Text(msgspec.Struct, frozen=True, tag="text"):
    """A text block."""

    text: str


class Blob(msgspec.Struct, frozen=True, tag="blob"):
    """A binary block with its media type."""

    data: bytes
    media_type: str


class Content(msgspec.Struct, frozen=True):
    """An answer made of blocks, for calls that no upstream answered. `structured` is JSON text, or None."""

    blocks: tuple[Text | Blob, ...]
    structured: msgspec.Raw | None = None
    error: bool = False


class InputRequired(msgspec.Struct, frozen=True):
    """An answer that needs more input from the caller first.

    `questions` are by key; `state` is opaque, and the caller sends it back with the answers.
    """

    error: ClassVar[bool] = False
    questions: Mapping[str, Mapping[str, object]]
    state: bytes


Answer = Reply | Content | InputRequired
"""The result of a call, independent of any protocol: each exposure encodes it for its own callers."""

Scope = MutableMapping[str, Any]
"""What is known of a connection or a request (ASGI 3); `Message`, `Receive` and `AsgiSend` are ASGI's too."""
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
AsgiSend = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, AsgiSend], Awaitable[None]]

Endpoint = Callable[[Scope, Receive, AsgiSend, tuple[str, ...]], Awaitable[None]]
"""A raw ASGI endpoint; the last argument holds the decoded values of the route's placeholders, in order."""

Channel = Literal["rest", "mcp", "stdio", "cli"] | str
"""The way a call came in. Open: an exposure plugin may add its own."""


class Entity(msgspec.Struct, frozen=True):
    """A request body that is passed through as it came. A media type or length that is not known is None."""

    content_type: bytes | None
    body: Body
    length: int | None = None


class Incoming(msgspec.Struct, frozen=True):
    """A request, for the check of its caller.

    Header names are in lower case. To ask for a header that the request repeats raises `Refusal` 400.
    """

    method: str
    path: bytes
    query: bytes
    headers: Mapping[bytes, bytes]


class Caller(msgspec.Struct, frozen=True):
    """An authenticated caller: the scheme that accepted them, a name if one is known, and their scopes."""

    scheme: str
    name: str = ""
    scopes: frozenset[str] = frozenset()


Check = Callable[[Incoming], Awaitable[Caller]]
"""Authenticates a caller. Raises `Refusal` 401 or 403, with `WWW-Authenticate`, for one that is not accepted."""
