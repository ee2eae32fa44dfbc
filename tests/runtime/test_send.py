"""Every fault of an upstream on every face: each is told as what it is, and a pool of one connection serves the next call.

An upstream's body belongs to the step that sends until it is handed over.
"""

from __future__ import annotations

import gzip
import socket
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from cap_core.cli import main
from cap_core.plan.upstream import Timeouts
from cap_core.runtime.options import OpenOptions, UpstreamOptions
from cap_core.testing import PATIENCE, Answered, Recorded, Running, Upstream, gateway, upstream
from waiting import until

DOCUMENT = """\
naftiko: 1.0.0-alpha2
info: {label: Things, description: Things for tests.}
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - path: /things/{id}
      operations:
      - {name: get-thing, method: GET, outputRawFormat: json}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - path: /things/{id}
      operations:
      - {method: GET, name: get-thing, call: api.get-thing}
    - path: /mapped/{id}
      operations:
      - method: GET
        name: map-thing
        call: api.get-thing
        outputParameters: [{name: v, type: integer, mapping: $.v}]
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - {name: get-thing, description: Get it., call: api.get-thing}
    - name: map-thing
      description: Map it.
      call: api.get-thing
      outputParameters: [{name: v, type: integer, mapping: $.v}]
"""

JSON = (b"content-type", b"application/json")
BIG = [b"x" * 70_000] * 40
"""More than fits into the buffers on the way, so that it is unread when the answer is refused."""
TEXT = b'{"v":1}' + b" " * 100_000
GZIP = gzip.compress(TEXT)
HALF = GZIP[: len(GZIP) // 2]
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
RAW_DEFLATE = RAW.compress(TEXT) + RAW.flush()
BOMB = gzip.compress(b" " * 100_000_000, 1)

CUT = "cut"
"""What a caller gets whose answer had begun when the upstream broke off."""
ERROR = True
MODERN = "2026-07-28"
FOLLOWED = 5
"""How many redirects of one call."""


class Case(msgspec.Struct, frozen=True):
    """What the upstream answers; and what a caller gets of it untouched, mapped, and as a tool's result."""

    answer: Answered
    untouched: int | str
    mapped: int | str
    error: bool
    mapped_error: bool
    then: tuple[str, ...] = ()
    """The targets of the redirects that are followed where the gateway reads the answer."""


def refused(answer: Answered) -> Case:
    """An answer that nobody can be given."""
    return Case(answer, 502, 502, ERROR, ERROR)


def encoded(coding: bytes, body: bytes | list[bytes], **more: bool) -> Answered:
    return Answered(headers=(JSON, (b"content-encoding", coding)), body=body, **more)


def unread(coding: bytes, body: bytes | list[bytes], **more: bool) -> Case:
    """An encoded answer that cannot be decoded: whoever takes it untouched does that, or not, himself."""
    return Case(encoded(coding, body, **more), 200, 502, ERROR, ERROR)


def read(coding: bytes, body: bytes | list[bytes], **more: bool) -> Case:
    return Case(encoded(coding, body, **more), 200, 200, not ERROR, not ERROR)


def redirect(location: bytes, *then: str, fails: bool) -> Case:
    """A redirect; to a tool's caller it is a failure in any case, for nothing was done."""
    status = 502 if fails else 302
    return Case(Answered(302, (JSON, (b"location", location)), BIG), 302, status, ERROR, ERROR, then)


CASES = {
    # What no caller can be given.
    "control-character": refused(Answered(headers=(JSON, (b"x-a", b"a\x01b")), body=BIG)),
    "status-600": refused(Answered(600, (JSON,), BIG)),
    "no-status": refused(Answered(1, (JSON,), b"")),
    # Redirects: to where none leads, the redirect is the answer, which is no success for a tool.
    "malformed-redirect": redirect(b"/things/a blank", fails=False),
    "redirect-without-an-address": redirect(b"http://[", fails=False),
    "redirect-elsewhere": redirect(b"https://elsewhere.example/things/ok", fails=False),
    "redirect-in-a-loop": redirect(b"/things/redirect-in-a-loop", *["redirect-in-a-loop"] * FOLLOWED, fails=True),
    "redirect-to-status-600": redirect(b"/things/status-600", "status-600", fails=True),
    "redirect-to-unknown-coding": redirect(b"/things/unknown-coding", "unknown-coding", fails=True),
    "redirect-to-cut-gzip": redirect(b"/things/cut-gzip", "cut-gzip", fails=True),
    # Bodies.
    "too-large": Case(Answered(body=[b" " * 1_000_000] * 12), 200, 502, ERROR, ERROR),
    "not-json": Case(Answered(body=[b"<html>"]), 200, 502, not ERROR, ERROR),
    "not-json-and-large": Case(Answered(body=BIG), 200, 502, not ERROR, ERROR),
    "cut-body": Case(Answered(body=[b'{"v":', b"1}"], cut=1), CUT, 502, ERROR, ERROR),
    "refusal-that-is-cut": Case(Answered(404, (JSON,), [b'{"v":', b"1}"], cut=1), CUT, CUT, ERROR, ERROR),
    # Framing: a body that is not framed as its head says, and a coding that nobody undoes.
    "transfer-coding": refused(Answered(headers=(JSON, (b"transfer-encoding", b"gzip")), body=GZIP, until_close=True)),
    "until-the-end": Case(Answered(body=TEXT, until_close=True), 200, 200, not ERROR, not ERROR),
    "no-body": Case(Answered(body=b""), 200, 200, not ERROR, not ERROR),
    "blanks": Case(Answered(body=b" \r\n"), 200, 200, not ERROR, not ERROR),
    "no-content": Case(Answered(204, (), b""), 204, 204, not ERROR, not ERROR),
    "not-found": Case(Answered(404, (JSON,), b'{"why":1}'), 404, 404, ERROR, ERROR),
    "failed": Case(Answered(500, (), b""), 500, 500, ERROR, ERROR),
    "login-page": Case(Answered(headers=((b"content-type", b"text/html"),), body=b"<p>"), 200, 502, not ERROR, ERROR),
    # Content codings.
    "unknown-coding": unread(b"br", BIG),
    "one-unknown-coding-of-two": unread(b"gzip, br", BIG),
    "too-many-codings": unread(b"gzip, gzip, gzip, gzip, gzip, gzip", BIG),
    "no-gzip": unread(b"gzip", BIG),
    "cut-gzip": unread(b"gzip", HALF),
    "cut-gzip-in-chunks": unread(b"gzip", [HALF]),
    "cut-gzip-until-the-end": unread(b"gzip", HALF, until_close=True),
    "gzip-without-its-trailer": unread(b"gzip", GZIP[:-8]),
    "gzip-and-garbage": unread(b"gzip", GZIP + b"garbage"),
    "gzip-and-half-a-member": unread(b"gzip", GZIP + HALF),
    "cut-deflate": unread(b"deflate", zlib.compress(TEXT)[:-8]),
    "deflate-and-garbage": unread(b"deflate", zlib.compress(TEXT) + b"garbage"),
    "cut-raw-deflate": unread(b"deflate", RAW_DEFLATE[:-8]),
    "cut-gzip-in-gzip": unread(b"gzip, gzip", gzip.compress(HALF)),
    "gzip-bomb": unread(b"gzip", BOMB),
    "gzip-bomb-in-gzip": unread(b"gzip, gzip", gzip.compress(BOMB)),
    "gzip-in-a-cut-body": Case(
        Answered(headers=(JSON, (b"content-encoding", b"gzip")), body=[GZIP[:20], GZIP[20:]], cut=1),
        CUT,
        502,
        ERROR,
        ERROR,
    ),
    "gzip": read(b"gzip", GZIP),
    "gzip-in-chunks": read(b"gzip", [HALF, GZIP[len(HALF) :]]),
    "gzip-until-the-end": read(b"gzip", GZIP, until_close=True),
    "two-members": read(b"gzip", gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:])),
    "deflate": read(b"deflate", zlib.compress(TEXT)),
    "raw-deflate": read(b"deflate", RAW_DEFLATE),
    "identity-and-gzip": read(b"identity, gzip", GZIP),
    "gzip-twice": read(b"gzip, gzip", gzip.compress(GZIP)),
}

