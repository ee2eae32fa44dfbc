"""What `cap call` prints: bytes to a pipe, what can be read to a terminal, and a line where there is no result."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cap_core.testing import Answered, Recorded, Upstream, upstream
from processes import environment
from waiting import until

Cap = Callable[..., subprocess.CompletedProcess[str]]
PNG = b"\x89PNG\r\n\x1a\n\x00\x1b[2J\xff"


def answer(request: Recorded) -> Answered:
    match request.target.rpartition(b"/")[2].decode():
        case "away":
            return Answered(status=302, headers=((b"location", b"https://elsewhere.example/x"),))
        case "loop":
            return Answered(status=302, headers=((b"location", b"/things/loop"),))
        case "nowhere":
            return Answered(status=307)
        case "same":
            return Answered(status=304, body=b"")
        case "image":
            return Answered(headers=((b"content-type", b"image/png"),), body=PNG)
        case "text":
            return Answered(headers=((b"content-type", b"text/plain"),), body=[b"one \x1b[2Jt\xc3", b"\xbc"])
        case "wrong":
            return Answered(status=409, headers=((b"content-type", b"application/json"),), body=b'{"why":"taken"}')
        case "slow":
            return Answered(pause=60)
    return Answered(body=b'{"id":1,"more":[1,2]}')


@pytest.fixture
def api() -> Iterator[Upstream]:
    with upstream(answer) as running:
        yield running


@pytest.fixture
def words(thing: Path, api: Upstream) -> Callable[..., list[str]]:
    """The words of a call of the smallest document."""
    return lambda what, *more: [
        "call", thing.name, "GET /things/{id}", f"id={what}", "--base-uri", f"api={api.url}", *more
    ]  # fmt: skip


Words = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("what", "line"),
    [
        (
            "away",
            "api.get-thing answered 302 Found, which is not followed: the answer is at https://elsewhere.example/x",
        ),
        ("loop", "api: it redirects more than 5 times"),
        (
            "nowhere",
            "api.get-thing answered 307 Temporary Redirect, which is not followed: "
            "the answer is at an address it does not give",
        ),
        ("same", "api.get-thing answered 304 Not Modified: what the caller has is still good, and there is no body"),
    ],
)
def test_a_redirect_that_is_not_followed_is_no_success(cap: Cap, words: Words, what: str, line: str) -> None:
    result = cap(*words(what))

    assert (1, "") == (result.returncode, result.stdout)
    assert [line] == [re.sub(r"http://127\.0\.0\.1:\d+", "", one) for one in result.stderr.splitlines()]


def test_a_pipe_gets_the_bytes(words: Words, thing: Path) -> None:
    def out(what: str) -> bytes:
        command = [sys.executable, "-m", "cap_core", *words(what)]
        return subprocess.run(command, cwd=thing.parent, env=environment({}), capture_output=True, timeout=60).stdout

    assert b'{"id":1,"more":[1,2]}' == out("1")
    assert PNG == out("image")


def test_a_terminal_gets_what_can_be_read(terminal: Callable[..., str], words: Words) -> None:
    assert '{\n  "id": 1,\n  "more": [\n    1,\n    2\n  ]\n}\n' == terminal(*words("1"))
    shown = terminal(*words("text"))
    assert "one \\x1b[2Jt\u00fc\n" == shown
    shown = terminal(*words("image"))
    assert "the answer is image/png (14 bytes), which is not for a terminal; send it to a file\n" == shown


def test_the_head_stands_before_the_answer(cap: Cap, words: Words) -> None:
    result = cap(*words("1", "-i"))
    head, _, body = result.stdout.partition("\n\n")
    first, *headers = head.splitlines()

    assert re.fullmatch(r"200 OK in \d+ ms", first)
    assert "content-type: application/json" in headers
    assert ('{"id":1,"more":[1,2]}', 0, "") == (body, result.returncode, result.stderr)


@pytest.mark.parametrize(
    ("what", "status", "body"),
    [("wrong", "409 Conflict", '{"why":"taken"}'), ("away", "302 Found", "{}"), ("same", "304 Not Modified", "")],
)
def test_the_head_and_the_body_of_what_is_no_result_are_shown(
    cap: Cap, words: Words, what: str, status: str, body: str
) -> None:
    result = cap(*words(what, "-i"))
    head, _, shown = result.stdout.partition("\n\n")

    assert head.startswith(f"{status} in ")
    assert (body, 1) == (shown, result.returncode)
    assert f"api.get-thing answered {status}\n" == result.stderr


MAPPED = """\
- path: /things/{id}
  operations:
  - method: GET
    name: get-thing
    call: api.get-thing
    outputParameters: [{name: first, type: integer, mapping: '$.more[0]'}]
"""


def test_raw_is_the_decoded_answer_before_it_is_mapped(
    cap: Cap, things: Callable[..., Path], get_thing: str, words: Words
) -> None:
    things(get_thing, MAPPED)
    assert '{"first":1}' == cap(*words("1")).stdout
    assert '{"id":1,"more":[1,2]}' == cap(*words("1", "--raw")).stdout


def test_raw_shows_the_shape_that_mappings_see(cap: Cap, things: Callable[..., Path], get_thing: str) -> None:
    xml = get_thing.replace("method: GET\n", "method: GET\n    outputRawFormat: xml\n")
    with upstream(lambda _: Answered(headers=((b"content-type", b"text/xml"),), body=b"<a><b>1</b></a>")) as api:
        path = things(xml, MAPPED)
        result = cap("call", path.name, "GET /things/{id}", "id=1", "--raw", "--base-uri", f"api={api.url}")

    assert (0, "") == (result.returncode, result.stderr)
    assert result.stdout.startswith("{")
    assert '"b"' in result.stdout


def test_ctrl_c_ends_a_call_and_its_request(words: Words, thing: Path, api: Upstream) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "cap_core", *words("slow")],
        cwd=thing.parent,
        env=environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: api.requests)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert (130, b"", b"") == (process.returncode, out, err)
    assert api.gone.wait(20)
