"""Drive the gateway in process, with an upstream that answers at once: µs of our own code, sockets left out.

    python -m benchmarks.inside
    python -m benchmarks.inside --profile "Cap, REST GET"

The server and the client cost nothing here, so a change of a microsecond shows, on a busy machine too.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import click
import msgspec
import uvloop

from benchmarks import samples
from benchmarks.processes import Failure
from benchmarks.samples import EXPORT, ITEM, KEY, LARGE, LIST, SMALL, Asked, Right, call_legacy, call_modern, get
from benchmarks.shells import fetch_with, forwarding, splicing
from benchmarks.systems import DOCUMENT
from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import locate
from cap_core.plan.plan import Plan
from cap_core.plan.variables import Given
from cap_core.plugins import loader
from cap_core.plugins.context import Context, Send
from cap_core.plugins.messages import AsgiApp, HttpRequest, HttpResponse, Message
from cap_core.plugins.transport import Transport, TransportContext
from cap_core.runtime.options import OpenOptions
from cap_core.server.gateway import Gateway
from cap_core.server.listeners import ListenOptions

_PORT: Final = 8080
_TURN: Final = 50
"""Calls between two turns of the loop, which frees what calls leave behind (timers)."""

_CALLER = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "caller/1.0"}


class Case(msgspec.Struct, frozen=True):
    """One request to an app."""

    title: str
    app: AsgiApp
    asked: Asked
    right: Right


def _answers(body: bytes) -> HttpResponse:
    return HttpResponse(
        200,
        (
            (b"server", b"nginx/1.22.1"),
            (b"date", b"Mon, 01 Jan 2024 00:00:00 GMT"),
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(body)),
            (b"last-modified", b"Mon, 01 Jan 2024 00:00:00 GMT"),
            (b"connection", b"keep-alive"),
            (b"etag", b'"65920080-5d1"'),
            (b"accept-ranges", b"bytes"),
        ),
        body,
    )


_SMALL, _LARGE = _answers(SMALL), _answers(LARGE)


async def _at_once(request: HttpRequest, context: Context) -> HttpResponse:
    return _LARGE if request.target == b"/v1/export" else _SMALL


@asynccontextmanager
async def _open(at: TransportContext) -> AsyncIterator[Send]:
    yield _at_once


@asynccontextmanager
async def gateway() -> AsyncIterator[AsgiApp]:
    """The benchmark's document over the upstream that answers at once."""
    at_once = Transport(key="at-once", open=_open)
    registry = msgspec.structs.replace(loader.load(), transports={at_once.key: at_once})
    base = {"things": Given("http://127.0.0.1:1/v1", "--base-uri")}
    options = CompileOptions(base_uris=base, values={"THINGS_KEY": Given(KEY, "--set")})
    compiled = [compile_source(source, registry, options).plan for source in locate([str(DOCUMENT)], ())]
    app = Gateway(registry, ListenOptions(port=_PORT), OpenOptions(transport=at_once.key))
    await app.open(Plan(tuple(plan for plan in compiled if plan is not None)))
    try:
        yield app
    finally:
        await app.close()


def all_cases(cap: AsgiApp) -> list[Case]:
    """Every row: the gateway's, each after the shell that is its measure."""
    fetch = fetch_with(_at_once, KEY)
    forward, splice = forwarding(fetch), splicing(fetch)
    same, result = samples.same(SMALL), samples.result_of(SMALL)
    old, new = call_legacy("list-things"), call_modern("list-things")
    return [
        Case("shell", forward, get(LIST), same),
        Case("Cap, REST GET", cap, get(LIST), same),
        Case("Cap, REST GET, a client's headers", cap, msgspec.structs.replace(get(LIST), headers=_CALLER), same),
        Case("Cap, REST GET with two inputs", cap, get(ITEM), same),
        Case("MCP shell", splice, old, result),
        Case("Cap, MCP tools/call, 2025-11-25", cap, old, result),
        Case("Cap, MCP tools/call, 2026-07-28", cap, new, result),
        Case("shell, 100 KB", forward, get(EXPORT), samples.same(LARGE)),
        Case("Cap, REST GET, 100 KB", cap, get(EXPORT), samples.same(LARGE)),
        Case("MCP shell, 100 KB", splice, call_legacy("export-things"), samples.result_of(LARGE)),
        Case("Cap, MCP, 2025-11-25, 100 KB", cap, call_legacy("export-things"), samples.result_of(LARGE)),
        Case("Cap, MCP, 2026-07-28, 100 KB", cap, call_modern("export-things"), samples.result_of(LARGE)),
    ]


