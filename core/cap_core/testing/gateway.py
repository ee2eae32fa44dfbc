"""Runs a gateway in a thread, for tests."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import locate
from cap_core.errors import CapError
from cap_core.logging import redaction
from cap_core.plan.plan import Plan
from cap_core.plan.variables import Given
from cap_core.plugins import loader
from cap_core.plugins.registry import Registry
from cap_core.runtime.options import OpenOptions
from cap_core.server import sockets
from cap_core.server.connection_limits import ConnectionLimits
from cap_core.server.gateway import Gateway
from cap_core.server.listeners import ListenOptions
from cap_core.server.server import Stop, serve
from cap_core.testing.loops import PATIENCE, call, made, running_loop

_SERVING: list[int] = []
"""The ports of the gateways of this process."""


class Running:
    """A gateway that serves. `url` is its one listener: REST at its paths, MCP at `/mcp`."""

    def __init__(self, gateway: Gateway, loop: asyncio.AbstractEventLoop, port: int, compiling: _Compiling) -> None:
        self.gateway = gateway
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._loop = loop
        self._compiling = compiling

    def replace(self, *documents: str | Path) -> None:
        """Replace the documents, as a reload does. Raises `CapError` if they cannot be served."""
        call(self._loop, self.gateway.replace(self._compiling.plan(documents)))


class _Compiling(msgspec.Struct, frozen=True):
    registry: Registry
    options: CompileOptions

    def plan(self, documents: Sequence[str | Path]) -> Plan:
        compiled = []
        for source in locate([str(document) for document in documents], self.registry.capabilities):
            one = compile_source(source, self.registry, self.options)
            if one.plan is None:
                raise CapError(str(one.refusal))
            compiled.append(one.plan)
        return Plan(tuple(compiled))


@contextlib.contextmanager
def gateway(
    *documents: str | Path,
    base_uris: Mapping[str, str] | None = None,
    values: Mapping[str, str] | None = None,
    caller_auth: str | None = None,
    allow_plaintext: frozenset[str] = frozenset(),
    opening: OpenOptions | None = None,
    listening: ListenOptions | None = None,
    plugin_files: Sequence[Path] = (),
    limits: ConnectionLimits | None = None,
) -> Iterator[Running]:
    """Serve documents on one free port. Raises `CapError` if `cap serve` would not start."""
    options = CompileOptions(
        base_uris={name: Given(url, "--base-uri") for name, url in (base_uris or {}).items()},
        values={name: Given(value, "--set") for name, value in (values or {}).items()},
        allow_plaintext=allow_plaintext,
        caller_auth=caller_auth,
    )
    if not _SERVING:
        redaction.forget()  # the values of a test before this one are words like any other
    # Loaded for each gateway, because plugins may keep state, as the sandbox does.
    compiling = _Compiling(loader.load(files=tuple(plugin_files)), options)
    how = listening or ListenOptions()
    opening = opening or OpenOptions(allow_plaintext=allow_plaintext)
    app = Gateway(compiling.registry, msgspec.structs.replace(how, port=0), opening)
    plan = compiling.plan(documents)
    bound = sockets.bind([sockets.ListenAddress(how.host, 0)])
    port = bound[0].port
    with running_loop() as loop:
        stop = call(loop, made(Stop))
        ready = threading.Event()
        _SERVING.append(port)
        try:
            call(loop, app.open(plan, {0: port}))
        except BaseException:
            _SERVING.remove(port)
            sockets.close(bound)
            raise
        serving = asyncio.run_coroutine_threadsafe(
            serve(app, bound, stop, drain=1.0, limits=limits, ready=ready.set), loop
        )
        ready.wait(PATIENCE)
        try:
            yield Running(app, loop, port, compiling)
        finally:
            loop.call_soon_threadsafe(stop.requested.set)
            loop.call_soon_threadsafe(stop.forced.set)
            _SERVING.remove(port)
            serving.result(PATIENCE)
            call(loop, app.close())
