"""What `cap serve` says to people when it starts and stops."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
