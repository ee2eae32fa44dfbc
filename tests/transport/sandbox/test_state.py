"""What was made is remembered: through a reload, through a restart where a file is given, and by nobody else."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from cap_core.errors import StartError, UpstreamError
from cap_core.plan.upstream import Upstream
from cap_core.plugins.context import Context
from cap_core.plugins.messages import HttpRequest
from cap_core.plugins.transport import TransportContext
from cap_plugins.transport import sandbox

THINGS = ("GET /things", "POST /things", "GET /things/{id}", "DELETE /things/{id}", "POST /things/{id}/parts")
MORE = (*THINGS, "GET /things/{id}/parts", "GET /models")


def ids(answer) -> list[str]:
    return [item["id"] for item in answer.json()["data"]]


def test_a_reload_keeps_what_was_made(write, served) -> None:
    document = write(*THINGS)
    with served(document) as cap:
        httpx.post(cap.url + "/things", json={"a": 1})
        cap.replace(document)
        unchanged = httpx.get(cap.url + "/things")
        cap.replace(write(*MORE))
        changed = httpx.get(cap.url + "/things")
        httpx.post(cap.url + "/things/thing_1/parts")
        parts = httpx.get(cap.url + "/things/thing_1/parts")

    assert ["thing_1"] == ids(unchanged) == ids(changed)
    assert ["part_1"] == ids(parts)


def test_a_namespace_that_was_away_for_a_while_is_as_it_was(direct) -> None:
    (offer,) = sandbox.cap_transports()
    api = direct(*THINGS, offer=offer)
    api("POST", "/things")
    api.close()

    assert ["thing_1"] == ids(direct(*THINGS, offer=offer)("GET", "/things"))


def test_namespaces_and_gateways_share_nothing(direct) -> None:
    (offer,) = sandbox.cap_transports()
    direct(*THINGS, offer=offer)("POST", "/things")
    others = [direct(*THINGS, offer=offer, namespace="other:api"), direct(*THINGS)]

    assert [[], []] == [ids(other("GET", "/things")) for other in others]
    assert ["thing_1"] * 2 == [other("POST", "/things").json()["id"] for other in others]


def test_a_file_outlives_a_restart(direct, tmp_path) -> None:
    file = tmp_path / "state.db"
    api = direct(*MORE, state=file)
    for _ in range(3):
        api("POST", "/things", {"a": 1})
    api("POST", "/things/thing_1/parts")
    api("DELETE", "/things/thing_3")
    models, before = api("GET", "/models").json(), api("GET", "/things").json()
    api.close()
    left = sorted(tmp_path.glob("state.db*"))
    again = direct(*MORE, state=file)

    assert [file] == left
    assert before == again("GET", "/things").json()
    assert models == again("GET", "/models").json()
    assert ["part_1"] == ids(again("GET", "/things/thing_1/parts"))
    assert "thing_4" == again("POST", "/things").json()["id"]


def test_what_a_killed_process_left_is_still_there(direct, tmp_path) -> None:
    """A file that nobody closed is read with its log."""
    file = tmp_path / "state.db"
    api = direct(*THINGS, state=file)
    api("POST", "/things")
    for part in tmp_path.glob("state.db*"):
        (tmp_path / part.name.replace("state", "copy")).write_bytes(part.read_bytes())

    assert ["thing_1"] == ids(direct(*THINGS, state=tmp_path / "copy.db")("GET", "/things"))


def test_namespaces_share_a_file_and_no_items(direct, tmp_path) -> None:
    (offer,) = sandbox.cap_transports()
    one, two = (direct(*THINGS, state=tmp_path / "s.db", offer=offer, namespace=name) for name in ("a", "b"))
    one("POST", "/things")

    assert [["thing_1"], []] == [ids(api("GET", "/things")) for api in (one, two)]
    one.close()
    assert "thing_1" == two("POST", "/things").json()["id"]


@pytest.mark.parametrize("where", ["missing/state.db", ".", "text.db", "other.db"])
def test_a_file_that_is_not_the_sandboxs_stops_the_start(direct, tmp_path, where) -> None:
    (tmp_path / "text.db").write_text("no database " * 100)
    other = sqlite3.connect(tmp_path / "other.db")
    other.execute("CREATE TABLE mine (a)")
    other.close()

    with pytest.raises(StartError, match="the sandbox cannot keep its state in"):
        direct(*THINGS, state=tmp_path / where)


def test_the_database_of_something_else_is_left_alone(direct, tmp_path) -> None:
    path = tmp_path / "other.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE mine (a)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StartError, match="something else"):
        direct(*THINGS, state=path)

    assert before == path.read_bytes()


def test_concurrent_requests_lose_nothing(serve) -> None:
    api = serve(*THINGS)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: api.post("/things", json={"n": n}).json(), range(64)))
    listed = api.get("/things").json()["data"]

    assert 64 == len({item["id"] for item in made})
    assert sorted(range(64)) == sorted(item["n"] for item in listed)


def test_two_processes_may_start_at_once(operations, tmp_path) -> None:
    """Whoever comes second to a new file waits, and finds it ready."""
    compiled = operations(*THINGS)

    async def opened(file: Path, together: threading.Barrier) -> None:
        at = TransportContext(
            upstream=Upstream("https", "x", 443), namespace="a", prefix="", operations=compiled, state=file
        )
        together.wait(60)
        async with sandbox.cap_transports()[0].open(at) as send:
            assert 200 == (await send(HttpRequest("POST", b"/things"), Context("rest"))).status

    for n in range(40):
        file, together = tmp_path / f"state-{n}.db", threading.Barrier(2)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _, f=file, t=together: asyncio.run(opened(f, t)), range(2)))


def test_two_processes_may_share_a_file(operations, direct, tmp_path) -> None:
    """Two offers are as good as two processes: each has a connection of its own, here in a thread of its own."""
    file = tmp_path / "state.db"
    compiled = operations(*THINGS)
    start = threading.Barrier(2)

    async def make(n: int) -> None:
        at = TransportContext(
            upstream=Upstream("https", "x", 443), namespace="a", prefix="", operations=compiled, state=file
        )
        async with sandbox.cap_transports()[0].open(at) as send:
            start.wait(60)
            for _ in range(50):
                assert 200 == (await send(HttpRequest("POST", b"/things"), Context("rest"))).status

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda n: asyncio.run(make(n)), range(2)))

    assert [f"thing_{n}" for n in range(1, 101)] == ids(direct(*THINGS, state=file, namespace="a")("GET", "/things"))


def test_a_file_that_fails_is_an_upstream_that_fails(direct, tmp_path) -> None:
    file = tmp_path / "state.db"
    api = direct(*THINGS, state=file)
    other = sqlite3.connect(file)
    other.execute("DROP TABLE items")
    other.close()

    with pytest.raises(UpstreamError, match="the sandbox's state cannot be used") as raised:
        api("GET", "/things")
    assert "reset" == raised.value.kind


def test_a_request_that_fails_halfway_leaves_nothing(direct) -> None:
    """The thread of a compound creation is not kept where its run cannot be made."""
    api = direct(
        "POST /threads",
        "GET /threads",
        "POST /threads/runs",
        "GET /threads/{id}/runs/{run}",
        "POST /threads/{id}/runs",
        "PUT /threads/{id}/runs",
    )
    api("POST", "/threads", {"id": "t"})
    taken = api("POST", "/threads/runs", {"thread": {"id": "t"}})

    assert 409 == taken.status
    assert ["t"] == ids(api("GET", "/threads"))
    assert "thread_1" == api("POST", "/threads").json()["id"]
