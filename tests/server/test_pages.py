"""The page to read and try an API: whole in itself, fit for a strict policy, and never reading text as markup."""

from __future__ import annotations

import email
import re
import subprocess
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import httpx
import pytest

from browser import Browser
from cap_core.testing import gateway, upstream
from waiting import until

Drawn = subprocess.CompletedProcess[str]
REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"
TOOL = "- {name: get-thing, description: Get it., call: api.get-thing}"
FILES = resources.files("cap_core.server.pages")


@pytest.fixture(params=["docs.html", "docs.css", "docs.js"])
def file(request):
    return (FILES / request.param).read_text("utf-8")


def test_nothing_is_fetched_from_elsewhere(file):
    assert [] == re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}|@import|url\(", file)


def test_the_page_has_no_script_and_no_style_of_its_own_inline():
    html = (FILES / "docs.html").read_text("utf-8")

    assert [] == re.findall(r"<style|style=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", html)
    assert ['href="docs/docs.css"', 'src="docs/docs.js"'] == re.findall(r'(?:href|src)="docs/[^"]+"', html)


def test_the_script_never_reads_text_as_markup_or_code():
    script = (FILES / "docs.js").read_text("utf-8")

    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|srcdoc|\.style\b"
    assert [] == re.findall(forbidden, script)


def test_nothing_is_kept_in_the_browser():
    script = (FILES / "docs.js").read_text("utf-8")

    assert [] == re.findall(r"localStorage|sessionStorage|indexedDB|document\.cookie", script)


def test_a_browser_shows_operations_and_tools(thing: Path, drawn: Callable[[str], Drawn]) -> None:
    """Headless Chromium runs the page's script under its own policy; what it drew is in the DOM."""
    with gateway(thing) as cap:
        page = drawn(cap.url + "/docs")

    assert "/things/{id}" in page.stdout
    assert "get-thing" in page.stdout
    assert "/mcp/things" in page.stdout
    assert "Content Security Policy" not in page.stderr


# --- who may see what -------------------------------------------------------------------------------------------------

SECRET_WORDS = ("thing", "api.example", "sesame")


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.css", "/docs/docs.js"])
def test_the_page_opens_without_a_credential_and_names_nothing(thing: Path, path: str) -> None:
    """It is the same for every gateway."""
    with gateway(thing, caller_auth="bearer:K", values={"K": "sesame"}) as cap:
        page = httpx.get(cap.url + path)

    assert 200 == page.status_code
    assert (FILES / (path.rpartition("/")[2] if "." in path else "docs.html")).read_bytes() == page.content


@pytest.mark.parametrize(
    ("auth", "challenge"),
    [("bearer:K", 'Bearer realm="cap"'), ("apikey:X-Gw:K", 'ApiKey realm="cap", header="X-Gw"')],
)
def test_what_is_served_is_guarded_and_its_refusal_names_nothing_of_it(thing: Path, auth: str, challenge: str) -> None:
    with gateway(thing, caller_auth=auth, values={"K": "sesame"}) as cap:
        refused = httpx.get(cap.url + "/openapi.json")

    assert (401, challenge) == (refused.status_code, refused.headers["www-authenticate"])
    assert [] == [word for word in SECRET_WORDS if word in refused.text + str(refused.headers).lower()]


def test_what_a_caller_does_not_see_is_asked_for(things: Callable[..., Path], get_thing: str) -> None:
    """An open exposure is shown to everybody, together with what the others ask for."""
    document = things(get_thing, REST, TOOL)
    guard = "authentication: {type: apikey, key: X-Gw, value: '{{THINGS_KEY}}', placement: header}"
    document.write_text(document.read_text().replace("namespace: things-mcp", f"namespace: things-mcp\n    {guard}"))
    with gateway(document, values={"THINGS_KEY": "sesame"}) as cap:
        stranger = httpx.get(cap.url + "/openapi.json")
        known = httpx.get(cap.url + "/openapi.json", headers={"x-gw": "sesame"})

    assert (["/things/{id}"], None) == (list(stranger.json()["paths"]), stranger.json().get("x-cap-mcp"))
    assert 'ApiKey realm="cap", header="X-Gw"' == stranger.headers["www-authenticate"]
    assert "www-authenticate" not in known.headers
    assert 1 == len(known.json()["x-cap-mcp"])


def test_the_tools_of_all_capabilities_are_told_under_the_names_they_have_there(
    things: Callable[..., Path], get_thing: str
) -> None:
    documents = [things(get_thing, REST, TOOL, f"{name}.yaml") for name in ("one", "two")]
    with gateway(*documents) as cap:
        everything, *_ = httpx.get(cap.url + "/openapi.json").json()["x-cap-mcp"]
        listed = httpx.post(cap.url + "/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).json()

    assert ("/mcp", "cap") == (everything["url"], everything["name"])
    assert [tool["name"] for tool in listed["result"]["tools"]] == [tool["name"] for tool in everything["tools"]]
    assert 2 == len(everything["tools"])


# --- in a browser -----------------------------------------------------------------------------------------------------

POST = "details[id$=add]"


@pytest.fixture
def adding(things: Callable[..., Path], get_thing: str) -> Path:
    """A document with a body of fields, and one that is passed on as it comes."""
    consumes = (
        f"{get_thing}- path: /things\n  operations:\n"
        "  - name: add\n    method: POST\n    inputParameters:\n"
        "    - {name: title, in: body, type: string, required: true}\n"
        "- path: /files\n  operations:\n  - {name: upload, method: POST}\n"
    )
    rest = (
        f"{REST}\n- path: /things\n  operations:\n  - {{method: POST, name: add, call: api.add}}\n"
        "- path: /files\n  operations:\n  - {method: POST, name: upload, call: api.upload}"
    )
    return things(consumes, rest, TOOL)


@pytest.mark.parametrize("auth", ["bearer:K", "apikey:X-Gw:K"])
def test_a_person_gives_a_token_once_and_it_goes_along_with_every_call(
    thing: Path, browser: Browser, auth: str
) -> None:
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, caller_auth=auth, values={"K": "sesame"}) as cap:
        browser.open(cap.url + "/docs")
        browser.sees("Who are you?")
        assert "things" not in browser.text
        assert ["password"] == browser.run("[...document.querySelectorAll('#credentials input')].map((i) => i.type)")

        browser.type("#credentials input", "wrong")
        browser.click("#credentials button")
        browser.sees("not accepted")
        browser.type("#credentials input", "")
        browser.run("document.querySelector('#credentials input').select()")
        browser.type("#credentials input", "sesame")
        browser.click("#credentials button")
        browser.sees("/things/{id}")

        browser.click("details.card[id*=get-thing] summary")
        until(lambda: browser.run("!!document.querySelector('details[id*=get-thing] form input')"))
        browser.type("details[id*=get-thing] form input", "7")
        browser.click("details[id*=get-thing] form button.main")
        browser.sees("200 OK")

        assert b"/things/7" == api.requests[0].target
        headers = {"bearer:K": '"Authorization": "Bearer TOKEN"', "apikey:X-Gw:K": '"X-Gw": "KEY"'}
        assert headers[auth] in browser.run("document.querySelector('#mcp-things pre').textContent")
        assert "/mcp/things" in browser.text


def test_each_way_to_say_who_calls_has_a_field(things: Callable[..., Path], get_thing: str, browser: Browser) -> None:
    document = things(get_thing, REST, TOOL)
    guard = "authentication: {type: apikey, key: X-Gw, value: '{{THINGS_KEY}}', placement: header}"
    document.write_text(document.read_text().replace("namespace: things-mcp", f"namespace: things-mcp\n    {guard}"))
    with gateway(document, caller_auth="bearer:K", values={"K": "sesame", "THINGS_KEY": "open"}) as cap:
        browser.open(cap.url + "/docs")
        browser.sees("Who are you?")
        places = "[...document.querySelectorAll('#credentials .kind')].map((e) => e.textContent)"
        assert ["Authorization: bearer", "header x-gw"] == browser.run(places)

        browser.type("#credential-1", "open")
        browser.click("#credentials button")
        browser.sees("/mcp/things")
        assert "/things/{id}" not in browser.text
        browser.type("#credential-0", "sesame")
        browser.click("#credentials button")
        browser.sees("/things/{id}")
        assert "/mcp/things" in browser.text


def test_a_required_body_that_was_left_empty_is_not_sent(adding: Path, browser: Browser) -> None:
    with upstream() as api, gateway(adding, base_uris={"api": api.url}) as cap:
        browser.open(cap.url + "/docs")
        browser.sees("/files")
        browser.click(f"{POST} summary")
        until(lambda: browser.run(f"!!document.querySelector('{POST} form button.main')"))
        browser.click(f"{POST} form button.main")
        browser.sees("a body is required")
        assert [] == api.requests

        browser.type(f"{POST} textarea", '{"title": "x"}')
        browser.click(f"{POST} form button.main")
        browser.sees("200 OK")
        assert [b'{"title":"x"}'] == [request.body.replace(b" ", b"") for request in api.requests]


def test_a_file_is_uploaded_as_it_is_or_as_a_part(adding: Path, browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "cat.bin"
    file.write_bytes(b"\x00\x01cat")
    card = "details[id$=upload]"
    with upstream() as api, gateway(adding, base_uris={"api": api.url}) as cap:
        browser.open(cap.url + "/docs")
        browser.sees("/files")
        browser.click(f"{card} summary")
        until(lambda: browser.run(f"!!document.querySelector('{card} form button.main')"))
        browser.choose(f"{card} input[type=file]", file)
        browser.click(f"{card} form button.main")
        until(lambda: browser.run(f"!!document.querySelector('{card} .status .good')"))

        browser.run(f"document.querySelector('{card} input[aria-label=Content-Type]').value = ''")
        browser.type(f"{card} input[aria-label=Content-Type]", "multipart/form-data")
        browser.type(f"{card} textarea", '{"purpose": "batch"}')
        until(lambda: not browser.run(f"document.querySelector('{card} form button.main').disabled"))
        browser.click(f"{card} form button.main")
        until(lambda: len(api.requests) == 2)

    raw, parts = api.requests
    assert b"\x00\x01cat" == raw.body
    kind = (parts.header("content-type") or b"").decode()
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + parts.body)
    found = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in message.get_payload()
    }
    assert {"purpose": b"batch", "file": b"\x00\x01cat"} == found


def test_searching_finds_tools_and_shortens_the_contents(adding: Path, browser: Browser) -> None:
    with gateway(adding) as cap:
        browser.open(cap.url + "/docs")
        browser.sees("/files")
        browser.type("#search", "get it")

        until(lambda: browser.run("document.querySelector('#mcp-things').open"))
        visible = (
            "[...document.querySelectorAll('#contents [data-of]')].filter((e) => !e.hidden).map((e) => e.dataset.of)"
        )
        assert ["mcp-things"] == browser.run(visible)


def test_a_phone_gets_the_contents_and_short_rows(adding: Path, browser: Browser) -> None:
    with gateway(adding) as cap:
        browser.width(360)
        browser.open(cap.url + "/docs")
        browser.sees("Contents")
        browser.click("#index summary")

        until(lambda: browser.run("document.querySelector('#contents').getBoundingClientRect().height > 0"))
        row = "document.querySelector('details.card[id*=get-thing] summary')"
        tops = f"[...{row}.children].slice(0, 2).map((e) => Math.round(e.getBoundingClientRect().top / 10))"
        first, second = browser.run(tops)
        assert first == second
        assert browser.run("document.documentElement.scrollWidth") <= 360
