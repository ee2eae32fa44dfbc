"""Requests as bytes: what is no request is refused, nothing waits without end, and no refusal costs another's answer."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cap_core.server.connection_limits import ConnectionLimits
from cap_core.server.protocol import MAX_HEAD
from cap_core.testing import PATIENCE, Answered, Running, gateway, upstream
from cap_core.testing.upstream import Upstream

Things = Callable[..., Path]
GET = b"GET /things/7 HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /things HTTP/1.1\r\nHost: localhost\r\n"
MCP = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"
NEVER = 300.0


@pytest.fixture
def both(things: Things, get_thing: str) -> Path:
    """A thing that is read, and one that is written as its body comes."""
    consumes = get_thing + "- path: /things\n  operations:\n  - {name: add, method: POST}\n"
    rest = (
        "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}\n"
        "- path: /things\n  operations:\n  - {method: POST, name: add, call: api.add}"
    )
    return things(consumes, rest, "- {name: get-thing, description: Get it., call: api.get-thing}")


Served = tuple[Running, Upstream]


@contextmanager
def served(document: Path, answer: Answered | None = None, **limits: float) -> Iterator[Served]:
    given = {"head": NEVER, "body": NEVER, **limits}
    with upstream(lambda r: answer or Answered()) as api:
        with gateway(document, base_uris={"api": api.url}, limits=ConnectionLimits(**given)) as cap:  # type: ignore[arg-type]
            yield cap, api


def connect(cap: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", cap.port), timeout=PATIENCE)


def everything(connection: socket.socket) -> bytes:
    """What comes until the gateway closes the connection."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


def asked(cap: Running, request: bytes) -> bytes:
    with connect(cap) as connection:
        connection.sendall(request)
        return everything(connection)


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) [^\r]*\r\n", answers)]


