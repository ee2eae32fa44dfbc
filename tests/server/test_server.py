"""The server alone, with a tiny app: signals, draining, what is cut, what is logged."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from cap_core.errors import StartError
from cap_core.server import sockets
from cap_core.server.server import TWICE
from cap_core.server.sockets import ListenAddress

TINY = Path(__file__).parent / "tiny.py"


@pytest.fixture
def tiny(started: Callable[..., Any]) -> Callable[..., AbstractContextManager[Any]]:
    """The tiny app, running."""
    return lambda drain="5", *files: started(TINY, drain, *files)


# --- signals and draining ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_an_idle_server_with_0(tiny: Callable[..., Any], number: int) -> None:
    with tiny() as server:
        server.signal(number)

        assert server.ended() == 0


def test_no_request_fails_while_it_stops_under_load(tiny: Callable[..., Any], load: Callable[..., Any]) -> None:
    with tiny() as server:
        clients = load(server.url)

        def stop() -> None:
            clients.wait_for(200)
            server.signal(signal.SIGTERM)
            assert server.ended() == 0

        asyncio.run(clients.run(24, stop))

    assert clients.failures == []


def test_what_is_in_flight_finishes(tiny: Callable[..., Any]) -> None:
    with tiny() as server, socket.create_connection(_place(server.url)) as client:
        client.sendall(b"GET /sleep/1.2 HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for("asked for sleep")
        server.signal(signal.SIGTERM)

        assert _everything(client).endswith(b"ok")
        assert server.ended() == 0


def test_a_request_on_a_connection_kept_alive_is_answered_while_it_drains(tiny: Callable[..., Any]) -> None:
    with tiny() as server, httpx.Client(base_url=server.url) as client:
        assert "connection" not in client.get("/").headers
        server.signal(signal.SIGTERM)
        server.wait_for("draining")

        assert client.get("/").headers["connection"] == "close"
        assert server.ended() == 0


def test_a_large_answer_reaches_a_slow_reader_whole(tiny: Callable[..., Any]) -> None:
    with tiny() as server, socket.create_connection(_place(server.url)) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for("asked for large")
        server.signal(signal.SIGTERM)
        server.wait_for("draining")

        head, _, body = _everything(client).partition(b"\r\n\r\n")
        assert b"content-length: %d" % len(body) in head
        assert server.ended() == 0


def test_streams_end_when_they_are_told_to_drain(tiny: Callable[..., Any]) -> None:
    with tiny() as server, httpx.stream("GET", server.url + "/stream") as answer:
        lines = answer.iter_lines()
        next(lines)
        server.signal(signal.SIGTERM)

        assert list(lines)[-1] == "end"
        assert server.ended() == 0


def test_what_takes_longer_than_the_drain_is_cut_and_counted(tiny: Callable[..., Any]) -> None:
    with tiny("1.2") as server, socket.create_connection(_place(server.url)) as client:
        client.sendall(b"GET /deaf HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for("asked for deaf")
        server.signal(signal.SIGTERM)

        assert not _everything(client).endswith(b"0\r\n\r\n")
        assert server.ended() == 0
        assert "1 call was cut off after 1.2 s" in server.lines[-1]


def test_a_second_interrupt_ends_at_once(tiny: Callable[..., Any]) -> None:
    with tiny("30") as server, socket.create_connection(_place(server.url)) as client:
        client.sendall(b"GET /sleep/25 HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for("asked for sleep")
        server.signal(signal.SIGINT)
        server.wait_for("draining")
        time.sleep(2 * TWICE)  # what comes sooner is the same Ctrl-C
        server.signal(signal.SIGINT)

        assert server.ended() == 130  # which it waits for 20 seconds, less than the answer takes
        assert not any("Traceback" in line for line in server.lines)


def test_sigterm_twice_is_one_sigterm(tiny: Callable[..., Any]) -> None:
    with tiny() as server, socket.create_connection(_place(server.url)) as client:
        client.sendall(b"GET /sleep/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for("asked for sleep")
        server.signal(signal.SIGTERM)
        server.wait_for("draining")
        server.signal(signal.SIGTERM)

        assert _everything(client).endswith(b"ok")
        assert server.ended() == 0


def test_a_connection_that_never_asks_does_not_hold_it_up(tiny: Callable[..., Any]) -> None:
    with tiny("60") as server, socket.create_connection(_place(server.url)):
        server.signal(signal.SIGTERM)

        assert server.ended() == 0  # which it waits for 20 seconds


# --- TLS --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path, ssl.SSLContext]:
    """A certificate for 127.0.0.1, its key, and who trusts it."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return chain, key, trusting


def test_tls_is_served_and_drained(tiny: Callable[..., Any], certificate: tuple[Path, Path, ssl.SSLContext]) -> None:
    chain, key, trusting = certificate
    with tiny("5", chain, key) as server, httpx.Client(base_url=server.url, verify=trusting) as client:
        assert client.get("/").text == "ok"
        server.signal(signal.SIGTERM)
        server.wait_for("draining")
        assert client.get("/sleep/0.5").text == "ok"

        assert server.ended() == 0


# --- what is logged ---------------------------------------------------------------------------------------------------


def test_an_answer_that_the_app_breaks_off_on_purpose_is_cut_and_not_logged(tiny: Callable[..., Any]) -> None:
    with tiny() as server:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(server.url + "/broken")
        server.signal(signal.SIGTERM)
        server.ended()

        assert not any("without completing" in line for line in server.lines)


