"""What a hostile or broken peer must not get: each of these once worked, or did harm."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cap_core.testing import PATIENCE, Answered, gateway, upstream
from effort import at_most

Things = Callable[..., Path]
REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"
TOOL = "- {name: get-thing, description: Get it., call: api.get-thing}"


def raw(port: int, request: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


@contextmanager
def sending(answer: bytes) -> Iterator[str]:
    """An upstream that answers every request with these very bytes."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline():
                while self.rfile.readline().strip():
                    pass
                self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_credential_in_a_base_uri_never_goes_over_plain_http(things: Things, get_thing: str) -> None:
    document = things(get_thing, REST)
    document.write_text(document.read_text().replace("https://api.example/base", "http://{{HOST}}/bot{{THINGS_KEY}}"))
    with gateway(document, values={"HOST": "api.example", "THINGS_KEY": "canary"}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (503, "urn:cap:problem:plaintext") == (response.status_code, response.json()["type"])
    assert "canary" not in response.text


def test_trailers_are_no_headers(thing: Path) -> None:
    with (
        upstream() as api,
        gateway(thing, base_uris={"api": api.url}, caller_auth="bearer:K", values={"K": "sesame"}) as cap,
    ):
        answer = raw(
            cap.port,
            b"GET /things/7 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
            b"0\r\nAuthorization: Bearer sesame\r\n\r\n",
        )

    assert answer.startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize("name", ["Host", "Authorization", "Origin"])
def test_what_decides_about_a_request_stands_in_it_once(thing: Path, name: str) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        lines = f"Host: localhost\r\n{name}: localhost\r\n{name}: evil.example\r\nConnection: close\r\n\r\n"
        answer = raw(cap.port, f"GET /things/7 HTTP/1.1\r\n{lines}".encode())

    assert answer.startswith(b"HTTP/1.1 400")
    assert [] == api.requests


@pytest.mark.parametrize("origin", ["http://[", "http://[::1", "//", ""])
def test_an_origin_that_is_none_is_refused(thing: Path, origin: str) -> None:
    with gateway(thing) as cap:
        assert 403 == httpx.get(cap.url + "/things/7", headers={"origin": origin}).status_code


def test_a_pattern_that_backtracks_holds_nobody_up(things: Things) -> None:
    consumes = (
        "resources:\n- path: /things\n  operations:\n  - name: op\n    method: GET\n    inputParameters:\n"
        "    - {name: q, in: query, type: string, pattern: '^(a|aa)+$'}\n"
    )
    document = things(consumes, "- path: /things\n  operations:\n  - {method: GET, name: op, call: api.op}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        with at_most(4000):
            refused = httpx.get(cap.url + "/things", params={"q": "a" * 200 + "!"})
        fine = httpx.get(cap.url + "/things", params={"q": "aaa"})

    assert (400, 200) == (refused.status_code, fine.status_code)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [("0012", b"12"), ("-007", b"-7"), ("9" * 5000, b"9" * 5000), ("0", b"0")],
    ids=["zeros", "negative", "huge", "zero"],
)
def test_an_integer_of_any_length_becomes_json(things: Things, text: str, spelled: bytes) -> None:
    consumes = (
        "resources:\n- path: /things\n  operations:\n  - name: op\n    method: POST\n    inputParameters:\n"
        "    - {name: n, in: body, type: integer}\n    - {name: other, in: body, type: string}\n"
    )
    document = things(consumes, "- path: /things\n  operations:\n  - {method: POST, name: op, call: api.op}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        assert 200 == httpx.post(cap.url + "/things", params={"n": text}).status_code

    assert b'{"n":' + spelled + b"}" == api.requests[0].body


@pytest.mark.parametrize("location", [b"http://[", b"/a b", "/é".encode(), b"http://u:p@127.0.0.1/"])
def test_a_redirect_that_is_no_address_is_the_answer(thing: Path, location: bytes) -> None:
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "get-thing", "arguments": {"id": "7"}},
    }
    with upstream(lambda r: Answered(302, ((b"location", location),), b"")) as api:
        with gateway(thing, base_uris={"api": api.url}) as cap:
            result = httpx.post(cap.url + "/mcp", json=call).json()["result"]

        assert 1 == len(api.requests)
    assert "302" in str(result)


