"""What answers a request: a route of a document, a page of our own, or a word about why nothing does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.testing import gateway, upstream

BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_browser_that_opens_the_gateway_is_led_to_its_page(thing: Path, method: str) -> None:
    with gateway(thing) as cap, httpx.Client(headers=BROWSER, follow_redirects=True) as browser:
        led = browser.request(method, cap.url)

    assert (200, f"{cap.url}/docs") == (led.status_code, str(led.url))


@pytest.mark.parametrize(
    ("method", "headers"), [("GET", {}), ("GET", {"accept": "application/json"}), ("POST", BROWSER)]
)
def test_programs_are_told_that_nothing_lives_there(thing: Path, method: str, headers: dict[str, str]) -> None:
    with gateway(thing) as cap:
        assert 404 == httpx.request(method, cap.url, headers=headers).status_code


def test_a_documents_own_route_comes_first(things: Callable[..., Path]) -> None:
    consumes = "resources:\n- path: /all\n  operations:\n  - {name: list, method: GET}"
    document = things(consumes, "- path: /\n  operations:\n  - {method: GET, name: list, call: api.list}")
    with upstream() as api, gateway(document, base_uris={"api": api.url}) as cap:
        found = httpx.get(cap.url + "/", headers=BROWSER)

    assert (200, [b"/all"]) == (found.status_code, [request.target for request in api.requests])
