"""How much work something is: processor time in units of this machine, because no test measures wall time."""

from __future__ import annotations

import contextlib
import functools
import gc
import time
from collections.abc import Callable, Iterator


@functools.cache
def unit() -> float:
    """Seconds of processor time that ten thousand steps of a loop take here: 1 to 5 ms, the least of five."""

    def once() -> float:
        begun = time.thread_time()
        counts: dict[str, int] = {}
        for n in range(10_000):
            key = str(n % 100)
            counts[key] = counts.get(key, 0) + 1
        return time.thread_time() - begun

    return min(once() for _ in range(5))


@contextlib.contextmanager
def at_most(units: float) -> Iterator[None]:
    """Fail where the work inside, in all threads of the process, costs more than so many units."""
    begun = time.process_time()
    yield
    cost = (time.process_time() - begun) / unit()
    assert cost < units, f"it cost {cost:.0f} units of work, and {units} are allowed"


def assert_linear(work: Callable[[int], object], size: int) -> None:
    """Fail where four times as much of something costs clearly more than four times: what is quadratic costs sixteen.

    `work(n)` does it for n of them. Costs below one unit count as one, and what disturbs a measurement only adds to it:
    the least of several counts. Garbage is not collected meanwhile, which would cost more the more there is.
    """
    small = min(_cost(work, size) for _ in range(3))
    large = min(_cost(work, 4 * size) for _ in range(2))
    assert large < 9 * small, f"{size}: {small:.3f} s, four times as many: {large:.3f} s of processor time"


def _cost(work: Callable[[int], object], count: int) -> float:
    """Seconds of processor time."""
    gc.collect()
    gc.disable()
    try:
        begun = time.process_time()
        work(count)
        return max(time.process_time() - begun, unit())
    finally:
        gc.enable()