def scope_of(asked: Asked) -> Callable[[], dict[str, Any]]:
    """What uvicorn makes of a request; new for each, as an app may write into it."""
    path, _, query = asked.target.partition("?")
    fields = {"host": f"127.0.0.1:{_PORT}", **asked.headers}
    if asked.body:
        fields["content-length"] = str(len(asked.body))
    headers = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", _PORT),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "method": asked.method,
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "state": {},
    }
    return lambda: {**scope, "headers": headers.copy()}


async def check(case: Case) -> None:
    """Ask once, and look at the answer."""
    sent: list[Message] = []

    async def keep(message: Message) -> None:
        sent.append(message)

    await case.app(scope_of(case.asked)(), receive_of(case.asked), keep)
    body = b"".join(message.get("body", b"") for message in sent)
    if sent[0]["status"] != 200 or not case.right(body):
        raise Failure(f"{case.title}: a wrong answer: {sent[0]['status']} {body[:300]!r}")


def receive_of(asked: Asked) -> Callable[[], Any]:
    """The ASGI `receive` of a request whose body is there at once."""

    async def receive() -> Message:
        return {"type": "http.request", "body": asked.body, "more_body": False}

    return receive


async def drop(message: Message) -> None:
    """An ASGI `send` that keeps nothing."""


async def _times(case: Case, calls: int) -> float:
    """µs of processor time for each of so many calls."""
    app, scope, receive = case.app, scope_of(case.asked), receive_of(case.asked)
    used = 0
    for _ in range(calls // _TURN):
        begun = time.thread_time_ns()
        for _ in range(_TURN):
            await app(scope(), receive, drop)
        await asyncio.sleep(0)
        used += time.thread_time_ns() - begun
    return used / (calls // _TURN * _TURN) / 1000


async def measure(calls: int, rounds: int) -> Mapping[str, float]:
    """µs for each call, by title: the least of interleaved rounds, because what disturbs only adds."""
    async with gateway() as cap:
        cases = all_cases(cap)
        seen: dict[str, list[float]] = {case.title: [] for case in cases}
        for case in cases:
            await check(case)
        for _ in range(rounds):
            for case in cases:
                few = 10 if "100 KB" in case.title else 1
                seen[case.title].append(await _times(case, max(_TURN, calls // few)))
    return {title: min(times) for title, times in seen.items()}


async def _profiled(title: str, calls: int) -> None:
    async with gateway() as cap:
        case = next((case for case in all_cases(cap) if case.title == title), None)
        if case is None:
            raise click.UsageError(f"no case {title!r}; there are {', '.join(c.title for c in all_cases(cap))}")
        await _times(case, calls)
        profile = cProfile.Profile()
        profile.enable()
        await _times(case, calls)
        profile.disable()
    pstats.Stats(profile).sort_stats("tottime").print_stats(30)


def lines(times: Mapping[str, float]) -> Iterator[str]:
    """The times, for people: each with what it takes above the shell before it."""
    shell = 0.0
    for title, each in times.items():
        shell = each if "shell" in title else shell
        own = "" if "shell" in title else f"{each - shell:+9.1f}"
        yield f"{title:36}{each:9.1f}{own}"


@click.command
@click.option("--calls", type=click.IntRange(_TURN), default=2_000, show_default=True, help="For each case and round.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--profile", metavar="CASE", help="Profile one case instead.")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)
def main(calls: int, rounds: int, profile: str | None, format_: str) -> None:
    """Print µs for each call, and how much of that is above the shell."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if profile:
            runner.run(_profiled(profile, calls))
            return
        times = runner.run(measure(calls, rounds))
    click.echo(msgspec.json.encode(times) if format_ == "json" else "\n".join(lines(times)))


if __name__ == "__main__":
    main()
