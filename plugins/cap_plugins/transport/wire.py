"""httpcore's network, which also tells that a connection has ended, and that what arrives is not HTTP."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import httpcore

if TYPE_CHECKING:
    from collections.abc import Iterable

    from httpcore import SOCKET_OPTION

_BEGIN = b"HTTP/1."


class Ended(httpcore.ReadError):
    """The upstream closed the connection; for a body without a length that is how it ends."""


class Network(httpcore.AnyIOBackend):
    """Opens connections that tell."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """As httpcore has it."""
        return Wire(await super().connect_tcp(host, port, timeout, local_address, socket_options))


class Wire(httpcore.AsyncNetworkStream):
    """One connection."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._answered = True

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived. Raises `Ended` at the end, `RemoteProtocolError` where an answer does not begin as one."""
        try:
            data = await self._stream.read(max_bytes, timeout)
        except ssl.SSLError as error:  # httpcore lets it through
            raise httpcore.ReadError(error) from error
        if not data:
            raise Ended
        if not self._answered:
            # h11 waits for the end of a head, whatever the bytes are.
            if data[: len(_BEGIN)] != _BEGIN[: len(data)]:
                raise httpcore.RemoteProtocolError
            self._answered = True
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send; what is read next must be an answer."""
        self._answered = False
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close at once."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """The same connection, encrypted."""
        return Wire(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> object:
        """As httpcore has it; the pool asks whether an idle connection is readable."""
        return self._stream.get_extra_info(info)
