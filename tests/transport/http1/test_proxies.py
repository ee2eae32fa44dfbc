"""Proxies: http is sent to the proxy itself, https through a tunnel."""

import asyncio
import ssl

import pytest
import trustme

from cap_core.errors import ConfigError, UpstreamError
from cap_core.plan.upstream import Timeouts, Tls, Upstream

CREDENTIALS = b"Proxy-Authorization: Basic dTpwQHNz"  # u:p@ss


async def test_plain_http_goes_to_the_proxy_with_the_whole_address(transport, serve, ok, get):
    async with serve(ok) as proxy:
        upstream = Upstream("http", "up.invalid", 8080, proxy=f"http://127.0.0.1:{proxy.port}")
        async with transport.open(upstream) as send:
            response = await get(send, target=b"/a/../b//%2e?", headers=((b"X", b"1"),))

    assert b"ok" == response.body
    assert [b"GET http://up.invalid:8080/a/../b//%2e? HTTP/1.1\r\nHost: up.invalid:8080\r\nX: 1"] == proxy.heads


@pytest.mark.parametrize(
    ("host", "port", "name"),
    [
        ("up.invalid", 80, "up.invalid"),
        ("bücher.invalid", 80, "xn--bcher-kva.invalid"),
        ("::1", 8080, "[::1]:8080"),
        ("[::1]", 80, "[::1]"),
    ],
)
async def test_the_address_is_written_as_it_must_be(transport, serve, ok, get, host, port, name):
    async with serve(ok) as proxy:
        upstream = Upstream("http", host, port, proxy=f"http://127.0.0.1:{proxy.port}")
        async with transport.open(upstream) as send:
            await get(send)

    assert [f"GET http://{name}/ HTTP/1.1\r\nHost: {name}".encode()] == proxy.heads


async def test_the_proxy_is_told_who_asks(transport, serve, ok, get):
    async with serve(ok) as proxy:
        upstream = Upstream("http", "up.invalid", 80, proxy=f"http://u:p%40ss@127.0.0.1:{proxy.port}")
        async with transport.open(upstream) as send:
            await get(send)

    assert {b"GET http://up.invalid/ HTTP/1.1", b"Host: up.invalid", CREDENTIALS} == set(proxy.heads[0].split(b"\r\n"))


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return Tls(ca=str(tmp_path / "ca.pem"))


@pytest.fixture
def secure(authority):
    """How a server with a certificate for up.invalid, and for the loopback address, speaks TLS."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("up.invalid", "127.0.0.1").configure_cert(made)
    return made


def tunnel(to):
    """A proxy that leads every tunnel to one port."""

    async def copy(source, sink):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
        sink.close()

    async def script(peer):
        if not await peer.head():
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", to)
        await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(copy(peer.reader, writer), copy(reader, peer.writer))
        finally:
            writer.close()

    return script


@pytest.mark.parametrize("userinfo", ["", "u:p%40ss@"])
async def test_https_goes_through_a_tunnel(transport, serve, ok, get, trusted, secure, userinfo):
    async with serve(ok, ssl=secure) as server, serve(tunnel(server.port)) as proxy:
        address = f"http://{userinfo}127.0.0.1:{proxy.port}"
        async with transport.open(Upstream("https", "up.invalid", 443, tls=trusted, proxy=address)) as send:
            for _ in range(2):
                assert b"ok" == (await get(send, target=b"/a/../b?")).body

    assert [b"GET /a/../b? HTTP/1.1\r\nHost: up.invalid"] * 2 == server.heads
    assert 1 == len(proxy.heads)
    assert proxy.heads[0].startswith(b"CONNECT up.invalid:443 HTTP/1.1\r\nHost: up.invalid")
    assert bool(userinfo) == (CREDENTIALS in proxy.heads[0].split(b"\r\n"))


async def test_a_proxy_that_speaks_tls(transport, serve, ok, get, trusted, secure, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", trusted.ca)
    async with serve(ok, ssl=secure) as proxy:
        upstream = Upstream("http", "up.invalid", 80, proxy=f"https://127.0.0.1:{proxy.port}")
        async with transport.open(upstream) as send:
            assert b"ok" == (await get(send)).body

    assert [b"GET http://up.invalid/ HTTP/1.1\r\nHost: up.invalid"] == proxy.heads


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_tunnel_that_is_not_opened_refuses(transport, serve, answering, get, status):
    script = answering(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
    async with serve(script) as proxy:
        upstream = Upstream("https", "up.invalid", 443, proxy=f"http://u:hunter2@127.0.0.1:{proxy.port}")
        async with transport.open(upstream) as send:
            with pytest.raises(UpstreamError, match=f"cannot be reached: the proxy answered {status}$") as failed:
                await get(send)

    assert ("refused", False) == (failed.value.kind, failed.value.sent)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"], ids=repr)
async def test_a_proxy_that_hangs_up_refuses(transport, serve, get, answer):
    async def script(peer):
        await peer.head()
        await peer.send(answer)
        await asyncio.sleep(0.05)

    async with serve(script) as proxy:
        upstream = Upstream("https", "up.invalid", 443, proxy=f"http://127.0.0.1:{proxy.port}")
        async with transport.open(upstream) as send:
            with pytest.raises(UpstreamError) as failed:
                await get(send)

    assert ("refused", False) == (failed.value.kind, failed.value.sent)


@pytest.mark.parametrize("runner", ["uvloop"], indirect=True)  # once is enough for a test that waits
@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=repr)
async def test_a_tunnel_that_takes_too_long_is_a_connection_that_does(transport, serve, get, answer):
    async def script(peer):
        await peer.head()
        await peer.send(answer)
        await peer.gone()

    async with serve(script) as proxy:
        limits = Timeouts(connect=0.2, first_byte=0.2)
        address = f"http://127.0.0.1:{proxy.port}"
        async with transport.open(Upstream("https", "up.invalid", 443, limits, proxy=address)) as send:
            with pytest.raises(UpstreamError) as failed:
                await get(send)

    assert ("connect", False) == (failed.value.kind, failed.value.sent)


async def test_a_proxy_that_does_not_listen_refuses(transport, serve, ok, get):
    async with serve(ok) as proxy:
        pass
    for scheme in ("http", "https"):
        upstream = Upstream(scheme, "up.invalid", 80, proxy=f"http://127.0.0.1:{proxy.port}")
        async with transport.open(upstream) as send:
            with pytest.raises(UpstreamError, match=r"the proxy 127.0.0.1:\d+ .*connection refused") as failed:
                await get(send)

        assert ("refused", False) == (failed.value.kind, failed.value.sent)


async def test_the_environment_is_not_asked_for_a_proxy(transport, serve, ok, get, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://nothing.invalid:1")
    async with serve(ok) as server, transport.open(server.upstream()) as send:
        assert b"ok" == (await get(send)).body


@pytest.mark.parametrize("proxy", ["socks5://u:hunter2@127.0.0.1:1", "127.0.0.1:8080", "http://", "nonsense"])
async def test_what_is_no_http_proxy_is_told_when_the_pool_opens(transport, proxy):
    with pytest.raises(ConfigError, match="the proxy is not an http or https URL") as refused:
        async with transport.open(Upstream("http", "127.0.0.1", 80, proxy=proxy)):
            pass

    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("host", ["a b", "a\r\nb", "a/b", "u@h", "", "ü..invalid"])
async def test_what_is_no_host_name_is_told_when_the_pool_opens(transport, host):
    with pytest.raises(ConfigError, match="is no host name"):
        async with transport.open(Upstream("http", host, 80)):
            pass
