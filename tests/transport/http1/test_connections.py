"""Connections: used again, limited, sent on once, and closed as soon as nobody wants the answer."""

import asyncio

import pytest

from cap_core.errors import UpstreamError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100_000
CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n"


@pytest.mark.parametrize("answer", [OK, LARGE, CHUNKS + b"0\r\n\r\n"], ids=["small", "large", "chunked"])
async def test_a_body_read_to_its_end_gives_the_connection_back(transport, serve, answering, get, whole, answer):
    async with serve(answering(answer)) as server, transport.open(server.upstream()) as send:
        for _ in range(3):
            await whole(await get(send))

    assert 1 == len(set(server.ports))


async def test_a_connection_that_says_close_is_not_used_again(transport, serve, get):
    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
        assert await peer.gone()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        for _ in range(2):
            assert b"ok" == (await get(send)).body

    assert 2 == len(set(server.ports))


async def test_as_many_connections_as_calls_unless_limited(transport, serve, get):
    waiting = []

    async def script(peer):
        while await peer.head():
            waiting.append(peer)
            while len(waiting) < 5:
                await asyncio.sleep(0.005)
            await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream()) as send:
        await asyncio.gather(*[get(send) for _ in range(5)])

    assert 5 == len(set(server.ports))


async def test_no_more_connections_than_allowed(transport, serve, get):
    now, most = 0, 0

    async def script(peer):
        nonlocal now, most
        while await peer.head():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0.02)
            now -= 1
            await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream(connections=2)) as send:
        await asyncio.gather(*[get(send) for _ in range(8)])

    assert 2 == most
    assert 2 == server.connections
    assert 8 == len(server.heads)


async def test_waiting_for_a_free_connection_counts_as_connecting(transport, serve, get):
    async def script(peer):
        await peer.head()
        await peer.gone()

    async with serve(script) as server, transport.open(server.upstream(connections=1, connect=0.6)) as send:
        first = asyncio.create_task(get(send))
        await until(lambda: server.heads)
        with pytest.raises(UpstreamError) as failed:
            await get(send)
        first.cancel()
        await asyncio.wait([first])

    assert ("connect", False) == (failed.value.kind, failed.value.sent)
    assert 1 == len(server.heads)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "POST", "PATCH"])
async def test_a_request_is_sent_once_though_the_connection_was_kept(transport, serve, get, how, method):
    """The upstream reads the request on a connection kept from an earlier one, and drops it unanswered."""

    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        await peer.head()
        getattr(peer, how)()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        await get(send)
        with pytest.raises(UpstreamError) as failed:
            await get(send, method)
        await asyncio.sleep(0.05)

    assert ("reset", True) == (failed.value.kind, failed.value.sent)
    assert 2 == len(server.heads)
    assert server.ports[0] == server.ports[1]


async def test_a_kept_connection_that_was_closed_meanwhile_is_not_used(transport, serve, get):
    async def script(peer):
        await peer.head()
        await peer.send(OK)
        peer.close()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        for _ in range(3):
            assert 200 == (await get(send)).status
            await asyncio.sleep(0.02)

    assert 3 == len(set(server.ports))


async def test_an_answer_nobody_asked_for_is_never_given_to_the_next_request(transport, serve, get):
    async def script(peer):
        await peer.head()
        await peer.send(OK)
        await asyncio.sleep(0.02)
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
        while await peer.head():
            await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream()) as send:
        await get(send)
        await asyncio.sleep(0.05)

        assert b"ok" == (await get(send)).body


async def until(condition):
    while not condition():
        await asyncio.sleep(0.005)


async def test_a_cancelled_call_closes_the_connection_before_the_head(transport, serve, get):
    closed = []

    async def script(peer):
        await peer.head()
        closed.append(await peer.gone())

    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        call = asyncio.create_task(get(send))
        await until(lambda: server.heads)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: closed)

    assert [True] == closed


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx"], ids=["head", "small body"])
async def test_a_cancelled_call_frees_its_place(transport, serve, get, begun):
    async def script(peer):
        if await peer.head() and len(server.heads) == 1:
            await peer.send(begun)
            assert await peer.gone()
        await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        call = asyncio.create_task(get(send))
        await until(lambda: server.heads)
        await asyncio.sleep(0.02)
        call.cancel()
        await asyncio.wait([call])

        assert 200 == (await get(send)).status


async def test_a_call_cancelled_while_it_connects_frees_its_place(transport, serve, ok, get):
    async with serve(ok) as server, transport.open(server.upstream(connections=1)) as send:
        call = asyncio.create_task(get(send))
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])

        assert 200 == (await get(send)).status


@pytest.mark.parametrize(
    "answer", [CHUNKS, LARGE[:5000], b"HTTP/1.1 200 OK\r\n\r\n12"], ids=["chunked", "sized", "end"]
)
@pytest.mark.parametrize("how", ["cancel", "aclose", "aclose unread"])
async def test_a_body_given_up_closes_the_connection(transport, serve, get, answer, how):
    closed = []

    async def script(peer):
        await peer.head()
        await peer.send(answer)
        closed.append(await peer.gone())

    async def read(send):
        response = await get(send)
        bodies.append(response.body)
        if how != "aclose unread":
            async for _ in response.body:
                pass

    bodies = []
    async with serve(script) as server, transport.open(server.upstream()) as send:
        reading = asyncio.create_task(read(send))
        await until(lambda: bodies)
        await asyncio.sleep(0.02)
        if how != "aclose unread":
            reading.cancel()
            await asyncio.wait([reading])
        if how != "cancel":
            await bodies[0].aclose()
        await until(lambda: closed)

    assert [True] == closed


async def test_a_cancelled_upload_closes_the_connection_and_the_body(transport, serve, get, stream):
    """Though much is still to be written, and the upstream reads nothing."""
    never = asyncio.Event()

    async def script(peer):
        await peer.head()
        await never.wait()

    body = stream(*[b"x" * 65536] * 1000)
    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        call = asyncio.create_task(get(send, "POST", body=body))
        await until(lambda: server.heads)
        await asyncio.sleep(0.05)
        call.cancel()
        await asyncio.wait([call])
        assert body.closed

        following = asyncio.create_task(get(send))
        await until(lambda: server.connections == 2)
        following.cancel()
        await asyncio.wait([following])


async def test_closing_the_pool_closes_its_connections(transport, serve, get):
    closed = []

    async def script(peer):
        await peer.head()
        await peer.send(OK)
        closed.append(await peer.gone())

    async with serve(script) as server:
        async with transport.open(server.upstream()) as send:
            await get(send)
        await until(lambda: closed)

    assert [True] == closed
