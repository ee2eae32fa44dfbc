"""Count what one request to an app executes: bytecode instructions, calls, and bytes of memory at the peak.

None of these is a time. On one Python, with the same libraries, they are the same in every run and on every machine,
however busy.

* **Instructions** are those of every Python function that runs between the call of the app and its return: the
  gateway's, the plugins', the standard library's and those of libraries written in Python.
* **Calls** are of functions in Python and in C, made by the same functions. A coroutine that is resumed counts again; a
  built-in type that is called, as in `bytes(x)`, does not count.
* **Memory** is what one request allocates at its peak above what was allocated before it, as `tracemalloc` counts.

What happens inside C has no instructions: the decoding of 100 KB by msgspec is one call. If it is done twice, that
shows as one call more, and as memory where both results are alive at once; a C function that becomes slower does not
show at all. The server, the client and the loop are not in it: the driver in `benchmarks.inside` stands for them, and
is not counted. No row hands work to a thread; what runs there would be left out on Python 3.11.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any, Final

import msgspec

from benchmarks import inside
from benchmarks.inside import Case

WARM_UP: Final = 100
"""Requests before the first that counts: caches are full by then, and what is imported late is imported."""

REQUESTS: Final = 100
"""Requests that are counted together; what the loop does between turns is less than one of each, and falls off."""

_TURN: Final = 50
_DRIVER: Final = frozenset({__file__, inside.__file__})


class Work(msgspec.Struct, frozen=True):
    """What one request executes: instructions, calls, and bytes of memory at the peak."""

    instructions: int
    calls: int
    memory: int


class Request:
    """One row's request, to be sent again and again."""

    def __init__(self, case: Case) -> None:
        self._app = case.app
        self._scope = inside.scope_of(case.asked)
        self._receive = inside.receive_of(case.asked)

    async def send(self, times: int) -> None:
        """Send it so many times; between turns the loop frees what requests leave behind (timers)."""
        for n in range(times):
            await self._app(self._scope(), self._receive, inside.drop)
            if n % _TURN == _TURN - 1:
                await asyncio.sleep(0)

    async def peak(self) -> int:
        """Bytes at the peak of one request, with memory traced."""
        scope = self._scope()
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        await self._app(scope, self._receive, inside.drop)
        _, peak = tracemalloc.get_traced_memory()
        return peak - before


async def work(case: Case) -> Work:
    """Count one request of a case, after its answer was found right and after warming up."""
    await inside.check(case)
    request = Request(case)
    await request.send(WARM_UP)
    instructions = (await _instructions(request)).total()
    calls = await _calls(request)
    return Work(instructions // REQUESTS, calls // REQUESTS, await _memory(request))


async def by_function(case: Case) -> dict[str, int]:
    """Instructions of one request by function, the dearest first."""
    request = Request(case)
    await request.send(WARM_UP)
    functions = await _instructions(request)
    return {f"{code.co_filename}:{code.co_qualname}": n // REQUESTS for code, n in functions.most_common()}


async def _calls(request: Request) -> int:
    """Calls of `REQUESTS` requests."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        if event in ("call", "c_call") and frame.f_code.co_filename not in _DRIVER:
            calls += 1

    with _no_collection():
        sys.setprofile(count)
        try:
            await request.send(REQUESTS)
        finally:
            sys.setprofile(None)
    return calls


async def _instructions(request: Request) -> Counter[CodeType]:
    """Instructions of `REQUESTS` requests by function."""
    functions: Counter[CodeType] = Counter()
    with _no_collection(), _counting(functions):
        await request.send(REQUESTS)
    return functions


if sys.version_info >= (3, 12):

    @contextmanager
    def _counting(functions: Counter[CodeType]) -> Iterator[None]:
        """Count instructions by `sys.monitoring` (PEP 669)."""
        monitoring = sys.monitoring
        tool, instruction = monitoring.PROFILER_ID, monitoring.events.INSTRUCTION

        def step(code: CodeType, offset: int) -> object:
            if code.co_filename in _DRIVER:
                return monitoring.DISABLE
            functions[code] += 1
            return None

        monitoring.use_tool_id(tool, "benchmarks.counting")
        monitoring.register_callback(tool, instruction, step)
        monitoring.set_events(tool, instruction)
        try:
            yield
        finally:
            monitoring.set_events(tool, monitoring.events.NO_EVENTS)
            monitoring.register_callback(tool, instruction, None)
            monitoring.free_tool_id(tool)

else:

    @contextmanager
    def _counting(functions: Counter[CodeType]) -> Iterator[None]:
        """Count instructions by tracing, as there is no `sys.monitoring` yet."""

        def enter(frame: FrameType, event: str, argument: object) -> Callable[..., Any] | None:
            if frame.f_code.co_filename in _DRIVER:
                return None
            frame.f_trace_opcodes, frame.f_trace_lines = True, False
            return step

        def step(frame: FrameType, event: str, argument: object) -> Callable[..., Any]:
            if event == "opcode":
                functions[frame.f_code] += 1
            return step

        sys.settrace(enter)
        try:
            yield
        finally:
            sys.settrace(None)


async def _memory(request: Request) -> int:
    """The least of several requests: a list that grows for all of them now and then is not one request's."""
    with _no_collection():
        tracemalloc.start()
        try:
            await request.send(_TURN)  # what stays allocated between requests is traced from here on
            return min([await request.peak() for _ in range(20)])
        finally:
            tracemalloc.stop()


@contextmanager
def _no_collection() -> Iterator[None]:
    """No run of the garbage collector, whose finalizers would be counted as the request's."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
