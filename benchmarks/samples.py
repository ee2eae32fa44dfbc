"""What the upstream holds, what is asked for, and what a right answer looks like."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

LIST: Final = "/v1/things"
ITEM: Final = "/v1/things/t-17?limit=20"
EXPORT: Final = "/v1/export"

KEY: Final = "benchmark"
"""The upstream's key: shells and gateway send it as a bearer token."""

_PATIENCE = 10.0


class Asked(msgspec.Struct, frozen=True):
    """One request as the load generator sends it again and again."""

    target: str
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def wire(self, host: str) -> bytes:
        """The request as bytes."""
        fields = {"Host": host, **self.headers}
        if self.body:
            fields["Content-Length"] = str(len(self.body))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{self.method} {self.target} HTTP/1.1\r\n{head}\r\n".encode() + self.body


class Answered(msgspec.Struct, frozen=True):
    """What came back; `size` counts every byte of it, head included."""

    status: int
    body: bytes
    size: int


Right = Callable[[bytes], bool]
"""Whether a body is the right one."""


def listing(size: int) -> bytes:
    """A JSON list of exactly `size` bytes, as vendors' APIs answer it."""
    end = b'],"has_more":false,"note":"%b"}'
    out, n = b'{"object":"list","data":[', 0
    while True:
        thing = {"id": f"t-{n}", "object": "thing", "name": f"Thing number {n}", "created_at": 1716000000 + n}
        more = (b"," if n else b"") + msgspec.json.encode(
            {**thing, "tags": ["a", "b"], "price": n * 0.25, "gone": None}
        )
        if len(out) + len(more) + len(end % b"") > size:
            return out + end % (b"x" * (size - len(out) - len(end % b"")))
        out += more
        n += 1


SMALL: Final = listing(1_489)
LARGE: Final = listing(100_000)


def get(target: str) -> Asked:
    """A plain GET."""
    return Asked(target)


def call_legacy(tool: str) -> Asked:
    """A `tools/call` of revision 2025-11-25."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": {}}}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    return Asked("/mcp", "POST", headers, msgspec.json.encode(message))


def call_modern(tool: str) -> Asked:
    """A `tools/call` of revision 2026-07-28, where every request stands alone."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "benchmark", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": tool, "arguments": {}, "_meta": meta}
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return Asked("/mcp", "POST", headers, msgspec.json.encode(message))


def same(expected: bytes) -> Right:
    """The upstream's body, byte for byte."""
    return lambda body: body == expected


def result_of(expected: bytes) -> Right:
    """A tool's result that has the upstream's body as its text and, decoded, as its structure."""
    data = msgspec.json.decode(expected)

    def right(body: bytes) -> bool:
        try:
            result = msgspec.json.decode(body)["result"]
            texts = [block["text"] for block in result["content"]]
        except (msgspec.DecodeError, KeyError, TypeError):
            return False
        return not result.get("isError") and texts == [expected.decode()] and result["structuredContent"] == data

    return right


def send(port: int, asked: Asked) -> Answered:
    """Ask once, on a connection of its own. Raises `OSError` where nothing answers, `ValueError` for no HTTP."""
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as connection:
        connection.sendall(asked.wire(f"127.0.0.1:{port}"))
        got = b""
        while (end := got.find(b"\r\n\r\n") + 4) < 4:
            got += _more(connection)
        start, *lines = got[: end - 4].split(b"\r\n")
        fields = dict(line.lower().split(b":", 1) for line in lines)
        length = fields.get(b"content-length")
        if length is None:
            raise ValueError("the answer has no Content-Length")
        size = end + int(length)
        while len(got) < size:
            got += _more(connection)
    return Answered(int(start.split(b" ")[1]), got[end:], len(got))


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 16)
    if not data:
        raise ConnectionError("the connection ended before the answer")
    return data
