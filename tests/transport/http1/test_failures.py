"""Failures: told apart, in one plain sentence, with whether anything can have reached the upstream."""

import asyncio
import re
import socket
from contextlib import asynccontextmanager

import pytest

from cap_core.errors import UpstreamError
from cap_core.plan.upstream import Timeouts, Upstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
SECRET = ((b"Authorization", b"Bearer hunter2"),)

# For tests that wait: once is enough.
on_one_loop = pytest.mark.parametrize("runner", ["uvloop"], indirect=True)


@asynccontextmanager
async def failing(kind, sent=True):
    """Expect an `UpstreamError`, and look at what it says."""
    with pytest.raises(UpstreamError) as failed:
        yield
    error = failed.value
    assert (kind, sent) == (error.kind, error.sent), error
    assert re.fullmatch(r"[^<>\n]{10,150}", error.detail)
    assert not re.search(r"hunter2|0x|Error|Exception|aiohttp|http(x|core)|h11|\bNone\b|errno", error.detail, re.I)


def after(*steps):
    """A script: read the head, then send bytes, wait seconds, or call a method of the peer."""

    async def script(peer):
        await peer.head()
        for step in steps:
            if isinstance(step, bytes):
                await peer.send(step)
            elif isinstance(step, str):
                done = getattr(peer, step)()
                if done is not None:
                    await done
            else:
                await asyncio.sleep(step)

    return script


# --- no connection --------------------------------------------------------------------------------------------------


@pytest.fixture
def closed_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def deaf_port():
    """A port that answers no connection: its queue is full."""
    with socket.socket() as listener, socket.socket() as first, socket.socket() as second:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for client in (first, second):
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


async def test_nobody_listens(transport, get, closed_port):
    async with transport.open(Upstream("http", "127.0.0.1", closed_port)) as send, failing("refused", sent=False):
        await get(send, headers=SECRET)


async def test_nobody_listens_on_any_address_of_a_name(transport, get, closed_port):
    async with transport.open(Upstream("http", "localhost", closed_port)) as send:
        with pytest.raises(UpstreamError, match=r"refused: localhost:\d+ cannot be reached: connection refused"):
            await get(send)


@pytest.mark.parametrize("host", ["nothing.invalid", "a" * 70 + ".invalid", "a..invalid"])
async def test_a_name_does_not_resolve(transport, get, host):
    async with transport.open(Upstream("http", host, 80)) as send, failing("refused", sent=False):
        await get(send, headers=SECRET)


async def test_a_body_is_closed_though_nobody_listens(transport, get, stream, closed_port):
    body = stream(b"x")
    async with transport.open(Upstream("http", "127.0.0.1", closed_port)) as send, failing("refused", sent=False):
        await get(send, "POST", body=body)

    assert body.closed


@on_one_loop
async def test_no_connection_in_time(transport, get, deaf_port):
    upstream = Upstream("http", "127.0.0.1", deaf_port, timeouts=Timeouts(connect=0.2))
    async with transport.open(upstream) as send, failing("connect", sent=False):
        await get(send, headers=SECRET)


@on_one_loop
@pytest.mark.parametrize("limit", ["total", "deadline", "both"])
async def test_the_time_is_over_while_connecting(transport, get, deaf_port, limit):
    total = 0.2 if limit == "total" else 5 if limit == "both" else None
    upstream = Upstream("http", "127.0.0.1", deaf_port, timeouts=Timeouts(total=total))
    async with transport.open(upstream) as send, failing("total", sent=False):
        await get(send, within=None if limit == "total" else 0.2)


async def test_nothing_is_sent_when_the_time_is_over_already(transport, serve, ok, get):
    async with serve(ok) as server, transport.open(server.upstream()) as send, failing("total", sent=False):
        await get(send, within=-1)

    assert [] == server.heads


# --- no answer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "steps",
    [
        ("close",),
        ("reset",),
        (b"H", 0.02, "close"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", 0.02, "close"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 0.02, "reset"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", 0.02, "close"),
    ],
    ids=repr,
)
async def test_the_connection_ends_before_the_head(transport, serve, get, steps):
    async with serve(after(*steps)) as server, transport.open(server.upstream()) as send, failing("reset"):
        await get(send, headers=SECRET)


async def test_the_connection_ends_before_the_request(transport, serve, get):
    async def script(peer):
        peer.reset()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        with pytest.raises(UpstreamError) as failed:
            await get(send)

    assert "reset" == failed.value.kind


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"220 mail.example ESMTP\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nwhatever",
        b"<html></html>",
    ],
    ids=repr,
)
async def test_the_answer_is_not_http(transport, serve, get, answer):
    async with serve(after(answer, "stall")) as server, transport.open(server.upstream()) as send, failing("garbage"):
        await get(send, headers=SECRET)


