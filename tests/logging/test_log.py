"""Log lines: one pipeline, no secrets, exceptions in one line."""

from __future__ import annotations

import base64
import json
import logging
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from cap_core.logging import log
from cap_core.logging.redaction import MASK, Redaction, hidden, redact

SECRET = 'p"w/+ü€ 7'
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Lines:
    """What was logged as JSON since the last time; nothing may have gone to stdout."""

    def read() -> list[dict[str, Any]]:
        out, err = capsys.readouterr()
        assert out == ""
        return [json.loads(line) for line in err.splitlines()]

    return read


def test_lines_are_json_away_from_a_terminal(lines: Lines) -> None:
    log.configure(None, "info")
    structlog.get_logger("cap.test").info("something", count=1, path=b"/x")

    (line,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line.pop("timestamp"))
    assert line == {"level": "info", "event": "something", "logger": "cap.test", "count": 1, "path": "/x"}


def test_people_get_text(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("console", "info")
    structlog.get_logger("cap.test").info("something", count=1)

    assert re.fullmatch(r"\d{4}-\S+Z something count=1\n", capsys.readouterr().err)


def test_request_ids_come_from_the_context(lines: Lines) -> None:
    log.configure("json", "info")
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        structlog.get_logger().info("inside")

    assert lines()[0]["request_id"] == "abc"


@pytest.mark.parametrize(
    ("level", "said"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_is_the_least_that_is_shown(lines: Lines, level: str, said: list[str]) -> None:
    log.configure("json", level)
    logger = structlog.get_logger()
    for one in ("debug", "info", "warning", "error"):
        getattr(logger, one)("line")

    assert [line["level"] for line in lines()] == said


def test_what_must_be_said_is_said_at_every_level(lines: Lines) -> None:
    log.configure("json", "error")
    log.always("ready", routes=1)

    assert lines()[0]["event"] == "ready"


def test_the_standard_library_goes_the_same_way(lines: Lines) -> None:
    log.configure("json", "info")
    logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=ValueError("no"))
    logging.getLogger("uvicorn.error").info("Started server process")
    logging.getLogger("litestar").warning("takes %s", 1)
    logging.getLogger("asyncio").warning("wrong %d", "text")
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        warnings.warn("old", UserWarning, stacklevel=1)

    said = [(line["logger"], line["event"].splitlines()[0], line.get("error")) for line in lines()]
    assert said[:3] == [
        ("uvicorn.error", "Exception in ASGI application", "ValueError: no"),
        ("litestar", "takes 1", None),
        ("asyncio", "wrong %d", None),
    ]
    assert said[3][0] == "py.warnings"


@pytest.mark.parametrize(
    "text",
    [
        "ASGI callable returned without completing response.",
        "Unsupported upgrade request.",
        'No supported WebSocket library detected. Please use "pip install …"',
    ],
)
def test_what_is_meant_to_happen_is_not_logged(lines: Lines, text: str) -> None:
    log.configure("json", "debug")
    logging.getLogger("uvicorn.error").error(text)

    assert lines() == []


def _failing() -> None:
    try:
        raise ValueError(f"line one\nline two {SECRET}")
    except ValueError as error:
        raise ExceptionGroup("several", [error]) from None


def test_an_exception_is_one_line(lines: Lines) -> None:
    redact([SECRET])
    log.configure("json", "info")
    try:
        _failing()
    except ExceptionGroup:
        structlog.get_logger().exception("it failed")

    (line,) = lines()
    assert line["error"].startswith("ValueError: line one line two *** (test_log.py:")
    assert "exception" not in line


def test_debugging_shows_the_traceback(lines: Lines) -> None:
    redact([SECRET])
    log.configure("json", "debug")
    try:
        _failing()
    except ExceptionGroup as error:
        structlog.get_logger().error("it failed", exc_info=error)

    (line,) = lines()
    assert "Traceback (most recent call last):" in line["exception"]
    assert SECRET not in line["exception"]


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda s: s, id="plain"),
        pytest.param(lambda s: f"https://x.example/?key={quote(s, safe='')}&a=1", id="percent-encoded"),
        pytest.param(quote_plus, id="form"),
        pytest.param(lambda s: base64.b64encode(s.encode()).decode(), id="base64"),
        pytest.param(lambda s: "Basic " + base64.b64encode(f"user:{s}".encode()).decode(), id="basic credentials"),
        pytest.param(lambda s: base64.urlsafe_b64encode(f"ab{s}cd".encode()).decode(), id="inside of base64"),
        pytest.param(lambda s: json.dumps({"key": s}), id="JSON"),
        pytest.param(lambda s: repr([s]), id="repr"),
    ],
)
def test_secrets_are_masked_in_every_spelling(lines: Lines, spell: Callable[[str], str]) -> None:
    redact([SECRET])
    log.configure("json", "info")
    text = spell(SECRET)
    structlog.get_logger().info(f"said {text}", again=text, deep=[{"x": (text,)}], raw=text.encode())
    logging.getLogger("asyncio").warning("said %s", text)

    for line in lines():
        for value in json.dumps(line, ensure_ascii=False).split("said"):
            assert text not in value
        assert "***" in line["event"]
        assert not _holds(line, SECRET)


def _holds(value: Any, secret: str) -> bool:
    """Whether a secret can be read in a value, decoded as base64 or not."""
    text = json.dumps(value, ensure_ascii=False)
    if secret in text:
        return True
    words = re.findall(r"[A-Za-z0-9+/_-]{8,}", text)
    decoded = (base64.b64decode(w[: len(w) // 4 * 4].replace("-", "+").replace("_", "/")) for w in words)
    return any(secret.encode() in one for one in decoded)


def test_short_values_are_no_secrets() -> None:
    redact(["on", "abc"])

    assert hidden("on and abc") == "on and abc"


@given(st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=6), st.text(), st.text())
def test_no_secret_survives(secret: str, before: str, after: str) -> None:
    redaction = Redaction()
    redaction.add([secret])

    assert secret not in redaction.text(before + secret + after)
    encoded = base64.b64encode((before + secret + after).encode()).decode()
    assert MASK in redaction.text(encoded)
