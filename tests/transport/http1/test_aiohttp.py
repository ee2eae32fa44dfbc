"""What only the aiohttp transport promises, and its races; here the server may hold up the whole event loop."""

import asyncio
import time

import pytest

from cap_core.errors import UpstreamError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture(params=["aiohttp"])
def transport(transport):
    return transport


async def test_an_answer_that_comes_with_the_end_of_the_time_is_late(transport, serve, get):
    async def script(peer):
        await peer.head()
        peer.writer.write(CHUNKED)
        time.sleep(0.1)

    async with serve(script) as server, transport.open(server.upstream(total=0.05)) as send:
        with pytest.raises(UpstreamError) as failed:
            await get(send)

    assert failed.value.kind == "total"


async def test_a_body_that_came_in_time_may_be_read_later(transport, serve, get, whole):
    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" + b"x" * 50_000)
        await asyncio.sleep(0.02)
        await peer.send(b"x" * 50_000)

    async with serve(script) as server, transport.open(server.upstream(total=0.6)) as send:
        response = await get(send)
        await asyncio.sleep(0.8)

        assert len(await whole(response)) == 100_000


async def test_a_caller_that_does_not_even_begin_to_read_is_not_an_idle_upstream(transport, serve, get, whole):
    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9_000_000)
        await peer.head()
        peer.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n" + b"x" * 500_000)
        time.sleep(0.02)  # so that more than is kept of a body arrives together with the head
        await peer.gone()

    async with serve(script) as server, transport.open(server.upstream(idle=0.6)) as send:
        await whole(await get(send))  # the system's buffers have grown with this
        response = await get(send)
        await asyncio.sleep(0.8)

        assert len(await whole(response)) == 500_000


async def test_an_answer_may_come_before_the_request_is_complete(transport, serve, get, stream):
    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")
        await peer.gone()

    body = stream(b"x" * 65536, asyncio.sleep(10), b"x")
    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        response = await get(send, "POST", body=body)

        assert (response.status, response.body) == (413, b"no")
        assert body.closed


async def test_a_body_that_fails_when_it_is_given_up_does_not_spoil_the_answer(transport, serve, get):
    class Stubborn:
        async def __aiter__(self):
            yield b"x" * 65536
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                raise LookupError("gone") from None

        async def aclose(self):
            pass

    async def script(peer):
        await peer.head()
        await peer.send(OK)
        await peer.gone()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        assert (await get(send, "POST", body=Stubborn())).status == 200


@pytest.mark.parametrize("slow", [False, True])
async def test_a_connection_torn_down_in_both_directions_is_told_to_the_reader(transport, serve, get, stream, slow):
    async def script(peer):
        await peer.head()
        await peer.send(CHUNKED)
        await asyncio.sleep(0.05)
        peer.reset()

    async with serve(script) as server, transport.open(server.upstream(idle=5)) as send:
        pieces = [b"x", asyncio.sleep(0.1), b"x"] if slow else [b"x" * 65536] * 500
        response = await get(send, "POST", body=stream(*pieces))
        await asyncio.sleep(0.2)
        with pytest.raises(UpstreamError) as failed:
            await anext(aiter(response.body))

    assert failed.value.kind == "reset"


async def test_both_directions_may_stream_at_once(transport, serve, get, stream):
    async def script(peer):
        await peer.head()
        await peer.send(CHUNKED)
        for _ in range(3):
            await peer.send(await peer.until(b"x\r\n"))
        await peer.send(await peer.until(b"0\r\n\r\n"))
        assert await peer.head()
        await peer.send(OK)

    turns = [asyncio.Event() for _ in range(3)]
    body = stream(b"1x", turns[0].wait(), b"2x", turns[1].wait(), b"3x", turns[2].wait())
    async with serve(script) as server, transport.open(server.upstream(connections=1, idle=5)) as send:
        response = await get(send, "POST", body=body)
        pieces = aiter(response.body)
        for number, turn in enumerate(turns, 1):
            assert await anext(pieces) == b"%dx" % number
            turn.set()
        assert [piece async for piece in pieces] == []

        assert (await get(send)).body == b"ok"
    assert len(set(server.ports)) == 1


@pytest.mark.parametrize("answer", [b"HTTP/1.1 204 No Content\r\n\r\n", OK], ids=["empty", "small"])
async def test_no_clock_runs_on_after_an_informational_response(transport, serve, answering, get, answer):
    script = answering(b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer)
    async with serve(script) as server, transport.open(server.upstream(first_byte=0.6)) as send:
        for _ in range(2):
            await get(send)
            await asyncio.sleep(0.8)

    assert len(set(server.ports)) == 1


async def test_an_error_after_the_last_exchange_is_nobodys(transport, serve, get, whole, caplog):
    """A connection that served a chunked body, and then broke while idle."""

    async def script(peer):
        await peer.head()
        await peer.send(CHUNKED)
        await asyncio.sleep(0.02)
        await peer.send(b"2\r\nok\r\n0\r\n\r\n")
        await asyncio.sleep(0.02)
        peer.reset()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        assert await whole(await get(send)) == b"ok"
        await asyncio.sleep(0.05)

        assert await whole(await get(send)) == b"ok"
    assert caplog.records == []
