"""TLS: whom the transport trusts, and what it shows of itself."""

import asyncio
import os
import ssl

import pytest
import trustme

from cap_core.errors import StartError, UpstreamError
from cap_core.plan.upstream import Tls, Upstream


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    """The file of the authority that signed the server's certificate."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def server_context(authority, name="127.0.0.1"):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


async def test_an_upstream_with_a_certificate_of_the_given_authority_is_trusted(
    transport, serve, ok, get, authority, trusted
):
    async with serve(ok, ssl=server_context(authority)) as server:
        upstream = server.upstream(scheme="https", tls=Tls(ca=trusted))
        async with transport.open(upstream) as send:
            for _ in range(2):
                assert b"ok" == (await get(send)).body

    assert [b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d" % server.port] * 2 == server.heads
    assert 1 == server.connections


@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.example"])
async def test_a_certificate_that_is_not_accepted_refuses(transport, serve, ok, get, authority, trusted, name):
    """Nobody known signed it, or it is for someone else."""
    async with serve(ok, ssl=server_context(authority, name)) as server:
        tls = Tls() if name == "127.0.0.1" else Tls(ca=trusted)
        async with transport.open(server.upstream(scheme="https", tls=tls)) as send:
            with pytest.raises(UpstreamError, match="its certificate is not accepted") as failed:
                await get(send)

    assert ("refused", False) == (failed.value.kind, failed.value.sent)
    assert [] == server.heads


async def test_an_upstream_without_tls_refuses(transport, serve, get):
    async def script(peer):
        await peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    async with serve(script) as server, transport.open(server.upstream(scheme="https")) as send:
        with pytest.raises(UpstreamError, match="TLS failed") as failed:
            await get(send)

    assert ("refused", False) == (failed.value.kind, failed.value.sent)


async def test_an_upstream_that_hangs_up_right_after_tls_is_a_reset(transport, get, authority, trusted):
    made = server_context(authority)
    made.maximum_version = ssl.TLSVersion.TLSv1_2  # so that the end arrives together with the last of the handshake
    listener = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0, ssl=made)
    port = listener.sockets[0].getsockname()[1]
    async with listener, transport.open(Upstream("https", "127.0.0.1", port, tls=Tls(ca=trusted))) as send:
        with pytest.raises(UpstreamError) as failed:
            await get(send)

    assert failed.value.kind == "reset"


async def test_an_upstream_that_hangs_up_on_tls_refuses(transport, serve, get):
    async def script(peer):
        peer.close()

    async with serve(script) as server, transport.open(server.upstream(scheme="https")) as send:
        with pytest.raises(UpstreamError) as failed:
            await get(send)

    assert ("refused", False) == (failed.value.kind, failed.value.sent)


async def test_tls_that_takes_too_long_is_a_connection_that_does(transport, serve, get):
    async def script(peer):
        await peer.gone()

    async with serve(script) as server, transport.open(server.upstream(scheme="https", connect=0.2)) as send:
        with pytest.raises(UpstreamError) as failed:
            await get(send)

    assert ("connect", False) == (failed.value.kind, failed.value.sent)


@pytest.fixture
def asking(authority):
    """A server that asks for a certificate."""
    made = server_context(authority)
    authority.configure_trust(made)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


@pytest.mark.parametrize("files", ["one", "two"])
async def test_a_client_certificate_is_shown(transport, serve, ok, get, authority, trusted, asking, tmp_path, files):
    own = authority.issue_cert("me@example.org")
    certificate, key = tmp_path / "own.pem", tmp_path / "key.pem"
    if files == "one":
        own.private_key_and_cert_chain_pem.write_to_path(certificate)
    else:
        own.cert_chain_pems[0].write_to_path(certificate)
        own.private_key_pem.write_to_path(key)
    tls = Tls(ca=trusted, certificate=str(certificate), key=str(key) if files == "two" else None)
    async with serve(ok, ssl=asking) as server, transport.open(server.upstream(scheme="https", tls=tls)) as send:
        assert b"ok" == (await get(send)).body


async def test_without_the_certificate_that_is_asked_for_there_is_no_answer(transport, serve, ok, get, trusted, asking):
    upstream = {"scheme": "https", "tls": Tls(ca=trusted)}
    async with serve(ok, ssl=asking) as server, transport.open(server.upstream(**upstream)) as send:
        with pytest.raises(UpstreamError) as failed:
            await get(send)

    # In TLS 1.3 the client has sent its request before it hears of it.
    assert failed.value.kind in ("reset", "refused")
    assert [] == server.heads


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        (Tls(ca="nowhere.pem"), "the CA bundle nowhere.pem cannot be used: No such file"),
        (Tls(certificate="nowhere.pem"), "the client certificate nowhere.pem cannot be used: No such file"),
        (Tls(ca=__file__), "the CA bundle .* cannot be used: it does not hold what it should"),
        (Tls(certificate=__file__), "the client certificate .* cannot be used: it does not hold what it should"),
    ],
    ids=["no CA", "no certificate", "not a CA", "not a certificate"],
)
async def test_a_file_that_cannot_be_used_is_told_when_the_pool_opens(transport, serve, ok, tls, says):
    async with serve(ok) as server:
        with pytest.raises(StartError, match=says):
            async with transport.open(server.upstream(scheme="https", tls=tls)):
                pass


async def test_a_tls_connection_that_turns_to_nonsense_is_a_reset(transport, serve, get, authority, trusted):
    async def script(peer):
        await peer.head()
        os.write(peer.writer.get_extra_info("socket").fileno(), b"past the encryption")
        await peer.gone()

    async with serve(script, ssl=server_context(authority)) as server:
        upstream = server.upstream(scheme="https", tls=Tls(ca=trusted))
        async with transport.open(upstream) as send:
            with pytest.raises(UpstreamError) as failed:
                await get(send)

    assert (failed.value.kind, failed.value.sent) == ("reset", True)


@pytest.mark.parametrize("answer", [b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n"])
async def test_a_body_given_up_closes_the_connection(transport, serve, get, authority, trusted, answer):
    closed = asyncio.Event()

    async def script(peer):
        await peer.head()
        await peer.send(b"HTTP/1.1 200 OK\r\n%b\r\n1\r\n" % answer)
        assert await peer.gone()
        closed.set()

    upstream = {"scheme": "https", "tls": Tls(ca=trusted)}
    async with (
        serve(script, ssl=server_context(authority)) as server,
        transport.open(server.upstream(**upstream)) as send,
    ):
        call = asyncio.create_task(get(send))
        await asyncio.sleep(0.1)
        call.cancel()
        await asyncio.wait([call])
        if not call.cancelled():
            await call.result().body.aclose()
        await asyncio.wait_for(closed.wait(), 10)
