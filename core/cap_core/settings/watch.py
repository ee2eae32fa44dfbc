"""Watches files, and reports when their content may have changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

import watchfiles

from cap_core.logging.lazy_logger import get_logger

_log = get_logger("cap.reload")

STEP_MS = 50
"""Milliseconds in which several events count as one change, because editors write in several steps."""

LOOK_MS = 1000
"""Milliseconds between checks without an event: network file systems and some containers send none."""

State = dict[Path, tuple[int, int, int]]


def state(files: Iterable[Path]) -> State:
    """The properties of each file by which a change is noticed."""
    out = {}
    for path in files:
        try:
            found = path.stat()
        except OSError:
            continue
        out[path] = (found.st_mtime_ns, found.st_size, found.st_ino)
    return out


async def changes(files: Callable[[], Iterable[Path]], trees: Sequence[Path], known: State) -> AsyncIterator[None]:
    """Yield whenever one of `files` has changed; `known` is their state before.

    `files` is called at each check, because directories below `trees` may gain and lose some. Directories are watched,
    because editors and Kubernetes replace a file instead of writing to it; any event leads to a check of all files.
    """
    beside = {place for path in known for place in (path.absolute().parent, path.resolve().parent)}
    wake = asyncio.Event()
    watching = [asyncio.ensure_future(_wake(sorted(beside), wake, recursive=False))]
    if trees:
        watching.append(asyncio.ensure_future(_wake(trees, wake, recursive=True)))
    try:
        while True:
            await wake.wait()
            wake.clear()
            now = state(files())
            if now != known:
                known = now
                yield
    finally:
        for task in watching:
            task.cancel()


async def _wake(places: Sequence[Path], wake: asyncio.Event, *, recursive: bool) -> None:
    try:
        async for _ in watchfiles.awatch(
            *places, watch_filter=None, step=STEP_MS, rust_timeout=LOOK_MS, yield_on_timeout=True, recursive=recursive
        ):
            wake.set()
    except (OSError, RuntimeError) as error:  # a directory is gone, or there are no more inotify watches
        _log.warning("files are looked at every second instead of watched", exc_info=error)
    while True:
        wake.set()
        await asyncio.sleep(LOOK_MS / 1000)
