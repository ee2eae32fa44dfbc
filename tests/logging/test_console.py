"""Log lines for people."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog

from cap_core.logging import log


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What was logged, without its time."""

    def read() -> str:
        stamp, _, rest = capsys.readouterr().err.partition(" ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", stamp)
        return rest

    log.configure("console", "info")
    return read


REQUEST = {
    "method": "POST",
    "path": "/mcp",
    "status": 200,
    "bytes": 272,
    "ms": 12.5,
    "door": "mcp",
    "capability": "portkey-batch",
    "tool": "listbatches",
    "operation": "portkey-batch.listbatches",
    "upstream_status": 200,
    "upstream_ms": 10.1,
    "client": "127.0.0.1",
    "request_id": "beb6f00dbeb6f00d0000000000000004",
}


def test_a_line_of_the_access_log_fits_80_columns(said: Callable[[], str]) -> None:
    structlog.get_logger("cap.access").info("request", **REQUEST)

    line = said()
    assert "POST /mcp 200 12.5ms listbatches (upstream 200, 10.1ms) #00000004\n" == line
    assert len("12:34:56 ") + len(line) <= 80


def test_a_request_that_failed_says_why_and_whose(said: Callable[[], str]) -> None:
    few = {"method": "GET", "path": "/x", "status": 401, "ms": 1.0, "request_id": "f" * 32}
    structlog.get_logger("cap.access").info("request", **few, error="unauthorized", caller="somebody")

    assert "GET /x 401 1ms unauthorized by somebody #ffffffff\n" == said()


def test_what_a_caller_sent_does_nothing_to_a_terminal(said: Callable[[], str]) -> None:
    few = {"method": "GET", "path": "/\x9b2J\x1b[2J", "status": 404, "ms": 1.0, "request_id": "f" * 32}
    structlog.get_logger("cap.access").info("request", **few)
    assert "GET /\\x9b2J\\x1b[2J 404 1ms #ffffffff\n" == said()

    structlog.get_logger("cap.failure").warning("caller refused", host="evil\x1b[2J.example", detail="two words")
    assert "warning caller refused: two words host=evil\\x1b[2J.example\n" == said()


def test_an_upstreams_status_says_enough(said: Callable[[], str]) -> None:
    structlog.get_logger("cap.access").info(
        "request", **REQUEST | {"status": 404, "upstream_status": 404, "error": "upstream-error"}
    )

    assert "POST /mcp 404 12.5ms listbatches (upstream 404, 10.1ms) #00000004\n" == said()


def test_a_traceback_stands_below_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", "debug")
    try:
        raise ValueError("no")
    except ValueError:
        structlog.get_logger().exception("it failed")

    first, *rest = capsys.readouterr().err.splitlines()
    assert first.endswith("error it failed")
    assert ("Traceback (most recent call last):", "ValueError: no") == (rest[0], rest[-1])


def test_a_terminal_shows_the_time_of_day_and_colors_levels(tmp_path: Path, terminal: Callable[..., str]) -> None:
    (tmp_path / "keys.env").write_text("X=1\n")
    (tmp_path / "keys.env").chmod(0o644)
    (tmp_path / "empty.yaml").write_text("naftiko: 1.0.0-alpha2\n")
    shown = terminal("serve", "empty.yaml", "--port", "0", "--env-file", "keys.env", columns=80)

    first = shown.splitlines()[0]
    assert re.match(r"\d\d:\d\d:\d\d \x1b\[33mwarning \x1b\[0mkeys\.env can be read", first)
