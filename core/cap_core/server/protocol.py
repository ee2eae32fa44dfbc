"""uvicorn's HTTP protocol, changed to limit the head of a request and to ignore trailers."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024
"""Bytes of a request line and its headers; other servers accept 8 to 32 KB by default."""

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-type: text/plain\r\n"
    b"content-length: 21\r\n\r\nHeaders are too large"
)


class Protocol(HttpToolsProtocol):
    """One connection."""

    _head = -1
    """How many bytes of a head came in earlier packets, or -1 outside of one."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Store a header. Fields of a trailer, which come after the head, are dropped."""
        if self._head >= 0:
            super().on_header(name, value)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._head = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """A head ends."""
        self._head = -1
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head has become too long."""
        super().data_received(data)
        if self._head >= 0:
            self._head += len(data)
            if self._head > MAX_HEAD and not self.transport.is_closing():
                self.transport.write(_TOO_LARGE)
                self.transport.close()
