"""Large answers are read in processes of their own: bounded, stopped with their caller, and without secrets."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cap_core.testing import Answered, Running, gateway, upstream
from waiting import until

CONSUMES = """\
resources:
- path: /answer
  name: answer
  operations:
  - {{name: get-answer, method: GET, outputRawFormat: {format}}}
"""
REST = """\
- path: /answer
  operations:
  - method: GET
    name: get-answer
    call: api.get-answer
    outputParameters: [{name: all, mapping: $}]
"""
PLUGIN = """\
import os
import time

import msgspec
from cap_core import OutputMapper, hookimpl


class Options(msgspec.Struct):
    pass


def compile(options, at):
    def decode(body, content_type):
        if body.startswith(b"sleep"):
            while True:
                time.sleep(1)
        if body.startswith(b"spin"):
            while True:
                pass
        if body.startswith(b"memory"):
            return [[] for _ in range(10_000_000)]
        if body.startswith(b"end"):
            os._exit(1)
        return {"pid": os.getpid(), "variables": sorted(os.environ), "path": at.operation.path}

    return decode


@hookimpl
def cap_output_mappers():
    return [OutputMapper(key="odd", options=Options, compile=compile)]
"""


@pytest.fixture
def odd(things: Callable[..., Path], tmp_path: Path) -> Iterator[tuple[Running, list[bytes]]]:
    """A gateway with a format of a plugin's single file, and the answer to give next."""
    plugin = tmp_path / "odd_format.py"
    plugin.write_text(PLUGIN)
    path = things(CONSUMES.format(format="odd"), REST)
    given = [b""]
    with (
        upstream(lambda request: Answered(body=given[0])) as api,
        gateway(path, base_uris={"api": api.url}, plugin_files=[plugin]) as cap,
    ):
        yield cap, given


def large(begin: bytes) -> bytes:
    return begin.ljust(100_000, b".")


def children() -> set[str]:
    tasks = Path("/proc/self/task").iterdir()
    return {child for task in tasks for child in (task / "children").read_text().split()}


def test_a_large_answer_is_read_elsewhere_and_a_small_one_here(odd: tuple[Running, list[bytes]]) -> None:
    cap, given = odd
    given[0] = b"small"
    small = httpx.get(cap.url + "/answer").json()["all"]
    given[0] = large(b"large")
    first, second = (httpx.get(cap.url + "/answer").json()["all"] for _ in range(2))

    assert os.getpid() == small["pid"] != first["pid"]
    assert first["pid"] == second["pid"]


def test_a_process_gets_neither_variables_nor_addresses(
    odd: tuple[Running, list[bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    cap, given = odd
    monkeypatch.setenv("VENDOR_KEY", "secret")
    given[0] = large(b"large")
    seen = httpx.get(cap.url + "/answer").json()["all"]

    assert "VENDOR_KEY" not in seen["variables"]
    assert "" == seen["path"]


@pytest.mark.parametrize(
    ("begin", "why"),
    [
        pytest.param(b"memory", "too much memory", id="memory"),
        pytest.param(b"end", "too long", id="a-process-that-ends"),
    ],
)
def test_work_beyond_its_bounds_is_refused_and_the_next_is_done(
    odd: tuple[Running, list[bytes]], begin: bytes, why: str
) -> None:
    cap, given = odd
    given[0] = large(begin)
    answer = httpx.get(cap.url + "/answer", timeout=60)
    given[0] = large(b"large")

    assert 502 == answer.status_code
    assert f"api: the answer of 100000 bytes cannot be read: reading it takes {why}" == answer.json()["detail"]
    assert 200 == httpx.get(cap.url + "/answer").status_code


@pytest.mark.parametrize("begin", [b"sleep", b"spin"])
def test_work_whose_caller_left_is_stopped(odd: tuple[Running, list[bytes]], begin: bytes) -> None:
    cap, given = odd
    before = children()
    given[0] = large(begin)
    with httpx.Client() as client:
        try:
            client.get(cap.url + "/answer", timeout=2)
        except httpx.ReadTimeout:
            pass
        else:
            pytest.fail("it was answered")

    until(lambda: children() <= before)
    given[0] = large(b"large")
    assert 200 == httpx.get(cap.url + "/answer").status_code


def test_no_process_outlives_the_gateway(things: Callable[..., Path]) -> None:
    before = children()
    with (
        upstream(lambda request: Answered(body=b"a\n" + b"1\n" * 50_000)) as api,
        gateway(things(CONSUMES.format(format="csv"), REST), base_uris={"api": api.url}) as cap,
    ):
        assert 50_000 == len(httpx.get(cap.url + "/answer").json()["all"])
        assert children() - before

    assert children() <= before


def test_code_that_no_process_can_have_runs_here(things: Callable[..., Path], tmp_path: Path) -> None:
    """A decoder made inside of a function cannot be sent anywhere."""
    plugin = tmp_path / "closed_format.py"
    closed = PLUGIN.replace(
        'key="odd", options=Options, compile=compile', 'key="odd", options=Options, compile=lambda o, a: compile(o, a)'
    )
    plugin.write_text(closed)
    with (
        upstream(lambda request: Answered(body=large(b"large"))) as api,
        gateway(things(CONSUMES.format(format="odd"), REST), base_uris={"api": api.url}, plugin_files=[plugin]) as cap,
    ):
        assert os.getpid() == httpx.get(cap.url + "/answer").json()["all"]["pid"]
