"""httpcore's network with two checks: the end of a connection, and bytes that are not the start of a response."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from httpcore import SOCKET_OPTION

_RESPONSE_START = b"HTTP/1."


class ConnectionEnded(httpcore.ReadError):
    """The upstream closed the connection, which is also how a body without a length ends."""


class Network(httpcore.AnyIOBackend):
    """Opens connections as `CheckedStream`."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect as httpcore does."""
        return CheckedStream(await super().connect_tcp(host, port, timeout, local_address, socket_options))


class CheckedStream(httpcore.AsyncNetworkStream):
    """A connection that raises `ConnectionEnded`, and refuses a response that does not begin as HTTP/1."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._response_begun = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """The bytes that arrived. Raises `ConnectionEnded`, and `RemoteProtocolError` for what is no response."""
        try:
            data = await self._stream.read(max_bytes, timeout)
        except ssl.SSLError as error:  # httpcore lets it through
            raise httpcore.ReadError(error) from error
        if not data:
            raise ConnectionEnded
        if not self._response_begun:
            # h11 waits for the end of a head, whatever the bytes are.
            if data[: len(_RESPONSE_START)] != _RESPONSE_START[: len(data)]:
                raise httpcore.RemoteProtocolError
            self._response_begun = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; what is read next must be the start of a response."""
        self._response_begun = False
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close at once."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted."""
        return CheckedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        """httpcore's information about the connection; its pool checks whether an idle one is readable."""
        return self._stream.get_extra_info(info)
