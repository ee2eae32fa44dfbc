"""What comes back: the upstream's bytes as it sent them, when it sent them."""

import asyncio

import pytest

SMALL = 64 * 1024


def sized(body, head=b""):
    return b"HTTP/1.1 200 OK\r\n%bContent-Length: %d\r\n\r\n%b" % (head, len(body), body)


def chunked(*pieces):
    framed = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % framed


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (sized(b""), b""),
        (sized(b"x"), b"x"),
        (sized(b"x" * SMALL), b"x" * SMALL),
        (sized(b"x" * (SMALL + 1)), b"x" * (SMALL + 1)),
        (sized(b"x" * 3_000_000), b"x" * 3_000_000),
        (chunked(), b""),
        (chunked(b"a", b"bc"), b"abc"),
        (chunked(*[b"x" * 1000] * 1000), b"x" * 1_000_000),
        (chunked(b"a")[:-2] + b"Trailer: x\r\n\r\n", b"a"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b""),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", b"x"),
    ],
    ids=lambda value: f"{value[:50]!r} {len(value)}",
)
async def test_a_body_comes_back_whole(transport, serve, get, whole, answer, body):
    async def script(peer):
        await peer.head()
        await peer.send(answer)

    async with serve(script) as server, transport.open(server.upstream()) as send:
        response = await get(send)

        assert (200, body) == (response.status, await whole(response))


@pytest.mark.parametrize("status", [200, 201, 301, 302, 303, 307, 308, 400, 401, 404, 407, 429, 500, 503, 599])
async def test_every_status_comes_back_as_it_is(transport, serve, answering, get, status):
    answer = b"HTTP/1.1 %d X\r\nLocation: /elsewhere\r\nContent-Length: 1\r\n\r\nx" % status
    async with serve(answering(answer)) as server, transport.open(server.upstream()) as send:
        response = await get(send, headers=((b"Authorization", b"Basic eDp5"),))

    assert (status, b"x") == (response.status, response.body)
    assert 1 == len(server.heads)


async def test_header_names_come_in_lower_case_and_values_as_received(transport, serve, answering, get):
    head = b"X-Two: 1\r\nSet-Cookie: a=b; Path=/\r\nx-two:2\r\nSET-COOKIE: c=d\r\nLatin: \xfc\xff\r\nEmpty:\r\n"
    async with serve(answering(sized(b"x", head))) as server, transport.open(server.upstream()) as send:
        response = await get(send)

    expected = (
        (b"x-two", b"1"),
        (b"set-cookie", b"a=b; Path=/"),
        (b"x-two", b"2"),
        (b"set-cookie", b"c=d"),
        (b"latin", b"\xfc\xff"),
        (b"empty", b""),
        (b"content-length", b"1"),
    )
    assert expected == response.headers


async def test_a_header_of_60_kb_comes_through(transport, serve, answering, get):
    head = b"Link: %b\r\n" % (b"x" * 60_000)
    async with serve(answering(sized(b"x", head))) as server, transport.open(server.upstream()) as send:
        response = await get(send)

    assert 60_000 == len(response.headers[0][1])


async def test_a_cookie_is_not_kept(transport, serve, answering, get):
    script = answering(sized(b"x", b"Set-Cookie: a=b\r\n"))
    async with serve(script) as server, transport.open(server.upstream()) as send:
        await get(send)
        await get(send)

    assert server.heads[0] == server.heads[1]


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd", b"unknown"])
async def test_an_encoded_body_is_not_decoded(transport, serve, answering, get, encoding):
    script = answering(sized(b"\x1f\x8b not really", b"Content-Encoding: %b\r\n" % encoding))
    async with serve(script) as server, transport.open(server.upstream()) as send:
        response = await get(send)

    assert b"\x1f\x8b not really" == response.body
    assert (b"content-encoding", encoding) in response.headers


@pytest.mark.parametrize("status", [100, 102, 103])
async def test_informational_responses_are_skipped(transport, serve, answering, get, status):
    first = b"HTTP/1.1 %d Wait\r\nLink: </style.css>\r\n\r\n" % status
    async with serve(answering(first * 2 + sized(b"x"))) as server, transport.open(server.upstream()) as send:
        response = await get(send)

    assert (200, b"x") == (response.status, response.body)


@pytest.mark.parametrize(
    ("method", "status", "head"),
    [
        ("HEAD", 200, b"Content-Length: 500000\r\n"),
        ("HEAD", 200, b"Transfer-Encoding: chunked\r\n"),
        ("HEAD", 200, b""),
        ("GET", 204, b""),
        ("GET", 304, b""),
        ("POST", 200, b"Content-Length: 0\r\n"),
    ],
)
async def test_an_answer_without_a_body_frees_the_connection(transport, serve, answering, get, method, status, head):
    script = answering(b"HTTP/1.1 %d X\r\n%b\r\n" % (status, head))
    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        for _ in range(2):
            response = await get(send, method)

            assert (status, b"") == (response.status, response.body)


async def test_a_304_that_names_a_length_has_no_body(transport, serve, answering, get):
    script = answering(b"HTTP/1.1 304 X\r\nContent-Length: 100\r\n\r\n")
    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        for _ in range(2):
            response = await get(send)

            assert (304, b"") == (response.status, response.body)


@pytest.mark.parametrize(
    "head",
    [
        b"Transfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n",
        b"Content-Length: %d\r\n" % (SMALL * 2),
        b"Connection: close\r\n",
    ],
    ids=["chunked", "sized", "until the end"],
)
async def test_the_first_piece_is_there_before_the_second_is_sent(transport, serve, get, head):
    seen = asyncio.Event()
    chunk = b"1\r\n%b\r\n" if b"chunked" in head else b"%b"

    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\n%b\r\n" % head)
        await peer.send(chunk % b"1")
        await seen.wait()
        await peer.send(chunk % b"2")
        await peer.gone()

    async with serve(script) as server, transport.open(server.upstream()) as send:
        response = await get(send)
        pieces = aiter(response.body)

        assert b"1" == await anext(pieces)
        seen.set()
        assert b"2" == await anext(pieces)
        await response.body.aclose()


async def test_the_head_is_there_before_the_body(transport, serve, get):
    seen = asyncio.Event()

    async def script(peer):
        await peer.head()
        await peer.send(chunked(b"1")[:-10])
        await seen.wait()
        await peer.send(chunked(b"1")[-10:])

    async with serve(script) as server, transport.open(server.upstream()) as send:
        response = await get(send)
        seen.set()

        assert [b"1"] == [piece async for piece in response.body]


async def test_a_small_body_of_known_length_is_handed_over_whole(transport, serve, get):
    async def script(peer):
        await peer.head()
        await peer.send(sized(b"12")[:-2])
        await asyncio.sleep(0.02)
        await peer.send(b"1")
        await asyncio.sleep(0.02)
        await peer.send(b"2")

    async with serve(script) as server, transport.open(server.upstream()) as send:
        assert b"12" == (await get(send)).body


async def test_a_stream_that_was_read_or_closed_has_nothing_more(transport, serve, answering, get, whole):
    answer = sized(b"x" * 3_000_000)
    async with serve(answering(answer)) as server, transport.open(server.upstream()) as send:
        response = await get(send)
        assert 3_000_000 == len(await whole(response))
        assert b"" == await whole(response)
        await response.body.aclose()

        response = await get(send)
        await response.body.aclose()
        await response.body.aclose()
        assert b"" == await whole(response)