@on_one_loop
@pytest.mark.parametrize(
    "steps",
    [(), (b"HTTP/1.1 200",), (b"HTTP/1.1 200 OK\r\nA: b\r\n",), (b"HTTP/1.1 103 Early\r\n\r\n",)],
    ids=repr,
)
@pytest.mark.parametrize("size", [0, 100_000])
async def test_no_answer_in_time(transport, serve, get, steps, size):
    async def script(peer):
        await peer.head()
        await peer.read(size)
        for step in steps:
            await peer.send(step)
        await peer.gone()

    limits = {"first_byte": 0.1, "idle": 5}
    async with serve(script) as server, transport.open(server.upstream(**limits)) as send, failing("idle"):
        await get(send, "POST", headers=SECRET, body=b"x" * size)


@on_one_loop
@pytest.mark.parametrize(
    "piece", [pytest.param(b"x", id="a-byte"), pytest.param(b"HTTP/1.1 103 Early\r\n\r\n", id="informational-ones")]
)
@pytest.mark.parametrize("size", [0, 100_000])
async def test_a_head_that_never_ends_is_not_an_answer_in_time(transport, serve, get, piece, size):
    """Each piece comes sooner than the limit, which holds for all of them together."""

    async def script(peer):
        await peer.head()
        await peer.read(size)
        if piece == b"x":
            await peer.send(b"HTTP/1.1 200 OK\r\nA: ")
        leaving = asyncio.create_task(peer.gone())
        while not leaving.done():
            await peer.send(piece)
            await asyncio.sleep(0.02)
        await leaving

    limits = {"first_byte": 0.3, "idle": 5}
    async with serve(script) as server, transport.open(server.upstream(**limits)) as send, failing("idle"):
        await get(send, "POST", headers=SECRET, body=b"x" * size)


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"gzip", b"identity, chunked", b"deflate,chunked"])
async def test_a_transfer_coding_that_is_not_undone_is_no_answer(transport, serve, get, whole, coding):
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with serve(after(answer, "close")) as server, transport.open(server.upstream()) as send, failing("garbage"):
        await whole(await get(send))


@pytest.mark.parametrize("coding", [b"chunked", b"Chunked", b" CHUNKED "])
async def test_chunks_are_chunks_however_they_are_spelled(transport, serve, get, whole, coding):
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + coding + b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    async with serve(after(answer)) as server, transport.open(server.upstream()) as send:
        assert b"hello" == await whole(await get(send))


@on_one_loop
@pytest.mark.parametrize("limit", ["total", "deadline"])
@pytest.mark.parametrize("size", [0, 100_000])
async def test_the_time_is_over_before_the_head(transport, serve, get, limit, size):
    total = 0.1 if limit == "total" else None
    async with serve(after("stall")) as server, transport.open(server.upstream(total=total)) as send, failing("total"):
        await get(send, "POST", headers=SECRET, body=b"x" * size, within=None if total else 0.1)


async def test_the_upstream_tears_the_connection_down_while_it_is_sent_a_body(transport, serve, get, stream):
    async def script(peer):
        await peer.head()
        await peer.read(1000)
        await asyncio.sleep(0.05)
        peer.reset()

    body = stream(*[b"x" * 65536] * 500)
    async with serve(script) as server, transport.open(server.upstream()) as send, failing("reset"):
        await get(send, "POST", body=body)

    assert body.closed


async def test_the_upstream_switches_protocols_because_the_request_offers_it(transport, serve, get):
    answer = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nwhatever"
    headers = ((b"Connection", b"upgrade"), (b"Upgrade", b"x"))
    async with serve(after(answer, "stall")) as server, transport.open(server.upstream()) as send, failing("garbage"):
        await get(send, headers=headers)


@on_one_loop
async def test_the_upstream_stops_reading_the_request(transport, serve, get, stream):
    body = stream(*[b"x" * 65536] * 500)
    limits = {"first_byte": 5, "idle": 0.2}
    async with serve(after("stall")) as server, transport.open(server.upstream(**limits)) as send, failing("idle"):
        await get(send, "POST", body=body)

    assert body.closed


@on_one_loop
async def test_a_slow_request_is_not_a_late_answer(transport, serve, get, stream):
    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        await peer.until(b"0\r\n\r\n")
        await peer.send(OK)

    body = stream(b"1", asyncio.sleep(0.8), b"2")
    async with serve(script) as server, transport.open(server.upstream(first_byte=0.6, idle=0.6)) as send:
        assert 200 == (await get(send, "POST", body=body)).status


