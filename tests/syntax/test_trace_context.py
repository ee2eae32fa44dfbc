"""The trace of a caller goes along where it is valid, and nowhere else (W3C Trace Context, levels 1 and 2)."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import gateway, upstream

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
VALID = f"00-{TRACE}-{PARENT}-01"

# What is given, and what goes upstream; the comments are the names of the standard's own tests.
CASES = {
    VALID: VALID,  # valid
    f"00-{TRACE}-{PARENT}-00": f"00-{TRACE}-{PARENT}-00",  # not-sampled
    f"00-{TRACE}-{PARENT}-03": f"00-{TRACE}-{PARENT}-03",  # random-of-level-2
    f"{VALID}-what-the-future-will-be-like": None,  # version-00-with-more
    f"{VALID}-": None,  # version-00-with-a-dash
    f"cc-{TRACE}-{PARENT}-01": VALID,  # version-cc
    f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like": VALID,  # version-cc-with-more
    f"cc-{TRACE}-{PARENT}-01-": VALID,  # version-cc-with-a-dash
    f"cc-{TRACE}-{PARENT}-ff": f"00-{TRACE}-{PARENT}-03",  # version-cc-with-flags-of-its-own
    f"cc-{TRACE}-{PARENT}-01.what-the-future-will-be-like": None,  # version-cc-with-something-else
    f"cc-{TRACE}-{PARENT}-011": None,  # version-cc-with-longer-flags
    f"ff-{TRACE}-{PARENT}-01": None,  # version-ff
    f".0-{TRACE}-{PARENT}-01": None,  # version-illegal-characters-1
    f"0.-{TRACE}-{PARENT}-01": None,  # version-illegal-characters-2
    f"CC-{TRACE}-{PARENT}-01": None,  # version-in-capitals
    f"000-{TRACE}-{PARENT}-01": None,  # version-too-long-1
    f"0000-{TRACE}-{PARENT}-01": None,  # version-too-long-2
    f"0-{TRACE}-{PARENT}-01": None,  # version-too-short
    f"00-{'0' * 32}-{PARENT}-01": None,  # trace-id-all-zero
    f"cc-{'0' * 32}-{PARENT}-01": None,  # trace-id-all-zero-of-a-later-version
    f"00-.{TRACE[1:]}-{PARENT}-01": None,  # trace-id-illegal-characters-1
    f"00-{TRACE[:-1]}.-{PARENT}-01": None,  # trace-id-illegal-characters-2
    f"00-{TRACE.upper()}-{PARENT}-01": None,  # trace-id-in-capitals
    f"00-{TRACE}0-{PARENT}-01": None,  # trace-id-too-long
    f"00-{TRACE[:-1]}-{PARENT}-01": None,  # trace-id-too-short
    f"00-{TRACE}-{'0' * 16}-01": None,  # parent-id-all-zero
    f"00-{TRACE}-.{PARENT[1:]}-01": None,  # parent-id-illegal-characters-1
    f"00-{TRACE}-{PARENT[:-1]}.-01": None,  # parent-id-illegal-characters-2
    f"00-{TRACE}-{PARENT}0-01": None,  # parent-id-too-long
    f"00-{TRACE}-{PARENT[:-1]}-01": None,  # parent-id-too-short
    f"00-{TRACE}-{PARENT}-.0": None,  # trace-flags-illegal-characters-1
    f"00-{TRACE}-{PARENT}-0.": None,  # trace-flags-illegal-characters-2
    f"00-{TRACE}-{PARENT}-001": None,  # trace-flags-too-long
    f"00-{TRACE}-{PARENT}-1": None,  # trace-flags-too-short
    "xx-<script>alert(1)</script>!!!!!!!!!!!!!!!!!!!!!!!!!!!!!": None,  # markup
    "": None,  # nothing
}


@pytest.mark.parametrize("face", ["rest", "mcp-header", "mcp-member"])
def test_a_trace_goes_upstream_as_the_standard_has_it(thing: Path, face: str) -> None:
    sent = {}
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap, httpx.Client(base_url=cap.url) as client:
        for value in CASES:
            before = len(api.requests)
            ask(client, face, value)
            (request,) = api.requests[before:]
            sent[value] = (request.header("traceparent") or b"").decode() or None

    assert CASES == sent


def ask(client: httpx.Client, face: str, value: str) -> None:
    headers = {} if face == "mcp-member" else {"traceparent": value}
    if face == "rest":
        assert 200 == client.get("/things/7", headers=headers).status_code
        return
    meta = {"traceparent": value} if face == "mcp-member" else {}
    params = {"name": "get-thing", "arguments": {"id": "7"}, "_meta": meta}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    assert "result" in client.post("/mcp", json=call, headers=headers).json()


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ([VALID], True),
        (["xx-<script>alert(1)</script>!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"], False),
        ([f"00-{'0' * 32}-{PARENT}-01"], False),
        ([f"ff-{TRACE}-{PARENT}-01"], False),
        ([VALID, VALID], False),
    ],
    ids=["valid", "markup", "zeros", "version-ff", "twice"],
)
def test_a_request_id_is_a_valid_trace_or_our_own(
    thing: Path, serving: Callable[..., AbstractContextManager[Any]], given: list[str], kept: bool
) -> None:
    with serving(
        thing, "--port", "0", "--access-log", "--log-format", "json", "--base-uri", "api=http://127.0.0.1:1"
    ) as cap:
        found = httpx.get(cap.url + "/things/7", headers=[("traceparent", value) for value in given]).json()
        line = cap.wait_for('"path":"/things/7"')

    assert re.fullmatch("[0-9a-f]{32}", found["trace_id"])
    assert kept == (found["trace_id"] == TRACE)
    assert f'"request_id":"{found["trace_id"]}"' in line


def test_a_fork_makes_ids_of_its_own() -> None:
    """Two processes that continue one must not give two calls the same id."""
    program = (
        "import os, sys\nfrom cap_core.plugins.context import new_id\nnew_id()\n"
        "child = os.fork()\nsys.stdout.write(new_id() + chr(10))\nsys.stdout.flush()\n"
        "os._exit(0) if not child else os.waitpid(child, 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)

    assert 2 == len(set(done.stdout.split())), done.stdout
