"""The baselines: the smallest servers that do the same job, on the server and the client that the gateway stands on.

`forwarding` hands a GET through: the same request goes up and the same answer comes down as through the gateway.
`splicing` does what an MCP tool call needs, and checks nothing. Both take a `Fetch`:
`aiohttp_fetch` is a session of the public aiohttp, set as our transport sets its connections; `own_fetch` is the very
transport that the gateway sends with, so that what is left between the two is the gateway alone.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import click
import msgspec
import uvicorn
import uvloop

if TYPE_CHECKING:
    from cap_core.plugins.context import Send
    from cap_core.plugins.messages import AsgiApp, AsgiSend, Receive, Scope

Fields = Sequence[tuple[bytes, bytes]]
Fetch = Callable[[bytes], Awaitable[tuple[int, Fields, bytes]]]
"""GETs a target: status, headers, whole body."""

_JSON: Fields = [(b"content-type", b"application/json")]
# What a connection says of itself; the server writes its own.
_HOP = frozenset({b"connection", b"date", b"keep-alive", b"server", b"transfer-encoding"})
_READY = b"/health/ready"


def forwarding(fetch: Fetch) -> AsgiApp:
    """Hand every GET through."""

    async def app(scope: Scope, receive: Receive, send: AsgiSend) -> None:
        path, query = scope["raw_path"], scope["query_string"]
        if path == _READY:
            await _answer(send, 200, _JSON, b"{}")
            return
        status, headers, body = await fetch(path + b"?" + query if query else path)
        await send(
            {"type": "http.response.start", "status": status, "headers": [h for h in headers if h[0] not in _HOP]}
        )
        await send({"type": "http.response.body", "body": body})

    return app


class _Params(msgspec.Struct):
    name: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Message(msgspec.Struct):
    id: msgspec.Raw
    method: str
    params: _Params


_TARGETS = {"list-things": b"/v1/things", "export-things": b"/v1/export"}


def splicing(fetch: Fetch) -> AsgiApp:
    """Read a JSON-RPC envelope, GET, and put the body into the result as text and as structure."""
    decode = msgspec.json.Decoder(_Message).decode
    encode = msgspec.json.Encoder().encode

    async def app(scope: Scope, receive: Receive, send: AsgiSend) -> None:
        if scope["raw_path"] == _READY:
            await _answer(send, 200, _JSON, b"{}")
            return
        request = await receive()
        message = decode(request["body"])
        status, _, body = await fetch(_TARGETS[message.params.name])
        result = (
            b'{"jsonrpc":"2.0","id":' + message.id + b',"result":{"resultType":"complete","content":[{"type":"text",'
            b'"text":' + encode(body.decode()) + b'}],"structuredContent":' + body + b"}}"
        )
        await _answer(send, status, _JSON, result)

    return app


async def _answer(send: AsgiSend, status: int, fields: Fields, body: bytes) -> None:
    headers = [*fields, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def fetch_with(send: Send, key: str) -> Fetch:
    """GET through one of our transports' `Send`."""
    from cap_core.plugins.context import Context
    from cap_core.plugins.messages import HttpRequest

    authorization = (b"Authorization", f"Bearer {key}".encode())
    headers = (authorization, (b"User-Agent", b"shell/1.0"), (b"Accept-Encoding", b"identity"))
    context = Context("shell")

    async def fetch(target: bytes) -> tuple[int, Fields, bytes]:
        response = await send(HttpRequest("GET", target, headers), context)
        body = response.body
        if not isinstance(body, bytes):
            body = b"".join([piece async for piece in body])
        return response.status, response.headers, body

    return fetch


@asynccontextmanager
async def own_fetch(port: int, key: str) -> AsyncIterator[Fetch]:
    """The transport that the gateway uses."""
    from cap_core.plan.upstream import Upstream
    from cap_core.plugins import loader
    from cap_core.plugins.transport import TransportContext
    from cap_core.runtime.pools import choose

    async with choose(loader.load()).open(TransportContext(upstream=Upstream("http", "127.0.0.1", port))) as send:
        yield fetch_with(send, key)


@asynccontextmanager
async def aiohttp_fetch(port: int, key: str) -> AsyncIterator[Fetch]:
    """A session that adds nothing, follows nothing, keeps no cookies and decompresses nothing."""
    import aiohttp
    from yarl import URL

    base = f"http://127.0.0.1:{port}"
    headers = {"Authorization": f"Bearer {key}", "User-Agent": "shell/1.0", "Accept-Encoding": "identity"}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15.0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept",),
        headers=headers,
        read_bufsize=64 * 1024,
        timeout=aiohttp.ClientTimeout(total=None, connect=5.0, sock_read=60.0, ceil_threshold=math.inf),
    ) as session:

        async def fetch(target: bytes) -> tuple[int, Fields, bytes]:
            url = URL(base + target.decode("ascii"), encoded=True)
            async with session.get(url, allow_redirects=False) as response:
                fields = [(name.lower(), value) for name, value in response.raw_headers]
                return response.status, fields, await response.read()

        yield fetch


_APPS = {"forwarding": forwarding, "splicing": splicing}
_FETCHES: dict[str, Callable[[int, str], AbstractAsyncContextManager[Fetch]]] = {
    "aiohttp": aiohttp_fetch,
    "own": own_fetch,
}


async def _serve(app: str, fetch: str, port: int, upstream: int, key: str) -> None:
    async with _FETCHES[fetch](upstream, key) as fetching:
        # What `cap serve` tells uvicorn.
        config = uvicorn.Config(
            _APPS[app](fetching),
            port=port,
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=75,
        )
        await uvicorn.Server(config).serve()


@click.command
@click.argument("app", type=click.Choice(sorted(_APPS)))
@click.argument("fetch", type=click.Choice(sorted(_FETCHES)))
@click.option("--port", type=int, required=True)
@click.option("--upstream", type=int, required=True)
@click.option("--key", default="")
def main(app: str, fetch: str, port: int, upstream: int, key: str) -> None:
    """Serve one shell on loopback."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(app, fetch, port, upstream, key))


if __name__ == "__main__":
    main()
