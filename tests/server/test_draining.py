"""Connections while a server drains: what has been sent to it is answered."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

TINY = Path(__file__).parent / "tiny.py"
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_request_that_arrives_while_the_loop_is_held_is_answered(started: Callable[..., Any]) -> None:
    with started(TINY, "5") as server:
        address = httpx.URL(server.url)
        place = (address.host, address.port or 0)
        with socket.create_connection(place) as idle, socket.create_connection(place) as holding:
            idle.settimeout(10)
            idle.sendall(REQUEST)
            assert _answer(idle).endswith(b"ok")
            holding.sendall(REQUEST.replace(b"/ ", b"/block/1 ", 1))
            server.signal(signal.SIGTERM)
            server.wait_for("the loop is held")
            # By the time the loop goes on, this connection has been idle for longer than one is kept.
            idle.sendall(REQUEST)

            assert _answer(idle).endswith(b"ok")
        assert server.ended() == 0


def _answer(client: socket.socket) -> bytes:
    """One answer of / that `client` receives; what there was of it where the connection ends."""
    received = b""
    while not received.endswith(b"ok") and (chunk := client.recv(65536)):
        received += chunk
    return received