WAITING = {
    "slow-head": Answered(pause=600),
    "slow-body": Answered(body=[b"{", b"}"], pause=600),
    "slow-gzip": Answered(headers=(JSON, (b"content-encoding", b"gzip")), body=[HALF, b""], pause=600),
    "redirect-to-slow-head": Answered(302, (JSON, (b"location", b"/things/slow-head")), BIG),
}

ONE = OpenOptions(upstreams={"api": UpstreamOptions(connections=1, timeouts=Timeouts(connect=PATIENCE / 2))})


def answer(request: Recorded) -> Answered:
    id = request.target.removeprefix(b"/things/").decode()
    if id == "ok":
        return Answered(body=b'{"v":1}')
    return WAITING[id] if id in WAITING else CASES[id].answer


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Upstream]]:
    """A gateway with one connection to its upstream."""
    path = tmp_path_factory.mktemp("send") / "things.yaml"
    path.write_text(DOCUMENT)
    with upstream(answer) as api, gateway(path, base_uris={"api": api.url}, opening=ONE) as cap:
        yield cap, api


def untouched(cap: Running, id: str) -> int | str:
    """The status of an answer that is taken as it comes, with its body."""
    with httpx.stream("GET", f"{cap.url}/things/{id}", timeout=PATIENCE) as found:
        try:
            for _ in found.iter_raw():
                pass
        except httpx.RemoteProtocolError:
            return CUT
        return found.status_code


def mapped(cap: Running, id: str) -> int | str:
    try:
        found = httpx.get(f"{cap.url}/mapped/{id}", timeout=PATIENCE)
    except httpx.RemoteProtocolError:
        return CUT
    assert found.status_code != 200 or not found.content or found.json() == {"v": 1}
    return found.status_code