# --- RFC 9112 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "status", "sent"),
    [
        pytest.param(GET + CLOSE + b"\r\n", 200, 1, id="a-request"),
        pytest.param(b"\r\n\r\n" + GET + CLOSE + b"\r\n", 200, 1, id="blank-lines-before-it"),
        pytest.param(
            POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, 0, id="both-lengths"
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400, 0, id="both-turned"
        ),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n0\r\n\r\n", 400, 0, id="coding-twice"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, 0, id="no-coding"),
        pytest.param(POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, 0, id="gzip-and-chunked"),
        pytest.param(POST + b"Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501, 0, id="gzip"),
        pytest.param(POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400, 0, id="chunked-and-gzip"),
        pytest.param(POST + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n", 501, 0, id="identity"),
        pytest.param(POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400, 0, id="blank-before-a-colon"),
        pytest.param(
            POST + b"transfer-encoding: CHUNKED\r\n" + CLOSE + b"\r\n2\r\n{}\r\n0\r\n\r\n", 200, 1, id="chunked"
        ),
        pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 400, 0, id="two-lengths"),
        pytest.param(POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 400, 0, id="one-length-twice"),
        pytest.param(POST + b"Content-Length: 2, 2\r\n\r\n{}", 400, 0, id="a-list-of-lengths"),
        pytest.param(POST + b"Content-Length: +2\r\n\r\n{}", 400, 0, id="length-with-a-sign"),
        pytest.param(POST + b"Content-Length: -1\r\n\r\n{}", 400, 0, id="negative-length"),
        pytest.param(POST + b"Content-Length: 0x2\r\n\r\n{}", 400, 0, id="length-in-hexadecimal"),
        pytest.param(POST + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}", 400, 0, id="huge-length"),
        pytest.param(POST + b"Content-Length:\r\n\r\n{}", 400, 0, id="no-length"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\r\n0\r\n\r\n", 400, 0, id="chunk-line-feed"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n2x\r\n{}\r\n0\r\n\r\n", 400, 0, id="chunk-size-of-letters"
        ),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n-2\r\n{}\r\n0\r\n\r\n", 400, 0, id="negative-chunk"),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 20 + b"\r\n{}\r\n0\r\n\r\n", 400, 0, id="huge-chunk"
        ),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}x\r\n0\r\n\r\n", 400, 0, id="chunk-too-long"),
        pytest.param(GET + b" folded: 1\r\n\r\n", 400, 0, id="folded-first-header"),
        pytest.param(GET + b"X: a\x00b\r\n\r\n", 400, 0, id="nul-in-a-header"),
        pytest.param(GET + b"X: a\rb\r\n\r\n", 400, 0, id="carriage-return-in-a-header"),
        pytest.param(GET + b"X y: a\r\n\r\n", 400, 0, id="blank-in-a-name"),
        pytest.param(GET + b": a\r\n\r\n", 400, 0, id="no-name"),
        pytest.param(b"GET /things/7 HTTP/1.2\r\nHost: localhost\r\n\r\n", 400, 0, id="unknown-version"),
        pytest.param(b"GET /things/7 HTTX/1.1\r\nHost: localhost\r\n\r\n", 400, 0, id="another-protocol"),
        pytest.param(b"GET /things/7 x HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 0, id="a-blank-in-the-target"),
        pytest.param(b"get /things/7 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 0, id="method-in-small-letters"),
        pytest.param(b"GET things/7 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 0, id="relative-target"),
        pytest.param(b"GET ftp://localhost/things/7 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 0, id="another-scheme"),
        pytest.param(b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, 0, id="connect"),
        pytest.param(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, 0, id="http-2"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", 400, 0, id="tls"),
    ],
)
def test_what_is_no_request_reaches_no_upstream(both: Path, request_: bytes, status: int, sent: int) -> None:
    with served(both) as (cap, api):
        answers = asked(cap, request_)

        assert [status] == statuses(answers)
        assert sent == len(api.requests)
    assert status == 200 or b"urn:cap:problem:" in answers


def test_a_request_that_is_hidden_in_a_body_is_none(both: Path) -> None:
    hidden = GET + CLOSE + b"\r\n"
    with served(both) as (cap, api):
        answers = asked(cap, POST + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden + GET + CLOSE + b"\r\n")

        assert [200, 200] == statuses(answers)
        assert ["POST", "GET"] == [request.method for request in api.requests]


def test_another_protocol_that_is_offered_is_not_taken_up(both: Path) -> None:
    upgrade = GET + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    with served(both) as (cap, api):
        assert [200] * 3 == statuses(asked(cap, upgrade * 2 + GET + CLOSE + b"\r\n"))
        assert 3 == len(api.requests)


# --- sizes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "status"),
    [
        pytest.param(GET + b"X: " + b"a" * 100_000 + b"\r\n", 431, id="a-header"),
        pytest.param(GET + b"X: a\r\n" * 15_000, 431, id="many-headers"),
        pytest.param(GET + b"X-%d: a\r\n" % 1 * 15_000, 431, id="many-headers-of-one-name"),
        pytest.param(b"GET /things/7?" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n", 414, id="a-target"),
        pytest.param(b"GET /things/7?" + b"a" * 900_000 + b" HTTP/1.1\r\nHost: localhost\r\n", 414, id="a-huge-target"),
        pytest.param(GET + b"X: " + b"a" * 60_000 + b"\r\n", 200, id="a-header-that-fits"),
    ],
)
def test_a_head_is_limited_however_it_comes(both: Path, head: bytes, status: int) -> None:
    with served(both) as (cap, api):
        assert [status] == statuses(asked(cap, head + CLOSE + b"\r\n"))
        assert (1 if status == 200 else 0) == len(api.requests)


def test_the_head_of_a_later_request_is_counted_alone(both: Path) -> None:
    """A body and the beginning of the next head come in one packet, which is longer than any head may be."""
    with served(both) as (cap, api), connect(cap) as connection:
        body = b"b" * (MAX_HEAD + 5_000)
        connection.sendall(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body + GET[:20])
        first = connection.recv(65536)
        connection.sendall(GET[20:] + CLOSE + b"\r\n")

        assert [200, 200] == statuses(first + everything(connection))
        assert body == api.requests[0].body


def test_an_earlier_request_is_answered_before_a_later_one_is_refused(both: Path) -> None:
    with served(both, Answered(body=[b"a", b"b", b"c"], pause=0.05)) as (cap, _):
        answers = asked(cap, GET + b"\r\n" + GET + b"X: " + b"a" * 100_000 + b"\r\n\r\n")

    assert [200, 431] == statuses(answers)
    assert answers.index(b"0\r\n\r\n") < answers.index(b"HTTP/1.1 431")


def test_garbage_behind_a_request_costs_no_answer(both: Path) -> None:
    with served(both, Answered(body=[b"a", b"b", b"c"], pause=0.05)) as (cap, api):
        answers = asked(cap, GET + b"\r\n" + GET + b"\r\n" + b"\x00\x01 garbage\r\n\r\n")

        assert [200, 200, 400] == statuses(answers)
        assert 2 == len(api.requests)


@pytest.mark.parametrize("line", [b"X-Trailer: %b\r\n", b"%b"], ids=["many-fields", "one-field"])
def test_a_trailer_without_end_is_refused(both: Path, line: bytes) -> None:
    with served(both) as (cap, _), connect(cap) as connection:
        connection.sendall(MCP + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: ")
        for _ in range(100):
            connection.sendall(line % (b"a" * 10_000))

        assert [431] == statuses(everything(connection))


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(GET + b"X: ", id="half-a-head"),
        pytest.param(b"G", id="a-letter"),
        pytest.param(GET[:-2], id="all-but-the-end"),
        pytest.param(b"GET /" + b"a" * 3_000, id="half-a-target"),
    ],
)
def test_a_head_that_takes_too_long_is_refused(both: Path, begun: bytes) -> None:
    with served(both, head=0.2) as (cap, api):
        answer = asked(cap, begun)

        assert [408] == statuses(answer)
        assert b"urn:cap:problem:request-timeout" in answer
        assert [] == api.requests


@pytest.mark.parametrize("begun", [b"", b"\r\n", b"\r\n\r\n"], ids=["nothing", "a-line", "two-lines"])
def test_a_connection_that_asks_for_nothing_is_closed(both: Path, begun: bytes) -> None:
    with served(both, head=0.2) as (cap, _):
        assert b"" == asked(cap, begun)


def test_a_blank_line_keeps_no_connection_open_after_an_answer(both: Path) -> None:
    with served(both, head=0.2) as (cap, _), connect(cap) as connection:
        connection.sendall(GET + b"\r\n")
        while not (answer := connection.recv(65536)).endswith(b"{}"):
            assert answer
        connection.sendall(b"\r\n")

        assert b"" == everything(connection)


def test_a_later_head_has_the_same_time(both: Path) -> None:
    with served(both, head=0.2) as (cap, api):
        assert [200, 408] == statuses(asked(cap, GET + b"\r\n" + GET))
        assert 1 == len(api.requests)


def test_a_head_may_wait_for_the_answer_to_an_earlier_request(both: Path) -> None:
    """The caller waits for the first answer before it sends the rest; the gateway takes longer than a head may."""
    with served(both, Answered(body=[b"a"] * 8, pause=0.1), head=0.2) as (cap, _), connect(cap) as connection:
        connection.sendall(GET + b"\r\n" + GET)
        answers = b""
        while b"0\r\n\r\n" not in answers:
            answers += connection.recv(65536)
        connection.sendall(CLOSE + b"\r\n")

        assert [200, 200] == statuses(answers + everything(connection))


@pytest.mark.parametrize(
    "begun",
    [
        pytest.param(POST + b"Content-Length: 10\r\n\r\n12345", id="rest"),
        pytest.param(POST + b"Content-Length: 10\r\n\r\n", id="rest-without-a-byte"),
        pytest.param(POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\n12", id="rest-chunked"),
        pytest.param(MCP + b'Content-Length: 10\r\n\r\n{"', id="mcp"),
        pytest.param(MCP + b'Transfer-Encoding: chunked\r\n\r\n2\r\n{"\r\n', id="mcp-chunked"),
        pytest.param(MCP + b"Content-Length: 10\r\nExpect: 100-continue\r\n\r\n", id="mcp-that-asks-first"),
    ],
)
def test_a_body_that_does_not_go_on_is_refused(both: Path, begun: bytes) -> None:
    with served(both, body=0.2) as (cap, _):
        assert 408 == statuses(asked(cap, begun))[-1]


def test_a_body_that_goes_on_may_take_its_time(both: Path) -> None:
    """Each part comes as soon as the upstream has the one before, all of them together after the limit."""
    arrived = threading.Event()
    with served(both, body=0.5) as (cap, api), connect(cap) as connection:
        connection.sendall(POST + b"Content-Length: 10\r\n" + CLOSE + b"\r\n")
        for _ in range(10):
            arrived.wait(0.1)
            connection.sendall(b"1")

        assert [200] == statuses(everything(connection))
        assert b"1111111111" == api.requests[0].body


def test_an_answer_may_take_longer_than_any_request(both: Path) -> None:
    with served(both, Answered(body=[b"a"] * 8, pause=0.1), head=0.2, body=0.2) as (cap, _):
        assert b"a" * 8 == httpx.get(cap.url + "/things/7").content


def test_an_idle_connection_is_kept_longer_than_a_head_may_take(both: Path) -> None:
    with served(both, head=0.2) as (cap, _), connect(cap) as idle, connect(cap) as other:
        idle.sendall(GET + b"\r\n")
        while not (answer := idle.recv(65536)).endswith(b"{}"):
            assert answer
        other.sendall(GET)
        everything(other)  # until a head has been too long under way
        idle.sendall(GET + CLOSE + b"\r\n")

        assert [200] == statuses(everything(idle))
