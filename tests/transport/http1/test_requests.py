"""What reaches the upstream: exactly what was asked for."""

import asyncio

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD = b"%b %b HTTP/1.1\r\nHost: 127.0.0.1:%d%b"


@pytest.mark.parametrize(
    ("method", "framing"),
    [
        ("GET", b""),
        ("HEAD", b""),
        ("DELETE", b""),
        ("OPTIONS", b""),
        ("PROPFIND", b""),
        ("m-search", b""),
        ("POST", b"\r\nContent-Length: 0"),
        ("PUT", b"\r\nContent-Length: 0"),
        ("PATCH", b"\r\nContent-Length: 0"),
    ],
)
async def test_a_request_without_a_body_is_sent_with_nothing_added(transport, serve, answering, get, method, framing):
    script = answering(b"HTTP/1.1 204 No Content\r\n\r\n")
    async with serve(script) as server, transport.open(server.upstream()) as send:
        assert 204 == (await get(send, method)).status

    assert [HEAD % (method.encode(), b"/", server.port, framing)] == server.heads


@pytest.mark.parametrize(
    "target",
    [
        b"/a/../b",
        b"/a/./b//c",
        b"//host/path",
        b"/%2e%2e/%2E",
        b"/a%2Fb%2fc",
        b"/{x}/[y]|z^`",
        b"/a+b?c+d=e%20f",
        b"/bare?",
        b"/?",
        b"/?a=1&a=2&&=&b",
        b"/a;b=c,d:e@f!$&'()*",
        b"/a#b?c#d",
        b'/"<>\\',
        b"/%zz%",
        b"/" + b"x" * 7000,
    ],
    ids=lambda target: target[:20].decode(),
)
async def test_the_target_arrives_byte_for_byte(transport, serve, ok, get, target):
    async with serve(ok) as server, transport.open(server.upstream()) as send:
        await get(send, target=target)

    assert [HEAD % (b"GET", target, server.port, b"")] == server.heads


async def test_headers_keep_order_case_and_repeats(transport, serve, ok, get):
    headers = ((b"X-b", b"1"), (b"accept", b"*/*"), (b"x-B", b""), (b"X-b", "ü, \t€".encode()), (b"COOKIE", b"a=b"))
    async with serve(ok) as server, transport.open(server.upstream()) as send:
        await get(send, "POST", headers=headers, body=b"12")

    expected = b"\r\nX-b: 1\r\naccept: */*\r\nx-B: \r\nX-b: %b\r\nCOOKIE: a=b\r\nContent-Length: 2"
    assert [HEAD % (b"POST", b"/", server.port, expected % "ü, \t€".encode())] == server.heads


async def test_a_host_header_of_the_request_replaces_ours_and_stands_first(transport, serve, ok, get):
    headers = ((b"a", b"1"), (b"hOST", b"elsewhere.example"), (b"b", b"2"))
    async with serve(ok) as server, transport.open(server.upstream()) as send:
        await get(send, headers=headers)

    assert [b"GET / HTTP/1.1\r\nhOST: elsewhere.example\r\na: 1\r\nb: 2"] == server.heads


@pytest.mark.parametrize(
    "broken",
    [
        {"target": b"/a b"},
        {"target": b"/a\r\nX: y"},
        {"target": b"/a\nb"},
        {"target": b"/a\0"},
        {"target": "/ü".encode()},
        {"target": b""},
        {"target": b"a"},
        {"target": b"@elsewhere.example/"},
        {"headers": ((b"X", b"a\r\nY: b"),)},
        {"headers": ((b"X", b"a\n b"),)},
        {"headers": ((b"X", b"a\rb"),)},
        {"headers": ((b"X", b"a\0b"),)},
        {"headers": ((b"X", b"a\x7fb"),)},
        {"headers": ((b"X\r\nY", b"a"),)},
        {"headers": ((b"X\n", b"a"),)},
        {"headers": ((b"X\0", b"a"),)},
        {"headers": ((b"X: a\r\nY", b"a"),)},
        {"headers": ((b"X Y", b"a"),)},
        {"headers": ((b"", b"a"),)},
        {"headers": ((b"Content-Length", b"5"),)},
        {"headers": ((b"transfer-encoding", b"chunked"),)},
        {"headers": ((b"Host", b"a"), (b"host", b"b"))},
        {"method": ""},
        {"method": "GET /"},
        {"method": "G\r\nT"},
        {"method": "GÉT"},
        {"method": "CONNECT"},
    ],
    ids=repr,
)
async def test_what_would_break_the_message_is_refused_before_anything_is_sent(
    transport, serve, ok, get, stream, broken
):
    body = stream(b"12")
    async with serve(ok) as server, transport.open(server.upstream()) as send:
        with pytest.raises(ValueError, match=r"request|method|header") as refused:
            await get(send, **{"method": "POST", "body": body, "length": 2} | broken)

    assert [] == server.heads
    assert body.closed
    assert "\r" not in str(refused.value)


