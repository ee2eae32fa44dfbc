"""Runs event loops in threads, for the servers of tests."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

PATIENCE = 10.0
"""Seconds that tests wait at most."""


async def made(kind: Callable[[], Any]) -> Any:
    """Make something inside a running loop."""
    return kind()


def call(loop: asyncio.AbstractEventLoop, work: Any) -> Any:
    """Run a coroutine in the loop of another thread, and return its result."""
    future: Future[Any] = asyncio.run_coroutine_threadsafe(work, loop)
    return future.result(PATIENCE)


@contextlib.contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        call(loop, _cancel_all())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _cancel_all() -> None:
    """Cancel whatever still runs, and give it its turn to end."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
