"""Watch files, and say when what they hold may have changed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path

import watchfiles

STEP_MS = 50
"""Editors write in several steps; what happens within this time is one change."""

_State = dict[Path, tuple[int, int, int]]


async def watch(
    files: Callable[[], Iterable[Path]],
    trees: Sequence[Path],
    changed: Callable[[], Awaitable[None]],
    stop: asyncio.Event,
) -> None:
    """Call `changed` whenever one of `files` has, until `stop` is set.

    `files` is asked anew each time: directories below `trees` may gain and lose some. Directories are watched, not files,
    because editors and Kubernetes replace a file instead of writing to it; which event that gives does not matter, the
    files themselves are compared.
    """
    known = _state(files())
    beside = {path.resolve().parent for path in known} | {path.parent.resolve() for path in known}
    async with asyncio.TaskGroup() as group:
        wake = asyncio.Event()
        watchers = [group.create_task(_wake(sorted(beside), wake, stop, recursive=False))]
        if trees:
            watchers.append(group.create_task(_wake(list(trees), wake, stop, recursive=True)))
        ended = group.create_task(_wait(stop, wake))
        while not stop.is_set():
            await wake.wait()
            wake.clear()
            now = _state(files())
            if now != known and not stop.is_set():
                known = now
                await changed()
        await ended


async def _wait(stop: asyncio.Event, wake: asyncio.Event) -> None:
    await stop.wait()
    wake.set()


async def _wake(places: Sequence[Path], wake: asyncio.Event, stop: asyncio.Event, *, recursive: bool) -> None:
    async for _ in watchfiles.awatch(
        *places, watch_filter=None, recursive=recursive, step=STEP_MS, stop_event=stop, ignore_permission_denied=True
    ):
        wake.set()


def _state(files: Iterable[Path]) -> _State:
    """What is enough to see that a file is another one."""
    state: _State = {}
    for path in files:
        try:
            found = path.stat()
        except OSError:
            continue
        state[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return state
