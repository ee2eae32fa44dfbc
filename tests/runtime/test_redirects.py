"""Which redirects a call follows: those to the upstream's own scheme, host and port."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.testing import Answered, Recorded, gateway, upstream

GET_THING = """\
resources:
- path: /things/{id}
  operations:
  - {name: get-thing, method: GET, outputRawFormat: json}
"""
MAPPED = """\
- path: /things/{id}
  operations:
  - method: GET
    name: get-thing
    call: api.get-thing
    outputParameters: [{name: v, type: integer, mapping: $.v}]
"""


@pytest.fixture
def served(things: Callable[..., Path]) -> Path:
    return things(GET_THING, MAPPED)


@pytest.mark.parametrize(
    "location",
    [
        pytest.param("https://{host}:{port}/things/8", id="other-scheme"),
        pytest.param("http://{host}:1/things/8", id="other-port"),
        pytest.param("http://localhost:{port}/things/8", id="other-name-of-the-host"),
        pytest.param("//localhost:{port}/things/8", id="other-host-same-scheme"),
        pytest.param("http://{host}:{port}@localhost:{port}/things/8", id="user-like-the-host"),
        pytest.param("http://user@{host}:{port}/things/8", id="with-a-user"),
    ],
)
def test_a_redirect_to_another_origin_is_not_followed(served: Path, location: str) -> None:
    def answer(request: Recorded) -> Answered:
        if request.target != b"/things/7":
            return Answered(body=b'{"v":1}')
        return Answered(302, ((b"location", location.format(host=at.host, port=at.port).encode()),), b"")

    with upstream(answer) as api, gateway(served, base_uris={"api": api.url}) as cap:
        at = httpx.URL(api.url)
        httpx.get(cap.url + "/things/7")

        assert [b"/things/7"] == [request.target for request in api.requests]


def test_redirects_without_an_end_are_a_failure_in_their_own_words(served: Path) -> None:
    def answer(request: Recorded) -> Answered:
        return Answered(302, ((b"location", b"/things/7"),), b"")

    with upstream(answer) as api, gateway(served, base_uris={"api": api.url}) as cap:
        reply = httpx.get(cap.url + "/things/7")

        assert (reply.status_code, reply.json()["detail"]) == (502, "api: it redirects more than 5 times")
        assert len(api.requests) == 6


@pytest.mark.parametrize("location", ["/things/8", "8", "?v=8", "http://{host}:{port}/things/8", "//{host}:{port}/x"])
def test_a_redirect_on_the_same_origin_is_followed(served: Path, location: str) -> None:
    def answer(request: Recorded) -> Answered:
        if request.target != b"/things/7":
            return Answered(body=b'{"v":1}')
        return Answered(302, ((b"location", location.format(host=at.host, port=at.port).encode()),), b"")

    with upstream(answer) as api, gateway(served, base_uris={"api": api.url}) as cap:
        at = httpx.URL(api.url)

        assert {"v": 1} == httpx.get(cap.url + "/things/7").json()
        assert 2 == len(api.requests)
