"""What `cap serve` says to people when it starts and stops."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from processes import environment
from waiting import until

Serving = Callable[..., Any]
CONSOLE = ("--port", "0", "--log-format", "text")


def test_the_last_line_says_that_it_has_stopped(serving: Serving, thing: Path) -> None:
    with serving(thing.name, *CONSOLE) as server:
        server.signal(signal.SIGTERM)
        assert 0 == server.ended()

    assert "stopped" == server.lines[-1]


def test_it_says_what_callers_must_show(serving: Serving, thing: Path) -> None:
    with serving(thing.name, *CONSOLE, "--caller-auth", "bearer:GATEWAY_TOKEN", GATEWAY_TOKEN="tok-one") as server:
        lines = [" ".join(line.split()) for line in server.lines]

    assert "callers bearer: the value of GATEWAY_TOKEN" in lines
    assert not any("tok-one" in line for line in lines)


def test_it_says_for_which_exposure_where_they_differ(serving: Serving, thing: Path) -> None:
    text = thing.read_text()
    thing.write_text(text.replace("    port: 9090\n", "    port: 9090\n    authentication: {type: bearer, token: k}\n"))
    with serving(thing.name, *CONSOLE) as server:
        lines = [" ".join(line.split()) for line in server.lines]

    assert "callers anybody who reaches this address things/things-rest" in lines
    assert "callers bearer things/things-mcp" in lines


def test_who_cannot_get_in_anywhere_is_one_line(serving: Serving, thing: Path) -> None:
    with serving(thing.name, "--port", "0", "--caller-auth", "bearer:GATEWAY_TOKEN") as server:
        said = [line for line in map(json.loads, server.lines) if "nobody can be let in" in line["event"]]

    assert ["nobody can be let in without GATEWAY_TOKEN, which has no value"] == [line["event"] for line in said]
    assert ["things/things-rest", "things/things-mcp"] == said[0]["exposures"]


def test_many_routes_are_summed_up(serving: Serving) -> None:
    with serving(*CONSOLE) as server:
        lines = [line.split() for line in server.lines]

    assert ["portkey-assistants", "23", "cap", "explain", "portkey-assistants"] in lines
    assert not any(line[:1] == ["GET"] for line in lines)
    assert len(lines) < 30


def test_what_is_not_set_is_named_at_once(serving: Serving) -> None:
    with serving(*CONSOLE) as server:
        assert any(
            "AIMLAPI_API_KEY and PORTKEY_API_KEY are not set; what needs one of them answers 503" in line
            for line in server.lines
        )
        # Portkey wants more than its key: nobody has to set that first to be told.
        assert any("no provider is chosen" in line for line in server.lines)


def test_nothing_is_wrong_with_what_is_installed(serving: Serving) -> None:
    with serving(*CONSOLE) as server:
        assert not any("cap check" in line for line in server.lines)


@pytest.fixture
def on_a_terminal(tmp_path: Path) -> Callable[..., contextlib.AbstractContextManager[Callable[[], str]]]:
    """Serve on a pseudo terminal of 80 columns; yields what is shown there so far. The gateway stops at the end."""

    @contextlib.contextmanager
    def serve(*words: str) -> Iterator[Callable[[], str]]:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 80, 0, 0))
        variables = environment({"TERM": "xterm"})
        del variables["COLUMNS"]
        shown = bytearray()

        def read() -> None:
            with contextlib.suppress(OSError):  # how Linux says that the other side is closed
                while part := os.read(ours, 65536):
                    shown.extend(part)

        command = [sys.executable, "-m", "cap_core", "serve", *words]
        process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path, env=variables)
        os.close(theirs)
        reader = threading.Thread(target=read)
        reader.start()
        try:
            until(lambda: b"ready:" in shown)
            yield lambda: shown.decode().replace("\r\n", "\n")
        finally:
            process.send_signal(signal.SIGINT)
            assert 0 == process.wait(60)
            reader.join()
            os.close(ours)

    return serve


def test_a_terminal_of_80_columns_is_wide_enough(
    on_a_terminal: Callable[..., contextlib.AbstractContextManager[Callable[[], str]]],
) -> None:
    with on_a_terminal("portkey-batch", "--port", "0", "--sandbox", "--access-log") as shown:
        url = next(line for line in shown().splitlines() if line.startswith("http://"))
        httpx.get(url + "/v1/batches")
        httpx.get(url + "/v1/batches/b-1/output")
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "listbatches"}}
        httpx.post(url + "/mcp", json=call, headers={"accept": "application/json, text/event-stream"})
        until(lambda: "POST /mcp 200" in shown())

    text = shown()
    assert [] == [line for line in text.splitlines() if len(line) > 80 and " warning " not in line]
    assert re.search(r"^\d\d:\d\d:\d\d GET /v1/batches 200 [\d.]+ms \(upstream 200, [\d.]+ms\) #\w{8}$", text, re.M)
    assert text.endswith("stopped\n")