@pytest.mark.parametrize(
    "answer",
    [Answered(status=999), Answered(status=600), Answered(headers=((b"etag", b'"\x0b"'),))],
    ids=["999", "600", "control-character"],
)
def test_an_answer_no_server_can_hand_on_is_502(thing: Path, answer: Answered) -> None:
    with upstream(lambda r: answer) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        response = httpx.get(cap.url + "/things/7")

    assert (502, "urn:cap:problem:upstream-malformed") == (response.status_code, response.json()["type"])


def test_pages_are_not_taken_by_placeholders(things: Things, get_thing: str) -> None:
    document = things(get_thing, REST.replace("/things/{id}", "/{a}/{id}"))
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        pages = [
            httpx.request(m, cap.url + p).status_code
            for m in ("GET", "HEAD")
            for p in ("/health/live", "/openapi.json", "/docs")
        ]

    assert [200] * 6 == pages
    assert [] == api.requests


def test_a_key_in_the_body_is_always_sent(things: Things) -> None:
    consumes = (
        "authentication: {type: apikey, key: k, value: '{{THINGS_KEY}}', placement: body}\n"
        "resources:\n- path: /things\n  operations:\n  - {name: op, method: POST}\n"
    )
    document = things(consumes, "- path: /things\n  operations:\n  - {method: POST, name: op, call: api.op}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": "s"}) as cap:
        httpx.post(cap.url + "/things", json={"a": 1})
        httpx.post(cap.url + "/things")

    assert [b'{"a":1,"k":"s"}', b'{"k":"s"}'] == [request.body for request in api.requests]


def test_an_open_event_stream_ends_when_the_gateway_stops(thing: Path) -> None:
    events = Answered(headers=((b"content-type", b"text/event-stream"),), body=[b"data: x\n\n"] * 1000, pause=0.05)
    with upstream(lambda r: events) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        with httpx.stream("GET", cap.url + "/things/7") as response:
            parts = response.iter_raw()
            next(parts)
            cap.gateway.drain()

            assert sum(1 for _ in parts) < 900  # ends whole: httpx raises where an answer breaks off
        assert api.gone.wait(PATIENCE)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_answer_without_a_body_leaves_the_connection_as_it_is(thing: Path, status: int, method: str) -> None:
    """A 304 may say how long the answer is that it stands for; what follows on the connection has to be answered."""
    head = f'HTTP/1.1 {status} X\r\nETag: "v1"\r\nContent-Length: {33 if status == 304 else 0}\r\n\r\n'.encode()
    asked = f'{method} /things/7 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: "v1"\r\n'
    with sending(head) as url, gateway(thing, base_uris={"api": url}) as cap:
        with socket.create_connection(("127.0.0.1", cap.port), timeout=5) as connection:
            connection.sendall(f"{asked}\r\n{asked}Connection: close\r\n\r\n".encode())
            answers = connection.makefile("rb").read()

    assert 2 == answers.count(b"HTTP/1.1 %d" % status)
    assert b'etag: "v1"' in answers
    assert b"content-length" not in answers


@pytest.mark.parametrize(
    ("media_type", "sandboxed"),
    [
        ("text/html", True),
        ("Text/HTML; charset=utf-8", True),
        ("application/xhtml+xml", True),
        ("image/svg+xml", True),
        ("text/xml", True),
        ("application/json", False),
        ("text/plain", False),
    ],
)
def test_no_script_of_an_upstream_runs_on_the_gateways_origin(thing: Path, media_type: str, sandboxed: bool) -> None:
    answer = Answered(headers=((b"content-type", media_type.encode()),), body=b"<script>alert(1)</script>")
    with upstream(lambda r: answer) as api, gateway(thing, base_uris={"api": api.url}) as cap:
        found = httpx.get(cap.url + "/things/7")

    assert "nosniff" == found.headers["x-content-type-options"]
    assert ("sandbox" if sandboxed else None) == found.headers.get("content-security-policy")


@pytest.mark.parametrize("path", ["/mcp", "/docs", "/openapi.json", "/health/live", "/nothing"])
def test_every_answer_is_what_it_says_it_is(thing: Path, path: str) -> None:
    with gateway(thing) as cap:
        assert "nosniff" == httpx.get(cap.url + path).headers["x-content-type-options"]