def call_tool(cap: Running, name: str, id: str, version: str = "2025-11-25") -> bool:
    params: dict[str, object] = {"name": name, "arguments": {"id": id}}
    headers = {"mcp-protocol-version": version}
    if version == MODERN:
        about = {"protocolVersion": MODERN, "clientInfo": {"name": "t", "version": "1"}, "clientCapabilities": {}}
        params["_meta"] = {f"io.modelcontextprotocol/{key}": value for key, value in about.items()}
        headers |= {"mcp-method": "tools/call", "mcp-name": name}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    result = httpx.post(cap.url + "/mcp", json=message, headers=headers, timeout=PATIENCE).json()["result"]
    return bool(result.get("isError"))


def tool(cap: Running, id: str) -> bool:
    return call_tool(cap, "get-thing", id)


def mapped_tool(cap: Running, id: str) -> bool:
    return call_tool(cap, "map-thing", id)


def modern_tool(cap: Running, id: str) -> bool:
    return call_tool(cap, "get-thing", id, MODERN)


def modern_mapped_tool(cap: Running, id: str) -> bool:
    return call_tool(cap, "map-thing", id, MODERN)


FACES: dict[str, tuple[Callable[[Running, str], object], object]] = {
    "untouched": (untouched, 200),
    "mapped": (mapped, 200),
    "tool": (tool, not ERROR),
    "mapped-tool": (mapped_tool, not ERROR),
    "modern-tool": (modern_tool, not ERROR),
    "modern-mapped-tool": (modern_mapped_tool, not ERROR),
}


def expected(case: Case, face: str) -> object:
    return {
        "untouched": case.untouched,
        "mapped": case.mapped,
        "tool": case.error,
        "mapped-tool": case.mapped_error,
        "modern-tool": case.error,
        "modern-mapped-tool": case.mapped_error,
    }[face]


@pytest.mark.parametrize("id", CASES)
@pytest.mark.parametrize("face", FACES)
def test_the_next_call_is_served(served: tuple[Running, Upstream], face: str, id: str) -> None:
    cap, api = served
    api.requests.clear()
    call, fine = FACES[face]
    got = call(cap, id)
    after = call(cap, "ok")

    assert expected(CASES[id], face) == got
    assert fine == after
    further = () if face == "untouched" else CASES[id].then
    assert [id, *further, "ok"] == [r.target.removeprefix(b"/things/").decode() for r in api.requests]


def get(path: str) -> bytes:
    return b"GET /%b HTTP/1.1\r\nHost: localhost\r\n\r\n" % path.encode()


def post(name: str, id: str) -> bytes:
    body = msgspec.json.encode(
        {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": {"id": id}}}
    )
    head = "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
    return f"{head}Mcp-Protocol-Version: 2025-11-25\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


ASKING: dict[str, Callable[[str], bytes]] = {
    "untouched": lambda id: get(f"things/{id}"),
    "mapped": lambda id: get(f"mapped/{id}"),
    "tool": lambda id: post("get-thing", id),
    "mapped-tool": lambda id: post("map-thing", id),
}


# An untouched redirect is an answer, so nobody waits behind it.
@pytest.mark.parametrize(
    ("face", "id"),
    [(face, id) for face in ASKING for id in WAITING if (face, id) != ("untouched", "redirect-to-slow-head")],
)
def test_the_next_call_is_served_after_a_caller_has_gone(served: tuple[Running, Upstream], face: str, id: str) -> None:
    cap, api = served
    api.requests.clear()
    api.gone.clear()
    redirected = id.startswith("redirect")
    with socket.create_connection(("127.0.0.1", cap.port), PATIENCE) as caller:
        caller.sendall(ASKING[face](id))
        until(lambda: len(api.requests) == 1 + redirected)
        if face == "untouched" and id != "slow-head":
            assert caller.recv(65536).startswith(b"HTTP/1.1 200 ")

    assert api.gone.wait(PATIENCE)
    assert mapped(cap, "ok") == 200
    assert len(api.requests) == 2 + redirected


@pytest.mark.parametrize("id", CASES)
@pytest.mark.parametrize("name", ["get-thing", "map-thing"])
def test_the_shell_tells_the_same(
    served: tuple[Running, Upstream], tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes], name: str, id: str
) -> None:
    _, api = served
    path = tmp_path / "things.yaml"
    path.write_text(DOCUMENT)
    code = main(["call", str(path), name, f"id={id}", "--base-uri", f"api={api.url}"])
    said = capfdbinary.readouterr().err.decode()

    failed = CASES[id].error if name == "get-thing" else CASES[id].mapped_error
    if (name, id) == ("get-thing", "too-large"):
        failed = not ERROR  # the shell gets bytes as they come, and keeps none of them
    assert (1 if failed is ERROR else 0) == code, said
    assert not failed or 1 <= said.count("\n") <= 2, said


def test_the_matrix_is_whole() -> None:
    """One cell for each fault and face, those of the shell included."""
    assert {"cut-body", "cut-gzip", "transfer-coding", "redirect-in-a-loop", "status-600", "too-large"} < set(CASES)
    assert len(CASES) * (len(FACES) + 2) >= 360