@pytest.mark.parametrize("size", [1, 65536, 65537, 1_000_000])
async def test_a_body_of_bytes_arrives_whole(transport, serve, get, size):
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    seen = []

    async def script(peer):
        await peer.head()
        seen.append(await peer.read(size))
        await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream()) as send:
        assert 200 == (await get(send, "PUT", body=body)).status

    assert [HEAD % (b"PUT", b"/", server.port, b"\r\nContent-Length: %d" % size)] == server.heads
    assert [body] == seen


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE"])
async def test_a_stream_of_known_length_is_sent_with_it(transport, serve, get, stream, method):
    seen = []

    async def script(peer):
        while await peer.head():
            seen.append(await peer.read(5))
            await peer.send(OK)

    bodies = [stream(b"he", b"", b"llo"), stream(b"", b"hello", b"")]
    async with serve(script) as server, transport.open(server.upstream()) as send:
        for body in bodies:
            await get(send, method, body=body, length=5)

    assert [HEAD % (method.encode(), b"/", server.port, b"\r\nContent-Length: 5")] * 2 == server.heads
    assert [b"hello", b"hello"] == seen
    assert server.ports[0] == server.ports[1]
    assert all(body.closed for body in bodies)


async def test_a_stream_of_no_bytes_is_sent_as_that(transport, serve, ok, get, stream):
    async with serve(ok) as server, transport.open(server.upstream()) as send:
        await get(send, "GET", body=stream(), length=0)

    assert [HEAD % (b"GET", b"/", server.port, b"\r\nContent-Length: 0")] == server.heads


async def test_a_stream_of_unknown_length_is_sent_in_chunks(transport, serve, get, stream):
    seen = []

    async def script(peer):
        while await peer.head():
            seen.append(await peer.until(b"0\r\n\r\n"))
            await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream()) as send:
        await get(send, "POST", body=stream(b"he", b"", b"llo, all of you!"))
        await get(send, "POST", body=stream())

    assert [HEAD % (b"POST", b"/", server.port, b"\r\nTransfer-Encoding: chunked")] * 2 == server.heads
    assert [b"2\r\nhe\r\n10\r\nllo, all of you!\r\n0\r\n\r\n", b"0\r\n\r\n"] == seen
    assert server.ports[0] == server.ports[1]


async def test_a_streamed_request_is_sent_as_it_comes(transport, serve, get, stream):
    arrived = asyncio.Event()

    async def script(peer):
        if await peer.head():
            await peer.until(b"first\r\n")
            arrived.set()
            await peer.until(b"0\r\n\r\n")
            await peer.send(OK)

    async with serve(script) as server, transport.open(server.upstream()) as send:
        assert 200 == (await get(send, "POST", body=stream(b"first", arrived.wait(), b"second"))).status


@pytest.mark.parametrize("pieces", [(b"hell",), (b"hello", b"o"), (b"hello!",), ()], ids=repr)
async def test_a_stream_that_breaks_its_promise_is_an_error_and_costs_only_its_own_connection(
    transport, serve, get, stream, pieces
):
    whole = []

    async def script(peer):
        while await peer.head():
            try:
                whole.append(await peer.read(5))
            except asyncio.IncompleteReadError:
                return
            await peer.send(OK)

    body = stream(*pieces)
    async with serve(script) as server, transport.open(server.upstream(connections=1)) as send:
        with pytest.raises(ValueError, match="promised"):
            await get(send, "POST", body=body, length=5)

        assert body.closed
        assert 200 == (await get(send, "POST", body=b"right")).status

    assert [b"right"] == whole


async def test_an_error_of_the_body_comes_out_as_it_is(transport, serve, get, stream):
    ended = []

    async def script(peer):
        await peer.head()
        ended.append(await peer.rest())

    body = stream(b"first", LookupError("the caller left"))
    async with serve(script) as server, transport.open(server.upstream()) as send:
        with pytest.raises(LookupError, match="the caller left"):
            await get(send, "POST", body=body)
        while not ended:
            await asyncio.sleep(0.005)

    assert body.closed
    assert [b"5\r\nfirst\r\n"] == ended


async def test_a_timeout_of_the_body_is_not_taken_for_ours(transport, serve, get, stream):
    async def script(peer):
        await peer.head()
        await peer.gone()

    body = stream(b"first", TimeoutError("the caller's"))
    async with serve(script) as server, transport.open(server.upstream()) as send:
        with pytest.raises(TimeoutError, match="the caller's"):
            await get(send, "POST", body=body, within=10)


async def test_an_ipv6_address_is_reached_and_named_in_brackets(transport, serve, ok, get):
    try:
        async with serve(ok, host="::1") as server, transport.open(server.upstream()) as send:
            await get(send)
    except OSError:
        pytest.skip("no IPv6 on this machine")

    assert [b"GET / HTTP/1.1\r\nHost: [::1]:%d" % server.port] == server.heads
