"""Answers that are compressed although identity was asked for: read whole, or known to be cut."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator

import httpx
import pytest

from cap_core.errors import Refusal
from cap_core.plugins.messages import HttpResponse
from cap_core.runtime.content_coding import decoded
from cap_core.runtime.workers import Workers
from cap_core.testing import Answered, Recorded, Running, gateway, upstream

DOCUMENT = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - path: /things/{id}
      operations:
      - {name: get-thing, method: GET, outputRawFormat: json}
      - {name: read-thing, method: GET, outputRawFormat: text}
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - path: /json/{id}
      operations:
      - {method: GET, name: j, call: api.get-thing, outputParameters: [{name: v, type: array, mapping: $.v}]}
    - path: /text/{id}
      operations:
      - {method: GET, name: t, call: api.read-thing, outputParameters: [{name: text, type: string, mapping: $}]}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - {name: get-thing, description: Get it., call: api.get-thing}
"""
THING = json.dumps({"v": list(range(20_000))}).encode()
GZIP = gzip.compress(THING)
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
RAW_DEFLATE = RAW.compress(THING) + RAW.flush()
HALF = len(THING) // 2

WHOLE = {
    "gzip": ("gzip", GZIP),
    "two-members": ("gzip", gzip.compress(THING[:HALF]) + gzip.compress(THING[HALF:])),
    "an-empty-member-first": ("gzip", gzip.compress(b"") + GZIP),
    "zeros-behind": ("gzip", GZIP + bytes(16)),
    "another-name": ("x-gzip", GZIP),
    "in-capitals": ("GZIP", GZIP),
    "deflate": ("deflate", zlib.compress(THING)),
    "deflate-without-a-header": ("deflate", RAW_DEFLATE),
    "identity-and-gzip": ("identity, gzip", GZIP),
    "gzip-twice": ("gzip, gzip", gzip.compress(GZIP)),
    "deflate-then-gzip": ("deflate, gzip", gzip.compress(zlib.compress(THING))),
}
BROKEN = {
    "cut-in-the-middle": ("gzip", GZIP[: len(GZIP) // 2]),
    "without-its-trailer": ("gzip", GZIP[:-8]),
    "half-a-trailer": ("gzip", GZIP[:-3]),
    "a-wrong-checksum": ("gzip", GZIP[:-8] + b"\0\0\0\0" + GZIP[-4:]),
    "garbage-behind": ("gzip", GZIP + b"garbage"),
    "a-second-member-that-is-cut": ("gzip", GZIP + GZIP[:100]),
    "deflate-that-is-cut": ("deflate", zlib.compress(THING)[:-10]),
    "garbage-behind-deflate": ("deflate", zlib.compress(THING) + b"garbage"),
    "garbage-behind-raw-deflate": ("deflate", RAW_DEFLATE + b"garbage"),
    "raw-deflate-that-is-cut": ("deflate", RAW_DEFLATE[:-10]),
    "no-gzip-at-all": ("gzip", THING),
    "cut-inside-of-two": ("gzip, gzip", gzip.compress(GZIP[:-20])),
    "unknown": ("br", b"anything"),
    "a-bomb": ("gzip", gzip.compress(b" " * 200_000_000, 1)),
}
BODIES = {**WHOLE, **BROKEN}


def answer(request: Recorded) -> Answered:
    coding, body = BODIES[request.target.removeprefix(b"/things/").decode()]
    headers = ((b"content-type", b"application/json"), (b"content-encoding", coding.encode()))
    return Answered(headers=headers, body=body)


@pytest.fixture(scope="module")
def cap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    path = tmp_path_factory.mktemp("coding") / "things.yaml"
    path.write_text(DOCUMENT)
    with upstream(answer) as api, gateway(path, base_uris={"api": api.url}) as running:
        yield running


def call_tool(cap: Running, name: str) -> dict[str, object]:
    params = {"name": "get-thing", "arguments": {"id": name}}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    headers = {"mcp-protocol-version": "2025-11-25"}
    result: dict[str, object] = httpx.post(cap.url + "/mcp", json=message, headers=headers).json()["result"]
    return result


@pytest.mark.parametrize("name", WHOLE)
def test_every_member_is_read(cap: Running, name: str) -> None:
    mapped = httpx.get(f"{cap.url}/json/{name}")
    text = httpx.get(f"{cap.url}/text/{name}")
    result = call_tool(cap, name)

    assert (200, json.loads(THING)) == (mapped.status_code, mapped.json())
    assert {"text": THING.decode()} == text.json()
    assert json.loads(THING) == result["structuredContent"]
    assert "content-encoding" not in mapped.headers


@pytest.mark.parametrize("name", BROKEN)
def test_a_cut_answer_never_looks_like_a_whole_one(cap: Running, name: str) -> None:
    for face in ("json", "text"):
        answer = httpx.get(f"{cap.url}/{face}/{name}")
        assert (502, "urn:cap:problem:upstream-malformed") == (answer.status_code, answer.json()["type"])
    assert call_tool(cap, name)["isError"]


def test_an_untouched_answer_is_handed_on_as_it_is(thing, document) -> None:
    with upstream(lambda request: answer(Recorded("GET", b"/things/gzip", (), b""))) as api:
        with gateway(thing, base_uris={"api": api.url}) as running:
            found = httpx.get(running.url + "/things/1", headers={"accept-encoding": "gzip"})

    assert ("gzip", json.loads(THING)) == (found.headers["content-encoding"], found.json())


LIMIT = 10_000_000


async def without_codings(response: HttpResponse) -> HttpResponse:
    workers = Workers()
    try:
        return await decoded(response, LIMIT, "api", workers, None)
    finally:
        workers.close()


BOMB = b" " * 200_000_000
TINY_MEMBERS = gzip.compress(b"") * 20_000


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        pytest.param(b"gzip", gzip.compress(BOMB, 1), id="gzip"),
        pytest.param(b"deflate", zlib.compress(BOMB, 1), id="deflate"),
        pytest.param(b"gzip, gzip", gzip.compress(gzip.compress(BOMB, 1), 1), id="gzip-in-gzip"),
    ],
)
def test_what_an_answer_may_become_is_bounded(coding: bytes, body: bytes) -> None:
    response = HttpResponse(200, ((b"content-encoding", coding),), body)
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            asyncio.run(without_codings(response))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 4 * LIMIT


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        pytest.param(b"gzip", TINY_MEMBERS, id="large"),
        pytest.param(b"gzip, gzip", gzip.compress(TINY_MEMBERS), id="small-and-large-within"),
    ],
)
def test_a_large_answer_is_decoded_beside_other_calls(coding: bytes, body: bytes) -> None:
    async def others_have_a_turn() -> bool:
        decoding = asyncio.ensure_future(without_codings(HttpResponse(200, ((b"content-encoding", coding),), body)))
        await asyncio.sleep(0)
        before = not decoding.done()
        await decoding
        return before

    assert asyncio.run(others_have_a_turn())
