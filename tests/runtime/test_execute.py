"""What callers get back: bytes untouched, mapped outputs, failures told apart (`docs/semantics.md`, the response)."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cap_core.plan.upstream import Timeouts
from cap_core.runtime.options import OpenOptions, UpstreamOptions
from cap_core.testing import PATIENCE, Answered, Recorded, gateway, upstream

JSON = ((b"content-type", b"application/json"),)


def call_tool(url: str, name: str, arguments: dict[str, object]) -> dict[str, object]:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
    response = httpx.post(url + "/mcp", json=message, headers={"mcp-protocol-version": "2025-11-25"})
    result: dict[str, object] = response.json()["result"]
    return result


def test_an_upstream_error_keeps_its_status_and_body(thing: Path) -> None:
    refused = Answered(
        404, (*JSON, (b"x-request-id", b"r1"), (b"connection", b"keep-alive")), b'{"error":"no such thing"}'
    )
    with upstream(lambda r: refused) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")
        result = call_tool(cap.url, "get-thing", {"id": "7"})

    assert (404, b'{"error":"no such thing"}') == (response.status_code, response.content)
    assert "r1" == response.headers["x-request-id"]
    assert result["isError"]
    assert "404" in str(result)
    assert "no such thing" in str(result)


def test_headers_that_are_the_upstreams_own_stay_there(thing: Path) -> None:
    headers = (*JSON, (b"set-cookie", b"a=b"), (b"server", b"s"), (b"etag", b'"1"'), (b"ratelimit-limit", b"5"))
    with upstream(lambda r: Answered(headers=headers)) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert {"etag", "ratelimit-limit", "content-type"} <= set(response.headers)
    assert not {"set-cookie", "server"} & set(response.headers)


def test_a_stream_arrives_as_it_is_sent(thing: Path) -> None:
    arrived, in_time = threading.Event(), []

    def events() -> Iterator[bytes]:
        yield b"data: 1\n\n"
        in_time.append(arrived.wait(PATIENCE))
        yield b"data: 2\n\n"

    with (
        upstream(lambda r: Answered(headers=((b"content-type", b"text/event-stream"),), body=events())) as api,
        gateway(thing, base_uris={"api": api.url}) as cap,
        httpx.stream("GET", cap.url + "/things/7", timeout=2 * PATIENCE) as response,
    ):
        chunks = response.iter_raw()
        first = next(chunks)
        arrived.set()
        rest = b"".join(chunks)

    assert (b"data: 1\n\n", b"data: 2\n\n") == (first, rest)
    assert [True] == in_time


def test_an_upstream_that_breaks_off_breaks_the_answer_off(thing: Path) -> None:
    broken = Answered(body=(b'{"a":', b"1}"), cut=1, pause=0.1)
    with upstream(lambda r: broken) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(cap.url + "/things/7")
        result = call_tool(cap.url, "get-thing", {"id": "7"})

    assert result["isError"]


def test_a_caller_who_leaves_mid_stream_frees_the_upstream(thing: Path) -> None:
    endless = Answered(body=[b"data: x\n\n"] * 300, pause=0.1, headers=((b"content-type", b"text/event-stream"),))
    with upstream(lambda r: endless) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        with httpx.stream("GET", cap.url + "/things/7") as response:
            next(response.iter_raw())

        assert api.gone.wait(PATIENCE)


def raw_server(answer: bytes | None) -> tuple[str, Callable[[], None]]:
    """A socket that sends `answer` to whatever comes and closes, or sends nothing until the other side closes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.recv(65536)
            if answer is None:
                connection.recv(1)
            else:
                connection.sendall(answer)
            connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}", listening.close


@pytest.mark.parametrize(
    ("answer", "status", "slug"),
    [
        pytest.param(b"", 502, "upstream-unreachable", id="closes-without-an-answer"),
        pytest.param(b"hello\r\n\r\n", 502, "upstream-malformed", id="not-http"),
        pytest.param(None, 504, "upstream-timeout", id="says-nothing"),
    ],
)
def test_failures_before_an_answer_are_told_apart(thing: Path, answer: bytes | None, status: int, slug: str) -> None:
    url, close = raw_server(answer)
    quick = OpenOptions(upstreams={"api": UpstreamOptions(timeouts=Timeouts(first_byte=0.5, idle=0.5))})
    with gateway(thing, base_uris={"api": url}, opening=quick) as cap:
        response = httpx.get(cap.url + "/things/7")
    close()

    assert status == response.status_code
    problem = response.json()
    assert "application/problem+json" == response.headers["content-type"]
    assert f"urn:cap:problem:{slug}" == problem["type"]
    assert ("things", "api.get-thing") == (problem["capability"], problem["operation"])
    assert problem["spec"].startswith(f"{thing}:")
    assert 32 == len(problem["trace_id"])