@on_one_loop
async def test_a_late_head_is_not_an_idle_body(transport, serve, get):
    async with (
        serve(after(0.2, OK)) as server,
        transport.open(server.upstream(first_byte=5, idle=0.05)) as send,
    ):
        assert 200 == (await get(send)).status


# --- half an answer -------------------------------------------------------------------------------------------------


def sized(length):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\nbegin" % length


BEGUN = {
    "small": sized(10),
    "large": sized(10**9),
    "chunked": CHUNKED + b"5\r\nbegin\r\n",
    "end": sized(0)[:17] + b"\r\nbegin",
}


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("begun", "kind"),
    [("small", "length"), ("large", "length"), ("chunked", "reset"), ("end", "reset")],
)
async def test_the_body_is_cut_short(transport, serve, get, whole, begun, kind, how):
    if (begun, how) == ("end", "close"):
        return  # that is how such a body ends
    script = after(BEGUN[begun], 0.05, how)
    async with serve(script) as server, transport.open(server.upstream()) as send, failing(kind):
        await whole(await get(send, headers=SECRET))


@pytest.mark.parametrize(
    "steps",
    [
        (CHUNKED + b"5\r\nbegin\r\nzz\r\nbad",),
        (CHUNKED + b"5\r\nbegin\r\n", 0.05, b"zz\r\nbad"),
        (CHUNKED + b"5\r\nbegin\r\n", b"zz\r\nbad"),
        (CHUNKED, 0.02, b"5\r\nbegin\r\n5\r\nmore than five\r\n"),
        (CHUNKED, 0.02, b"-5\r\nbegin\r\n"),
    ],
    ids=repr,
)
async def test_the_body_is_not_framed_as_it_must_be(transport, serve, get, whole, steps):
    async with serve(after(*steps, "stall")) as server, transport.open(server.upstream()) as send, failing("garbage"):
        await whole(await get(send, headers=SECRET))


@on_one_loop
@pytest.mark.parametrize("begun", BEGUN)
async def test_the_body_falls_silent(transport, serve, get, whole, begun):
    script = after(BEGUN[begun], "stall")
    limits = {"first_byte": 5, "idle": 0.15}
    async with serve(script) as server, transport.open(server.upstream(**limits)) as send, failing("idle"):
        await whole(await get(send, headers=SECRET))


@on_one_loop
@pytest.mark.parametrize(("begun", "limit"), [*[(begun, "total") for begun in BEGUN], ("large", "deadline")])
async def test_the_time_is_over_while_the_body_still_comes(transport, serve, get, whole, begun, limit):
    async def script(peer):
        await peer.head()
        await peer.send(BEGUN[begun])
        leaving = asyncio.create_task(peer.gone())
        while begun != "small" and not leaving.done():
            await peer.send(b"1\r\nx\r\n" if begun == "chunked" else b"x")
            await asyncio.sleep(0.01)
        await leaving

    total = 0.15 if limit == "total" else None
    async with serve(script) as server, transport.open(server.upstream(total=total)) as send, failing("total"):
        await whole(await get(send, headers=SECRET, within=None if total else 0.15))


@on_one_loop
async def test_the_time_is_over_while_nobody_reads(transport, serve, get):
    async with serve(after(BEGUN["large"], "stall")) as server, transport.open(server.upstream(total=0.6)) as send:
        response = await get(send)
        pieces = aiter(response.body)
        assert b"begin" == await anext(pieces)
        await asyncio.sleep(0.8)
        async with failing("total"):
            await anext(pieces)
        await response.body.aclose()


@on_one_loop
async def test_a_whole_answer_is_not_late(transport, serve, ok, get):
    async with serve(ok) as server, transport.open(server.upstream(total=0.6)) as send:
        for _ in range(2):
            assert b"ok" == (await get(send)).body
            await asyncio.sleep(0.8)

    assert 1 == server.connections


async def test_a_caller_that_reads_slowly_is_not_an_idle_upstream(transport, serve, answering, get):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n" + b"x" * 20_000_000
    size = 0
    async with serve(answering(answer)) as server, transport.open(server.upstream(idle=0.6)) as send:
        response = await get(send)
        async for piece in response.body:
            if not size:
                await asyncio.sleep(0.8)
            size += len(piece)

    assert 20_000_000 == size


@pytest.mark.parametrize("begun", BEGUN)
async def test_after_a_failure_the_next_call_succeeds(transport, serve, get, whole, begun):
    async def script(peer):
        await peer.head()
        if len(server.heads) == 1:
            await peer.send(BEGUN[begun])
            await asyncio.sleep(0.02)
            peer.reset()
        else:
            await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        with pytest.raises(UpstreamError):
            await whole(await get(send))

        assert b"ok" == (await get(send)).body
