"""Work on a whole body, in a thread where the body is so large that the work would hold the event loop up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar, TypeVarTuple

LARGE: Final = 256 * 1024
"""Bytes above which a body is worked on in a thread, so that it holds nobody else up: to decode 10 MB of XML or CSV
takes 2 to 3 s, of tiny gzip members 1 to 2 s, and 256 KB about 60 ms."""

R = TypeVar("R")
Ts = TypeVarTuple("Ts")


async def offload(work: Callable[[bytes, *Ts], R], body: bytes, *args: *Ts) -> R:
    """What `work` gives for a body and the other arguments. Raises what it raises."""
    if len(body) > LARGE:
        return await asyncio.to_thread(work, body, *args)
    return work(body, *args)
