"""Runs one uvicorn server on the sockets of all listeners, and stops it on a signal without failing a request."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import ssl
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import partial
from typing import Any
from typing import Protocol as Interface

import uvicorn

from cap_core.logging.lazy_logger import get_logger
from cap_core.plugins.guard import suspended
from cap_core.plugins.messages import AsgiSend, Receive, Scope
from cap_core.server import sockets
from cap_core.server.connection_limits import ConnectionLimits
from cap_core.server.draining import FRESH, Draining
from cap_core.server.protocol import Callers, Protocol
from cap_core.server.sockets import Bound

GRACE = 0.3
"""Seconds between the first signal and the end of accepting. Every answer meanwhile carries `connection: close`, so
clients that keep connections alive learn of it from an answer, not from a connection that is gone."""

SETTLE = 0.05
"""Seconds in which connections that have begun are still accepted, once no new one can begin."""

TWICE = 0.1
"""Seconds in which a second Ctrl-C counts as the same one: a terminal and a wrapper such as `uv run` both send it."""

LEAST = 1.0
"""Seconds that stopping may take at least, even with a shorter `--drain`."""

LAST = 1.0
"""Seconds that cancelled calls and plugins have to clean up."""

KEEP_ALIVE = 75
"""Seconds that an idle connection is kept: longer than proxies keep theirs (60), so that they close first."""

HEADERS = [("x-content-type-options", "nosniff"), ("vary", "Origin")]
"""On every answer: its type is what it says, and pages of some origins may read it (`cap_core.server.cors`)."""

_log = get_logger("cap.server")


class Served(Interface):
    """An ASGI app that can drain."""

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None: ...

    def drain(self) -> None:
        """Become not ready, let every further answer close its connection, and end open streams."""


class Stop:
    """The signals received so far: `requested` is set by the first, `forced` by a second Ctrl-C.

    `reload` is set by SIGHUP, which ends nothing.
    """

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.forced = asyncio.Event()
        self.reload = asyncio.Event()
        self._since = 0.0

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Handle SIGTERM, SIGINT and SIGHUP while inside."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.signal, number)
        loop.add_signal_handler(signal.SIGHUP, self.reload.set)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def signal(self, number: int) -> None:
        """Record a signal. Only a Ctrl-C can force: `timeout` and others send SIGTERM twice."""
        now = asyncio.get_running_loop().time()
        if not self.requested.is_set():
            self._since = now
            self.requested.set()
        elif number == signal.SIGINT and now - self._since > TWICE:
            self.forced.set()

    async def unless_requested(self, work: Awaitable[object]) -> bool:
        """Await work; False if it was cancelled because of a signal."""
        return await _unless(self.requested, work, None)

    async def unless_forced(self, work: Awaitable[object], seconds: float) -> bool:
        """Await work; False if it was cancelled after `seconds`, or because a second Ctrl-C forced the end."""
        return await _unless(self.forced, work, seconds)


async def _unless(event: asyncio.Event, work: Awaitable[object], seconds: float | None) -> bool:
    task = asyncio.ensure_future(work)
    happened = asyncio.ensure_future(event.wait())
    await asyncio.wait((task, happened), timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    happened.cancel()
    if not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=LAST)
        return False
    task.result()
    return True


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine on uvloop where it is installed, else on asyncio's own loop.

    Tasks that are left have `LAST` seconds to end once they are cancelled. Those that swallow it are logged and left
    behind, where `asyncio.Runner` would wait for them for ever.
    """
    loop = (_loop_factory() or asyncio.new_event_loop)()
    asyncio.set_event_loop(loop)
    left: set[asyncio.Task[Any]] = set()
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            left = loop.run_until_complete(_cancel_all())
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            if not left:
                loop.close()


