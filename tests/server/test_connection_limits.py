"""How many callers' connections there may be: upstreams keep descriptors of their own, and the log says it in time."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from cap_core.server.connection_limits import ConnectionLimits
from cap_core.testing import PATIENCE, gateway, upstream

FILES = 200
FEW = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES}))
from cap_core.cli import main
sys.exit(main())
"""


@contextlib.contextmanager
def idle(port: int, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)) for _ in range(count)
        ]


def test_one_too_many_is_refused_and_the_others_are_served(thing: Path) -> None:
    limits = ConnectionLimits(connections=3)
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, limits=limits) as cap:
        with httpx.Client() as known, idle(cap.port, 2):
            assert 200 == known.get(cap.url + "/things/7").status_code
            refused = httpx.get(cap.url + "/things/7")

            assert (503, "urn:cap:problem:too-many-connections") == (refused.status_code, refused.json()["type"])
            assert "1" == refused.headers["retry-after"]
            assert 200 == known.get(cap.url + "/things/7").status_code
        assert 200 == httpx.get(cap.url + "/things/7").status_code


def test_upstreams_are_reached_where_callers_take_all_descriptors_they_can(
    thing: Path, started: Callable[..., AbstractContextManager[Any]]
) -> None:
    words = ("serve", thing, "--port", "0", "--base-uri")
    with upstream() as api, started("-c", FEW, *words, f"api={api.url}") as cap, httpx.Client() as known:
        port = int(cap.url.rpartition(":")[2])
        assert 200 == known.get(cap.url + "/health/live").status_code
        with idle(port, FILES + 60) as connections:
            cap.wait_for("further callers are refused")

            assert 200 == known.get(cap.url + "/things/7").status_code
            assert b"HTTP/1.1 503 " == connections[-1].recv(13)

    assert 1 == sum("all 136 connections for callers are open" in line for line in cap.lines)
    (warned,) = [line for line in cap.lines if " of 136 connections for callers are open" in line]
    assert "ulimit -n" in warned


@pytest.mark.parametrize("name", ["head-timeout", "body-timeout"])
def test_a_request_may_not_take_no_time_at_all(cap: Callable[..., Any], thing: Path, name: str) -> None:
    done = cap("serve", thing, f"--{name}", "0")

    assert (2, True) == (done.returncode, f"--{name} must be a number of seconds above 0, not '0'" in done.stderr)


def test_the_flags_limit_a_request(thing: Path, serving: Callable[..., AbstractContextManager[Any]]) -> None:
    with serving(thing, "--port", "0", "--head-timeout", "0.2", "--body-timeout", "0.2") as cap:
        port = int(cap.url.rpartition(":")[2])
        answers = []
        for begun in (
            b"GET /",
            b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(begun)
                answers.append(connection.makefile("rb").read()[:13])

    assert [b"HTTP/1.1 408 "] * 2 == answers


def test_a_handshake_has_no_more_time_than_a_head(
    thing: Path, serving: Callable[..., AbstractContextManager[Any]], tmp_path: Path
) -> None:
    issued = trustme.CA().issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    with serving(thing, "--port", "0", "--tls-cert", chain, "--tls-key", key, "--head-timeout", "0.2") as cap:
        with socket.create_connection(("127.0.0.1", int(cap.url.rpartition(":")[2])), timeout=PATIENCE) as connection:
            assert b"" == connection.recv(1)
