"""A new plan takes over by one assignment: nobody's request fails, and nothing of the old plan is left."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import locate
from cap_core.errors import CapError
from cap_core.plan.plan import Plan
from cap_core.plan.variables import Given
from cap_core.plugins import loader
from cap_core.runtime.options import OpenOptions
from cap_core.server.gateway import Gateway
from cap_core.server.listeners import ListenOptions
from cap_core.testing import Answered, gateway, upstream
from waiting import until


def test_a_reload_under_load_fails_no_request(thing: Path) -> None:
    done = threading.Event()
    statuses: list[int] = []

    def load(url: str) -> None:
        with httpx.Client() as client:
            while not done.is_set():
                statuses.append(client.get(url + "/things/7").status_code)

    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        threads = [threading.Thread(target=load, args=(cap.url,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(20):
            seen = len(statuses)
            cap.replace(thing)
            _until_longer(statuses, seen + 10)
        done.set()
        for thread in threads:
            thread.join()

    assert len(statuses) >= 200
    assert {200} == set(statuses)


def test_a_request_of_the_old_plan_ends_as_it_began(thing: Path) -> None:
    slow = Answered(body=[b"a", b"b", b"c"], pause=0.3)
    with upstream(lambda r: slow) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        with httpx.stream("GET", cap.url + "/things/7") as response:
            chunks = response.iter_raw()
            first = next(chunks)
            thing.write_text(thing.read_text().replace("/things/{id}\n  name", "/other/{id}\n  name"))
            cap.replace(thing)
            rest = b"".join(chunks)

    assert b"abc" == first + rest


def test_a_new_plan_serves_new_addresses_and_not_the_old(thing: Path) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        text = thing.read_text()
        before, _, exposes = text.partition("exposes:")
        thing.write_text(before + "exposes:" + exposes.replace("/things/{id}", "/items/{id}", 1))
        cap.replace(thing)

        assert (404, 200) == tuple(httpx.get(f"{cap.url}/{path}/7").status_code for path in ("things", "items"))


@pytest.mark.parametrize("edit", [lambda text: text + "\n  : [", lambda text: text.replace("type: rest", "type: soap")])
def test_a_bad_edit_keeps_the_last_good_plan(thing: Path, edit: Callable[[str], str]) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        thing.write_text(edit(thing.read_text()))
        with pytest.raises(CapError, match=r"things\.yaml:\d+:\d+: error"):
            cap.replace(thing)

        assert 200 == httpx.get(cap.url + "/things/7").status_code


def test_connections_survive_a_reload(thing: Path) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        pools = cap.gateway._pools._pools  # the one fact no caller can see: nothing was opened again
        before = dict(pools)
        cap.replace(thing)
        httpx.get(cap.url + "/things/7")

        assert before == dict(pools)


def _until_longer(items: list[int], length: int) -> None:
    until(lambda: len(items) >= length)


SLOW = """
import asyncio, contextlib
from cap_core import hookimpl, Transport

LOG = []

@contextlib.asynccontextmanager
async def opened(at):
    LOG.append(f"opening {at.upstream.port}")
    await asyncio.sleep(0.05)

    async def send(request, context):
        raise NotImplementedError

    try:
        yield send
    finally:
        LOG.append(f"closed {at.upstream.port}")

@hookimpl
def cap_transports():
    return [Transport(key="slow", open=opened)]
"""


class Changing:
    """A gateway whose upstreams take their time to open, and what happened to them."""

    def __init__(self, document: Path) -> None:
        plugin = document.parent / "slow_transport.py"
        plugin.write_text(SLOW)
        self.registry = loader.load(files=(plugin,))
        self.log: list[str] = sys.modules["cap_plugin_slow_transport"].LOG
        self.log.clear()
        self.gateway = Gateway(self.registry, ListenOptions(port=0), OpenOptions(transport="slow"))
        self.source = locate([str(document)], self.registry.capabilities)[0]

    def plan(self, port: int) -> Plan:
        options = CompileOptions(base_uris={"api": Given(f"http://127.0.0.1:{port}", "--base-uri")})
        compiled = compile_source(self.source, self.registry, options).plan
        assert compiled is not None
        return Plan((compiled,))


def test_a_gateway_that_closes_while_it_is_given_a_new_plan_leaves_nothing_open(thing: Path) -> None:
    changing = Changing(thing)

    async def close_meanwhile() -> None:
        await changing.gateway.open(changing.plan(1), {0: 1})
        replacing = asyncio.create_task(changing.gateway.replace(changing.plan(2)))
        while "opening 2" not in changing.log:
            await asyncio.sleep(0)
        await changing.gateway.close()
        await replacing

    asyncio.run(asyncio.wait_for(close_meanwhile(), 20))

    assert ["closed 1", "closed 2", "opening 1", "opening 2"] == sorted(changing.log)
    assert {} == changing.gateway.tables


def test_two_new_plans_at_once_are_served_one_after_the_other(thing: Path) -> None:
    changing = Changing(thing)

    async def replace_twice() -> None:
        await changing.gateway.open(changing.plan(1), {0: 1})
        await asyncio.gather(*(changing.gateway.replace(changing.plan(port)) for port in (2, 2, 3)))
        await changing.gateway.close()

    asyncio.run(asyncio.wait_for(replace_twice(), 20))

    assert [f"{what} {port}" for what in ("closed", "opening") for port in (1, 2, 3)] == sorted(changing.log)


def test_a_closed_gateway_takes_no_new_plan(thing: Path) -> None:
    changing = Changing(thing)

    async def replace_late() -> None:
        await changing.gateway.open(changing.plan(1), {0: 1})
        await changing.gateway.close()
        await changing.gateway.close()
        with pytest.raises(CapError, match="the gateway is closed"):
            await changing.gateway.replace(changing.plan(2))

    asyncio.run(asyncio.wait_for(replace_late(), 20))

    assert ["opening 1", "closed 1"] == changing.log