def test_an_exception_of_the_app_is_one_line(tiny: Callable[..., Any]) -> None:
    with tiny() as server:
        assert httpx.get(server.url + "/fails").status_code == 500
        line = server.wait_for("Exception in ASGI application")

        assert "RuntimeError: it fails (tiny.py:" in line
        assert not any("Traceback" in line for line in server.lines)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [b"GET /%b HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nX: %b\r\n"], ids=["target", "header"])
def test_a_head_without_end_is_refused(tiny: Callable[..., Any], head: bytes) -> None:
    with tiny() as server, socket.create_connection(_place(server.url)) as client:
        client.sendall(head % (b"a" * 60_000))
        time.sleep(0.1)
        client.sendall(b"X-More: %b" % (b"a" * 10_000))

        assert _everything(client).startswith(b"HTTP/1.1 431 ")


def test_a_long_head_and_a_longer_body_are_fine(tiny: Callable[..., Any]) -> None:
    with tiny() as server, httpx.Client(base_url=server.url) as client:
        for _ in range(2):
            assert client.post("/", headers={"X": "a" * 30_000}, content=b"b" * 1_000_000).status_code == 200


# --- sockets ----------------------------------------------------------------------------------------------------------


def test_all_sockets_are_bound_or_none() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = _free()
        with pytest.raises(StartError) as refused:
            sockets.bind([ListenAddress("127.0.0.1", free, "one/rest"), ListenAddress("127.0.0.1", port, "two/rest")])

        assert str(refused.value) == (
            f"127.0.0.1:{port}, which two/rest wants, is already in use; "
            "stop what listens there, or choose another port with --port"
        )
        socket.create_server(("127.0.0.1", free)).close()


def test_nothing_listens_before_every_socket_can() -> None:
    bound = sockets.bind([ListenAddress("127.0.0.1", 0)])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", bound[0].port))
    sockets.listen(bound)
    socket.create_connection(("127.0.0.1", bound[0].port)).close()
    sockets.close(bound)


def test_an_answer_in_two_writes_does_not_wait_for_an_acknowledgement() -> None:
    """What Nagle's algorithm does: it is off for every connection that is accepted."""
    delayed = []

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        delayed.append(not writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    async def connect() -> None:
        (bound,) = sockets.bind([ListenAddress("127.0.0.1", 0)])
        sockets.listen([bound])
        async with await asyncio.start_server(accepted, sock=bound.sockets[0]):
            reader, writer = await asyncio.open_connection("127.0.0.1", bound.port)
            await reader.read()
            writer.close()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as own:  # uvloop asks no socket for its protocol
        own.run(connect())
    assert [False] == delayed


@pytest.mark.parametrize("host", ["::1", "[::1]", "localhost", "::"])
def test_hosts_may_be_names_and_ipv6_addresses(host: str) -> None:
    bound = sockets.bind([ListenAddress(host, 0)])
    sockets.listen(bound)
    for sock in bound[0].sockets:
        family, place = sock.family, sock.getsockname()
        socket.socket(family, socket.SOCK_STREAM).close()
        assert place[1] == bound[0].port
    sockets.close(bound)


@pytest.mark.parametrize(
    ("host", "what"),
    [("no.such.host.invalid", "cannot listen on"), ("192.0.2.1", "is no address of this machine")],
)
def test_an_address_that_cannot_be_had_is_told(host: str, what: str) -> None:
    with pytest.raises(StartError, match=what):
        sockets.bind([ListenAddress(host, 0)])


def _place(url: str) -> tuple[str, int]:
    host, _, port = url.partition("://")[2].partition(":")
    return host, int(port)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def _everything(client: socket.socket) -> bytes:
    client.settimeout(10)
    received = b""
    try:
        while chunk := client.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


SWALLOWS = """\
import asyncio
import pathlib
from cap_core import *


async def for_ever():
    while True:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            pass


def wrap(call, run):
    async def stuck(inputs, context):
        {stuck}
    return stuck


@hookimpl
def cap_interceptors():
    return [Interceptor(key="stuck", wrap_call=wrap)]
"""


@pytest.mark.parametrize(
    "stuck", ["await for_ever()", "asyncio.create_task(for_ever()); return await run(inputs, context)"]
)
def test_a_plugin_that_swallows_its_cancellation_does_not_hold_up_the_end(serving, thing, stuck: str) -> None:
    thing.with_name("stuck.py").write_text(SWALLOWS.replace("{stuck}", stuck))
    with serving(thing.name, "--plugin", "stuck.py", "--port", "0", "--drain", "0", "--sandbox") as server:
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as caller:
            caller.sendall(b"GET /things/1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            if "create_task" in stuck:
                assert caller.recv(65536).startswith(b"HTTP/1.1 200 ")
            else:
                httpx.get(server.url + "/health/live")  # by then the call runs
            server.signal(signal.SIGTERM)

            assert 0 == server.ended()

    (line,) = [json.loads(line) for line in server.lines if "is left behind" in line]
    assert "error" == line["level"]
    assert line["event"].startswith("stuck of stuck.py: what it runs (stuck.py:9) does not end though it is cancelled")
    assert not [line for line in server.lines if "pending" in line or "Traceback" in line]
