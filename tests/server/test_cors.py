"""Pages of accepted origins may call and read answers; others may not (the CORS protocol of the Fetch standard)."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from cap_core.server.listeners import ListenOptions
from cap_core.testing import Answered, gateway, upstream

LISTED, LOCAL, FOREIGN = "https://page.example", "http://localhost:3000", "https://evil.example"
LISTENING = ListenOptions(allow_origins=(LISTED,))
PATHS = ["/things/7", "/mcp", "/mcp/things", "/health/live", "/openapi.json", "/nothing/here"]


def preflight(url: str, origin: str, method: str = "POST", headers: str = "content-type") -> httpx.Response:
    asked = {"origin": origin, "access-control-request-method": method, "access-control-request-headers": headers}
    return httpx.options(url, headers=asked)


@pytest.mark.parametrize("path", PATHS)
def test_a_preflight_is_answered_everywhere(thing: Path, path: str) -> None:
    with gateway(thing, listening=LISTENING, caller_auth="bearer:K", values={"K": "sesame"}) as cap:
        found = preflight(cap.url + path, LISTED, "PATCH", "authorization, mcp-protocol-version,x-key")

    assert (204, b"") == (found.status_code, found.content)
    assert {
        "access-control-allow-origin": LISTED,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PATCH",
        "access-control-allow-headers": "authorization, mcp-protocol-version, x-key",
        "access-control-max-age": "600",
    } == {name: value for name, value in found.headers.items() if name.startswith("access-control-")}
    assert "Origin" in found.headers["vary"]
    assert "content-length" not in found.headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("origin", "credentials"), [(LISTED, "true"), (LOCAL, None)])
def test_an_accepted_origin_reads_every_answer(thing: Path, path: str, origin: str, credentials: str | None) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, listening=LISTENING) as cap:
        found = httpx.get(cap.url + path, headers={"origin": origin})

    assert origin == found.headers["access-control-allow-origin"]
    assert credentials == found.headers.get("access-control-allow-credentials")
    assert "Origin" in found.headers["vary"]


def test_a_page_reads_why_it_is_not_let_in(thing: Path) -> None:
    with gateway(thing, listening=LISTENING, caller_auth="bearer:K", values={"K": "sesame"}) as cap:
        found = httpx.get(cap.url + "/things/7", headers={"origin": LISTED})

    assert (401, LISTED) == (found.status_code, found.headers["access-control-allow-origin"])
    assert "www-authenticate" in found.headers["access-control-expose-headers"]


def test_every_header_that_is_sent_can_be_read(thing: Path) -> None:
    headers = (
        (b"content-type", b"application/json"),
        (b"link", b'<http://elsewhere.example/>; rel="next"'),
        (b"retry-after", b"3"),
        (b"x-ratelimit-left", b"2"),
    )
    with upstream(lambda r: Answered(headers=headers)) as api:
        with gateway(thing, base_uris={"api": api.url}) as cap:
            found = httpx.get(cap.url + "/things/7", headers={"origin": LOCAL})

    exposed = {name.strip() for name in found.headers["access-control-expose-headers"].split(",")}
    assert {"link", "retry-after", "x-ratelimit-left"} <= exposed
    assert "content-type" not in exposed


def test_a_foreign_origin_gets_none_of_it(thing: Path) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, listening=LISTENING) as cap:
        answers = [preflight(cap.url + "/mcp", FOREIGN), httpx.get(cap.url + "/things/7", headers={"origin": FOREIGN})]

    assert [403, 403] == [answer.status_code for answer in answers]
    assert [] == [name for answer in answers for name in answer.headers if name.startswith("access-control")]
    assert [] == api.requests


def test_a_star_lets_every_page_in_without_its_cookies(thing: Path) -> None:
    with (
        upstream() as api,
        gateway(thing, base_uris={"api": api.url}, listening=ListenOptions(allow_origins=("*",))) as cap,
    ):
        answers = [preflight(cap.url + "/mcp", FOREIGN), httpx.get(cap.url + "/things/7", headers={"origin": FOREIGN})]

    assert ["*", "*"] == [answer.headers["access-control-allow-origin"] for answer in answers]
    assert [] == [answer for answer in answers if "access-control-allow-credentials" in answer.headers]


def test_options_without_an_origin_says_what_an_address_takes(thing: Path) -> None:
    with gateway(thing) as cap:
        found = httpx.options(cap.url + "/things/7")

    assert (204, "GET, HEAD, OPTIONS") == (found.status_code, found.headers["allow"])


def test_names_that_are_none_are_not_repeated_in_a_preflight(thing: Path) -> None:
    with gateway(thing) as cap:
        found = preflight(cap.url + "/mcp", LOCAL, "PO ST", "x-a, x b, (")

    assert "access-control-allow-methods" not in found.headers
    assert "x-a" == found.headers["access-control-allow-headers"]


# --- in a browser -----------------------------------------------------------------------------------------------------

PAGE = """<!doctype html><pre id="out"></pre><script type="module">
const out = document.getElementById("out");
const say = (line) => out.append(line + "\\n");
const rpc = { jsonrpc: "2.0", id: 1, method: "tools/list" };
const calls = [
  ["rest", "/things/7", {}],
  ["tools", "/mcp", { method: "POST", headers: { "Content-Type": "application/json", "Authorization": "Bearer x" },
    body: JSON.stringify(rpc) }],
];
for (const [name, path, init] of calls) {
  try {
    const answer = await fetch("GATEWAY" + path, init);
    say(`${name} ${answer.status} ${answer.headers.get("x-request-id")} ${(await answer.text()).includes("get-thing")}`);
  } catch (error) {
    say(`${name} refused`);
  }
}
</script>"""


class Site(http.server.ThreadingHTTPServer):
    """A web server of somebody else, which gives its page for every address."""

    page = ""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Site)
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(self.server.page.encode())

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def site() -> Iterator[Site]:
    with Site(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("listed", "shown"), [(True, "rest 200 r7 true\ntools 200 null true"), (False, "rest refused\ntools refused")]
)
def test_a_browser_lets_a_listed_page_call_and_read(
    thing: Path, drawn: Callable[[str], subprocess.CompletedProcess[str]], listed: bool, shown: str
) -> None:
    answer = Answered(headers=((b"content-type", b"application/json"), (b"x-request-id", b"r7")), body=b'"get-thing"')
    with upstream(lambda r: answer) as api, site() as elsewhere:
        origin = f"http://app.localhost:{elsewhere.server_port}"
        listening = ListenOptions(allow_origins=(origin,) if listed else ())
        with gateway(thing, base_uris={"api": api.url}, listening=listening) as cap:
            elsewhere.page = PAGE.replace("GATEWAY", cap.url)
            page = drawn(origin)

    assert f'<pre id="out">{shown}\n</pre>' in page.stdout
    assert (1 if listed else 0) == len(api.requests)
