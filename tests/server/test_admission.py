"""Which Host, Origin and Fetch Metadata a listener answers to (`docs/semantics.md`, callers)."""

from __future__ import annotations

import itertools
import socket
from pathlib import Path

import httpx
import pytest

from cap_core.server.listeners import ListenOptions
from cap_core.testing import gateway, upstream

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 200, id="no-origin"),
        pytest.param({"host": "localhost"}, 200, id="localhost"),
        pytest.param({"host": "127.0.0.1:1"}, 200, id="loopback-other-port"),
        pytest.param({"host": "evil.example"}, 421, id="foreign-host"),
        pytest.param({"host": "127.0.0.1.evil.example"}, 421, id="host-that-starts-well"),
        pytest.param({"host": "203.0.113.7"}, 421, id="address-of-another-machine"),
        pytest.param({"host": "[2001:db8::7]:80"}, 421, id="address-of-another-machine-in-brackets"),
        pytest.param({"host": "localhost:evil.example"}, 421, id="port-that-is-a-name"),
        pytest.param({"host": "127.0.0.1:"}, 200, id="port-that-is-empty"),
        pytest.param({"host": "localhost:65536"}, 421, id="port-that-is-too-large"),
        pytest.param({"host": "localhost:-1"}, 421, id="port-with-a-sign"),
        pytest.param({"host": "[::1]:x"}, 421, id="port-that-is-a-letter-behind-brackets"),
        pytest.param({"host": "[::1]x"}, 421, id="text-behind-brackets"),
        pytest.param({"host": "[::1]:80"}, 200, id="loopback-in-brackets"),
        pytest.param({"host": "public.example:80:80"}, 421, id="two-ports"),
        pytest.param({"host": ""}, 421, id="empty-host"),
        pytest.param({"host": "public.example"}, 200, id="allowed-host"),
        pytest.param({"origin": "https://evil.example"}, 403, id="foreign-origin"),
        pytest.param({"origin": "null"}, 403, id="null-origin"),
        pytest.param({"origin": "http://localhost:3000"}, 200, id="page-of-this-machine"),
        pytest.param({"origin": "http://localhost.evil.example"}, 403, id="page-of-a-name-that-starts-well"),
        pytest.param({"origin": "http://127.0.0.1.evil.example:3000"}, 403, id="page-of-an-address-that-starts-well"),
        pytest.param({"host": "public.example", "origin": "http://public.example"}, 200, id="page-of-the-own-host"),
        pytest.param(
            {"host": "public.example", "origin": "http://public.example.evil.example"}, 403, id="page-of-a-host-like-it"
        ),
        pytest.param(
            {"host": "public.example", "origin": "http://not-public.example"}, 403, id="page-of-a-host-that-ends-well"
        ),
        pytest.param(
            {"host": "public.example:81", "origin": "http://public.example:8181"}, 403, id="page-of-a-longer-port"
        ),
        pytest.param({"origin": "https://page.example"}, 200, id="allowed-origin"),
        pytest.param({"origin": "https://page.example.evil"}, 403, id="origin-that-starts-well"),
    ],
)
def test_host_and_origin(thing: Path, headers: dict[str, str], status: int) -> None:
    listening = ListenOptions(allow_hosts=("public.example",), allow_origins=("https://page.example",))
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, listening=listening) as cap:
        rest = httpx.get(cap.url + "/things/7", headers=headers)
        mcp = httpx.post(cap.url + "/mcp", json=LIST, headers=headers)

        assert (status, status) == (rest.status_code, mcp.status_code)
        assert (1 if status == 200 else 0) == len(api.requests)


@pytest.mark.parametrize(("reached", "status"), [("127.0.0.2", 200), ("127.0.0.1", 421)])
def test_an_address_is_ours_on_connections_that_reached_it(thing: Path, reached: str, status: int) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, listening=ListenOptions(host="0.0.0.0")) as cap:
        found = httpx.get(f"http://{reached}:{cap.port}/things/7", headers={"host": f"127.0.0.2:{cap.port}"})

        assert status == found.status_code


def test_an_address_is_not_ours_on_others_because_it_was_once(thing: Path) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, listening=ListenOptions(host="0.0.0.0")) as cap:
        found = [
            httpx.get(f"http://{reached}:{cap.port}/things/7", headers={"host": "127.0.0.2"}).status_code
            for reached in ("127.0.0.2", "127.0.0.1")
        ]

    assert [200, 421] == found


# --- Fetch Metadata ---------------------------------------------------------------------------------------------------

SITES = ("cross-site", "same-site", "same-origin", "none")
MODES = ("cors", "navigate", "no-cors", "same-origin", "websocket")
DESTINATIONS = [
    "audio",
    "audioworklet",
    "document",
    "embed",
    "empty",
    "fencedframe",
    "font",
    "frame",
    "iframe",
    "image",
    "json",
    "manifest",
    "object",
    "paintworklet",
    "report",
    "script",
    "serviceworker",
    "sharedworker",
    "style",
    "track",
    "video",
    "webidentity",
    "worker",
    "xslt",
]
"""All values of the standard, W3C Fetch Metadata Request Headers, and of the requests' destinations in Fetch."""


