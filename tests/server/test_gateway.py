"""A new plan takes over by one assignment: nobody's request fails, and nothing of the old plan is left."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.errors import CapError
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
