"""A caller with one connection that it keeps."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from typing import Any

from sweeping.asking import Ask


@dataclass
class Answer:
    """What the gateway answers."""

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body, as JSON."""
        return json.loads(self.body)


class Client:
    """HTTP/1.1 on one connection, opened again where the gateway closes it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.socket: socket.socket | None = None
        self.buffer = b""

    def ask(self, ask: Ask) -> Answer:
        """Send a request and read its answer."""
        fields = {"Host": f"127.0.0.1:{self.port}", **ask.headers}
        if ask.body or ask.method in ("POST", "PUT", "PATCH"):
            fields["Content-Length"] = str(len(ask.body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        message = f"{ask.method} {ask.target} HTTP/1.1\r\n{head}\r\n".encode() + ask.body
        for again in (True, False):
            try:
                return self._exchange(message, ask.method == "HEAD")
            except ConnectionError:
                self.close()
                if not again:
                    raise
        raise AssertionError

    def _exchange(self, message: bytes, head: bool) -> Answer:
        if self.socket is None:
            self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=30)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.sendall(message)
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        start, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = start.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        status = int(lines[0].split(" ")[1])
        body = b""
        if not head and status not in (204, 304):
            body = self._chunks() if "transfer-encoding" in fields else self._take(int(fields.get("content-length", 0)))
        if fields.get("connection", "").lower() == "close":
            self.close()
        return Answer(status, body)

    def _more(self) -> None:
        assert self.socket is not None
        got = self.socket.recv(65536)
        if not got:
            raise ConnectionError
        self.buffer += got

    def _take(self, size: int) -> bytes:
        while len(self.buffer) < size:
            self._more()
        out, self.buffer = self.buffer[:size], self.buffer[size:]
        return out

    def _chunks(self) -> bytes:
        out = b""
        while True:
            while b"\r\n" not in self.buffer:
                self._more()
            line, _, self.buffer = self.buffer.partition(b"\r\n")
            size = int(line, 16)
            out += self._take(size)
            self._take(2)
            if not size:
                return out

    def close(self) -> None:
        """End the connection."""
        if self.socket is not None:
            self.socket.close()
        self.socket, self.buffer = None, b""