def fetched(site: str, mode: str, destination: str) -> dict[str, str]:
    return {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": destination}


def test_no_page_of_another_site_reaches_an_upstream_without_its_origin(thing: Path) -> None:
    statuses = {}
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap, httpx.Client() as browser:
        for values in itertools.product(SITES, MODES, DESTINATIONS):
            statuses[values] = browser.get(cap.url + "/things/7", headers=fetched(*values)).status_code

    let_in = {values for values, status in statuses.items() if status == 200}
    assert let_in == {values for values in statuses if values[0] in ("same-origin", "none")}
    assert {403} == {status for values, status in statuses.items() if values not in let_in}
    assert len(let_in) == len(api.requests)


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/health/ready", "/"])
def test_only_a_link_leads_from_another_site_to_our_own_pages(thing: Path, path: str) -> None:
    headers = {"accept": "text/html"}
    with gateway(thing) as cap, httpx.Client(headers=headers) as browser:
        found = {
            values: browser.get(cap.url + path, headers=fetched("cross-site", *values)).status_code
            for values in itertools.product(MODES, DESTINATIONS)
        }

    assert {("navigate", "document")} == {values for values, status in found.items() if status != 403}
    assert found["navigate", "document"] in (200, 302)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        pytest.param("GET", "/things/7", fetched("cross-site", "navigate", "document"), 403, id="a-link-to-a-route"),
        pytest.param("POST", "/mcp", fetched("cross-site", "no-cors", "empty"), 403, id="a-tool"),
        pytest.param("HEAD", "/docs", fetched("same-site", "navigate", "document"), 200, id="a-link-of-the-same-site"),
        pytest.param("POST", "/docs", fetched("cross-site", "navigate", "document"), 403, id="a-form-to-a-page"),
        pytest.param("GET", "/things/7", {"sec-fetch-site": "cross-site;a=1"}, 403, id="with-a-parameter"),
        pytest.param("GET", "/things/7", {"sec-fetch-site": "cross-site"}, 403, id="nothing-but-the-site"),
        pytest.param("GET", "/things/7", {"sec-fetch-site": "elsewhere"}, 200, id="no-value-of-the-standard"),
        pytest.param(
            "GET",
            "/things/7",
            fetched("cross-site", "cors", "empty") | {"origin": "https://page.example"},
            200,
            id="an-allowed-origin",
        ),
        pytest.param(
            "GET",
            "/things/7",
            fetched("same-origin", "cors", "empty") | {"origin": "https://evil.example"},
            403,
            id="a-foreign-origin",
        ),
    ],
)
def test_fetch_metadata(thing: Path, method: str, path: str, headers: dict[str, str], status: int) -> None:
    listening = ListenOptions(allow_origins=("https://page.example",))
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, listening=listening) as cap:
        assert status == httpx.request(method, cap.url + path, headers=headers).status_code


def test_a_document_whose_route_is_named_like_a_page_is_no_page(thing: Path) -> None:
    thing.write_text(thing.read_text().replace("- path: /things/{id}", "- path: /docs"))
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        link = fetched("cross-site", "navigate", "document")
        statuses = [httpx.get(cap.url + path, headers=link).status_code for path in ("/docs", "/openapi.json")]

    assert [403, 200] == statuses
    assert [] == api.requests


def test_every_page_is_let_in_by_a_star(thing: Path) -> None:
    listening = ListenOptions(allow_origins=("*",))
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, listening=listening) as cap:
        image = httpx.get(cap.url + "/things/7", headers=fetched("cross-site", "no-cors", "image"))
        call = httpx.get(cap.url + "/things/7", headers={"origin": "https://any.example"})

        assert (200, 200) == (image.status_code, call.status_code)


# --- the target -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET http://evil.example/things/7 HTTP/1.1\r\nHost: localhost", 421),
        ("GET http://evil.example/docs HTTP/1.1\r\nHost: localhost", 421),
        ("GET http://localhost@evil.example/things/7 HTTP/1.1\r\nHost: localhost", 421),
        ("GET http://localhost/things/7 HTTP/1.1\r\nHost: evil.example", 200),
        ("GET http://localhost:1/things/7?a=/ HTTP/1.1\r\nHost: localhost", 200),
        ("GET http://[::1]/things/7 HTTP/1.1\r\nHost: localhost", 200),
        ("GET /things/7 HTTP/1.1\r\nAccept: */*", 400),
        ("GET http://localhost/things/7 HTTP/1.1\r\nAccept: */*", 400),
        ("GET http://localhost/things/7 HTTP/1.1\r\nHost: localhost\r\nHost: localhost", 400),
        ("GET /things/7 HTTP/1.0\r\nHost: localhost", 200),
    ],
)
def test_the_authority_of_a_target_counts_before_the_host_header(thing: Path, head: str, status: int) -> None:
    """RFC 9112, 3.2.2."""
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        with socket.create_connection(("127.0.0.1", cap.port), timeout=5) as connection:
            connection.sendall(f"{head}\r\nConnection: close\r\n\r\n".encode())
            answer = connection.makefile("rb").read()

        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert (1 if status == 200 else 0) == len(api.requests)
