"""A tiny app behind `cap_core.server`, for tests of the server alone: tiny.py DRAIN [CERTIFICATE KEY].

/ answers "ok"; /sleep/S does so after S seconds; /large answers 8 MB; /stream sends a line until it is told to drain;
/deaf ignores that; /broken ends without its end; /fails raises. It prints which one it was asked for, except for /.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cap_core.logging import log
from cap_core.server import server, sockets
from cap_core.server.certificate import Certificate

LARGE = 8 * 1024 * 1024


class App:
    """The app; it says `connection: close` while it drains, as the gateway does."""

    def __init__(self) -> None:
        self.draining = asyncio.Event()

    def drain(self) -> None:
        self.draining.set()

    async def __call__(self, scope: dict[str, Any], receive: Callable[..., Any], send: Callable[..., Any]) -> None:
        path, _, argument = scope["path"][1:].partition("/")
        if path:
            print(f"asked for {path}", file=sys.stderr, flush=True)
        if path == "sleep":
            await asyncio.sleep(float(argument))
        if path == "fails":
            raise RuntimeError("it fails")
        whole = b"x" * LARGE if path == "large" else b"ok"
        streams = path in ("stream", "deaf", "broken")
        headers = [] if streams else [(b"content-length", b"%d" % len(whole))]
        if self.draining.is_set():
            headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if streams:
            await self._stream(path, send)
        else:
            await send({"type": "http.response.body", "body": whole})

    async def _stream(self, path: str, send: Callable[..., Any]) -> None:
        while path == "deaf" or not self.draining.is_set():
            await send({"type": "http.response.body", "body": b"line\n", "more_body": True})
            if path == "broken":
                return
            await asyncio.sleep(0.02)
        await send({"type": "http.response.body", "body": b"end\n"})


async def main(drain: float, files: list[str]) -> int:
    stop = server.Stop()
    context = Certificate(Path(files[0]), Path(files[1])).context if files else None
    bound = sockets.bind([sockets.ListenAddress("127.0.0.1", 0)])

    def ready() -> None:
        scheme = "https" if context else "http"
        print(f"ready at {scheme}://127.0.0.1:{bound[0].port}", file=sys.stderr, flush=True)

    with stop.listening():
        return await server.serve(App(), bound, stop, drain=drain, context=context, ready=ready)


if __name__ == "__main__":
    log.configure("console", "info")
    sys.exit(server.run(main(float(sys.argv[1]), sys.argv[2:])))