def test_an_upstream_that_is_not_there_is_502(thing: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with gateway(thing, base_uris={"api": f"http://127.0.0.1:{port}"}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (502, "urn:cap:problem:upstream-unreachable") == (response.status_code, response.json()["type"])


def redirecting(request: Recorded) -> Answered:
    if request.target == b"/old":
        return Answered(302, ((b"location", b"/new"),), b"")
    if request.target == b"/away":
        return Answered(302, ((b"location", b"http://localhost:1/"),), b"")
    if request.target.startswith(b"/loop"):
        return Answered(302, ((b"location", request.target + b"x"),), b"")
    return Answered(body=b'{"at":"%b"}' % request.target)


def test_redirects_are_the_callers_on_rest_and_followed_on_mcp(thing: Path) -> None:
    document = thing.read_text().replace("/things/{id}", "/{id}").replace("path: //", "path: /")
    thing.write_text(document)
    with upstream(redirecting) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        kept = httpx.get(cap.url + "/old")
        followed = call_tool(cap.url, "get-thing", {"id": "old"})
        sent = [r.target for r in api.requests]
        away = call_tool(cap.url, "get-thing", {"id": "away"})
        before = len(api.requests)
        call_tool(cap.url, "get-thing", {"id": "loop"})
        loops = len(api.requests) - before

    assert (302, "/new") == (kept.status_code, kept.headers["location"])
    assert {"at": "/new"} == followed["structuredContent"]
    assert [b"/old", b"/old", b"/new"] == sent
    assert "http://localhost:1/" in str(away)
    assert 6 == loops


MAPPED = """\
- path: /things/{id}
  operations:
  - method: GET
    name: get-thing
    call: api.get-thing
    outputParameters:
    - {name: title, type: string, mapping: $.data.name}
    - {name: count, type: integer, mapping: $.data.tags.length}
    - {name: price, type: number, mapping: $.data.price}
    - {name: sold, type: boolean, mapping: $.data.sold}
    - {name: nothing, type: string, mapping: $.absent}
    - name: tags
      type: array
      mapping: $.data.tags
      items: {type: object, properties: [{name: label, type: string, mapping: $.l}]}
"""
DATA = b'{"data":{"name":7,"tags":[{"l":"a","z":1},{"l":"b"}],"price":"1.5","sold":"true"}}'


@pytest.fixture
def mapped(things: Callable[..., Path], get_thing: str) -> Path:
    return things(get_thing, MAPPED, name="mapped.yaml")


def test_outputs_are_mapped_and_typed(mapped: Path) -> None:
    with upstream(lambda r: Answered(body=DATA)) as api, gateway(mapped, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert {
        "title": "7",
        "count": 2,
        "price": 1.5,
        "sold": True,
        "nothing": None,
        "tags": [{"label": "a"}, {"label": "b"}],
    } == response.json()
    assert "application/json" == response.headers["content-type"]


def test_outputs_shape_successes_only(mapped: Path) -> None:
    with (
        upstream(lambda r: Answered(422, JSON, b'{"why":"so"}')) as api,
        gateway(mapped, base_uris={"api": api.url}) as cap,
    ):
        response = httpx.get(cap.url + "/things/7")

    assert (422, {"why": "so"}) == (response.status_code, response.json())


def test_an_answer_that_is_not_its_format_is_502(mapped: Path) -> None:
    with upstream(lambda r: Answered(body=b"<html>")) as api, gateway(mapped, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (502, "urn:cap:problem:upstream-malformed") == (response.status_code, response.json()["type"])


def test_strict_outputs_refuse_a_mapping_that_finds_nothing(mapped: Path) -> None:
    strict = OpenOptions(strict_outputs=True)
    with upstream(lambda r: Answered(body=DATA)) as api:
        with gateway(mapped, base_uris={"api": api.url}, opening=strict) as cap:
            response = httpx.get(cap.url + "/things/7")

    assert (502, "urn:cap:problem:nothing-found") == (response.status_code, response.json()["type"])
    assert "$.absent" in response.json()["detail"]


def test_a_coding_that_was_not_asked_for_is_removed_where_the_answer_is_read(mapped: Path, thing: Path) -> None:
    zipped = Answered(headers=(*JSON, (b"content-encoding", b"gzip")), body=gzip.compress(DATA))
    with upstream(lambda r: zipped) as api:
        with gateway(mapped, base_uris={"api": api.url}) as cap:
            assert "7" == httpx.get(cap.url + "/things/7").json()["title"]
        with gateway(thing, base_uris={"api": api.url}) as cap:
            assert 7 == call_tool(cap.url, "get-thing", {"id": "7"})["structuredContent"]["data"]["name"]
            raw = httpx.get(cap.url + "/things/7", headers={"accept-encoding": "gzip"})

    assert "gzip" == raw.headers["content-encoding"]
    assert b"gzip" == api.requests[-1].header("accept-encoding")


def test_an_answer_larger_than_its_limit_is_refused_where_it_is_read(mapped: Path) -> None:
    huge = Answered(body=[b" " * 1_000_000] * 12)
    with upstream(lambda r: huge) as api, gateway(mapped, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (502, True) == (response.status_code, "larger than" in response.json()["detail"])


def test_head_and_options_and_405(thing: Path) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        head = httpx.head(cap.url + "/things/7")
        options = httpx.options(cap.url + "/things/7")
        wrong = httpx.delete(cap.url + "/things/7")
        nowhere = httpx.get(cap.url + "/nothing")

    assert (200, b"") == (head.status_code, head.content)
    assert ["HEAD"] == [r.method for r in api.requests]
    assert (204, {"GET", "HEAD", "OPTIONS"}) == (options.status_code, set(options.headers["allow"].split(", ")))
    assert (405, "application/problem+json") == (wrong.status_code, wrong.headers["content-type"])
    assert "GET" in wrong.headers["allow"]
    assert (404, "application/problem+json") == (nowhere.status_code, nowhere.headers["content-type"])


@pytest.fixture
def three_faces(things: Callable[..., Path], get_thing: str) -> Path:
    """A thing untouched, mapped, and as a tool."""
    call = "name: {name}, method: GET, call: api.get-thing"
    outputs = "outputParameters: [{name: a, mapping: $.a}]"
    rest = f"""\
- path: /things/{{id}}
  operations:
  - {{{call.format(name="untouched")}}}
- path: /mapped/{{id}}
  operations:
  - {{{call.format(name="mapped")}, {outputs}}}
"""
    return things(get_thing, rest, "- {name: get-thing, description: Get it., call: api.get-thing}")


def slowly(request: Recorded) -> Answered:
    return Answered(body=[b"  "] * 20 + [b'{"a": 1}'], pause=0.05)


def test_an_answer_that_is_collected_has_a_time_of_its_own(three_faces: Path) -> None:
    with (
        upstream(slowly) as api,
        gateway(three_faces, base_uris={"api": api.url}, opening=OpenOptions(collecting=0.3)) as cap,
    ):
        untouched, mapped = (httpx.get(f"{cap.url}/{path}/7") for path in ("things", "mapped"))
        tool = call_tool(cap.url, "get-thing", {"id": "7"})

    assert {"a": 1} == untouched.json()
    assert (504, "urn:cap:problem:upstream-timeout") == (mapped.status_code, mapped.json()["type"])
    assert "unless the 'total' of the upstream says otherwise" in mapped.text
    assert tool["isError"]
    assert "HTTP 504" in str(tool["content"])


def test_the_total_of_the_upstream_counts_instead(three_faces: Path) -> None:
    own = OpenOptions(collecting=0.3, upstreams={"api": UpstreamOptions(timeouts=Timeouts(total=PATIENCE))})
    with upstream(slowly) as api, gateway(three_faces, base_uris={"api": api.url}, opening=own) as cap:
        mapped = httpx.get(cap.url + "/mapped/7", timeout=PATIENCE)
        tool = call_tool(cap.url, "get-thing", {"id": "7"})

    assert {"a": 1} == mapped.json() == tool["structuredContent"]