async def _cancel_all() -> set[asyncio.Task[Any]]:
    """Cancel every other task; those that do not end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    left = (await asyncio.wait(tasks, timeout=LAST))[1] if tasks else set()
    for task in left:
        _log.error(f"{suspended(task)} does not end though it is cancelled, and is left behind")
    if left:
        # The interpreter's own complaint about them would say less.
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    return left


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def serve(
    app: Served,
    bound: Sequence[Bound],
    stop: Stop,
    *,
    drain: float,
    limits: ConnectionLimits | None = None,
    context: ssl.SSLContext | None = None,
    ready: Callable[[], None] = lambda: None,
) -> int:
    """Serve on bound sockets until a signal stops it; returns the exit code.

    `ready` is called once every socket accepts. Raises `StartError` if one cannot; then none listens.
    """
    limits = limits or ConnectionLimits()
    server = _uvicorn(app, limits)
    sockets.listen(bound)
    await _accept(server, bound, context, limits)
    ready()
    ticking = asyncio.ensure_future(_tick(server))
    await stop.requested.wait()
    _log.info("draining", seconds=drain)
    app.drain()
    draining = Draining(server.server_state.connections)
    finished = await stop.unless_forced(_finish(server, bound, context, draining), max(drain, LEAST))
    ticking.cancel()
    if not finished:
        await _abort(server, draining, drain, forced=stop.forced.is_set())
    return 130 if stop.forced.is_set() else 0


def _uvicorn(app: Served, limits: ConnectionLimits) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        interface="asgi3",
        http=partial(Protocol, Callers(limits)),  # type: ignore[arg-type]  # uvicorn only calls it
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=HEADERS,
        timeout_keep_alive=KEEP_ALIVE,
    )
    config.load()
    return uvicorn.Server(config)


async def _accept(
    server: uvicorn.Server, bound: Sequence[Bound], context: ssl.SSLContext | None, limits: ConnectionLimits
) -> None:
    """Accept connections, as uvicorn would, but a TLS handshake has no more time than the head of a request."""
    loop = asyncio.get_running_loop()
    server.servers = [
        await loop.create_server(
            partial(_connection, server),
            sock=sock,
            ssl=context,
            backlog=sockets.BACKLOG,
            ssl_handshake_timeout=limits.head if context else None,
        )
        for one in bound
        for sock in one.sockets
    ]


def _connection(server: uvicorn.Server) -> asyncio.Protocol:
    made: asyncio.Protocol = server.config.http_protocol_class(  # type: ignore[call-arg]  # as uvicorn does
        config=server.config, server_state=server.server_state, app_state={}
    )
    return made


async def _tick(server: uvicorn.Server) -> None:
    """Update the Date header every second, as uvicorn's main loop would."""
    while True:
        await server.on_tick(0)
        await asyncio.sleep(1)


async def _finish(
    server: uvicorn.Server, bound: Sequence[Bound], context: ssl.SSLContext | None, draining: Draining
) -> None:
    """Stop accepting connections, serve those that have begun, and wait until every answer has been sent."""
    await asyncio.sleep(GRACE)
    # uvicorn closes its handles of the sockets; through these copies, waiting connections can still be accepted.
    spare = [sock.dup() for one in bound for sock in one.sockets]
    for sock in spare:
        sockets.refuse_new(sock)
    await asyncio.sleep(SETTLE)
    for listener in server.servers:
        listener.close()
    late = [_serve_late(server, connection, context) for sock in spare for connection in sockets.waiting(sock)]
    for sock in spare:
        sock.close()
    # A connection during its TLS handshake is not in the server's list yet.
    await asyncio.gather(draining.finish(at_least=FRESH if context else 0.0), *late)


async def _serve_late(server: uvicorn.Server, connection: Any, context: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):
        await asyncio.get_running_loop().connect_accepted_socket(partial(_connection, server), connection, ssl=context)


async def _abort(server: uvicorn.Server, draining: Draining, drain: float, *, forced: bool) -> None:
    """Cut the connections and cancel the calls that have not ended in time."""
    for listener in server.servers:
        listener.close()
    if draining.busy:
        why = "a second signal" if forced else f"{drain:g} s"
        calls = "1 call was" if draining.busy == 1 else f"{draining.busy} calls were"
        _log.warning(f"{calls} cut off after {why}", calls=draining.busy)
    draining.abort()
    await asyncio.sleep(0)  # so that uvicorn notices the closed connections, and does not answer on them
    tasks = set(server.server_state.tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=LAST)
