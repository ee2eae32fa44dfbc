"""The upstream of the test kit leaves nothing behind, however its connections stand when it stops."""

from __future__ import annotations

import gc
import socket
import warnings

import pytest

from cap_core.testing import PATIENCE, Answered, Upstream, upstream
from waiting import until

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def connect(api: Upstream) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(api.url.rpartition(":")[2])), PATIENCE)


def just_opened(api: Upstream) -> socket.socket:
    return connect(api)


def idle(api: Upstream) -> socket.socket:
    client = connect(api)
    client.sendall(REQUEST)
    assert client.recv(1)
    return client


def half_a_request(api: Upstream) -> socket.socket:
    client = connect(api)
    client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
    return client


def waiting(api: Upstream) -> socket.socket:
    client = connect(api)
    client.sendall(REQUEST.replace(b"/ ", b"/slow ", 1))
    until(lambda: api.requests)
    return client


@pytest.mark.parametrize("leave", [just_opened, idle, half_a_request, waiting])
def test_connections_end_with_the_upstream(leave, caplog: pytest.LogCaptureFixture) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(20):
            with upstream(lambda r: Answered(pause=600 if r.target == b"/slow" else 0)) as api:
                client = leave(api)
            client.close()
            del client
        gc.collect()

    assert [] == caplog.records
    assert [] == [str(one.message) for one in warned if "unclosed" in str(one.message)]


def test_a_body_without_a_length_ends_with_its_connection() -> None:
    with upstream(lambda r: Answered(body=b"all of it", until_close=True)) as api, connect(api) as client:
        client.sendall(REQUEST)
        received = b""
        while chunk := client.recv(65536):
            received += chunk

    head, _, body = received.partition(b"\r\n\r\n")
    assert b"all of it" == body
    assert b"length" not in head.lower()
