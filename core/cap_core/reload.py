"""Watch files, and say when what they hold may have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import watchfiles

STEP_MS = 50
"""Editors write in several steps; what follows within this time is one change."""


async def watch(
    files: Callable[[], Iterable[Path]], trees: Sequence[Path], changed: Callable[[], Awaitable[None]]
) -> None:
    """Call `changed` whenever one of `files` has, until this is cancelled.

    `files` is asked anew each time: directories below `trees` may gain and lose some. What is watched are directories,
    because editors and Kubernetes replace a file instead of writing to it; which events that gives does not matter, the
    files themselves are compared.
    """
    known = _state(files())
    beside = {place for path in known for place in (path.absolute().parent, path.resolve().parent)}
    wake = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(_wake(sorted(beside), wake, recursive=False))
        if trees:
            group.create_task(_wake(trees, wake, recursive=True))
        while True:
            await wake.wait()
            wake.clear()
            now = _state(files())
            if now != known:
                known = now
                await changed()


async def _wake(places: Sequence[Path], wake: asyncio.Event, *, recursive: bool) -> None:
    async for _ in watchfiles.awatch(*places, watch_filter=None, step=STEP_MS, recursive=recursive):
        wake.set()


def _state(files: Iterable[Path]) -> dict[Path, tuple[int, int, int]]:
    """What is enough to see that a file is not as it was."""
    state = {}
    for path in files:
        try:
            found = path.stat()
        except OSError:
            continue
        state[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return state
