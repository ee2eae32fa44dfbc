"""Headers that stand in a request twice: nobody is let in by one copy, and nothing is traced by either."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from cap_core.testing import gateway, upstream

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
PAIRS = [("good", "bad"), ("bad", "good"), ("good", "good")]


@pytest.mark.parametrize("values", PAIRS, ids=["good-first", "good-last", "good-twice"])
@pytest.mark.parametrize("header", ["X-Gw", "Authorization"])
def test_a_callers_key_stands_in_a_request_once(thing: Path, header: str, values: tuple[str, str]) -> None:
    auth, prefix = ("bearer:K", "Bearer ") if header == "Authorization" else (f"apikey:{header}:K", "")
    headers = [(header, prefix + value) for value in values]
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, caller_auth=auth, values={"K": "good"}) as cap:
        answers = [
            httpx.get(cap.url + "/things/7", headers=headers),
            httpx.post(cap.url + "/mcp", headers=headers, json=LIST),
            httpx.get(cap.url + "/openapi.json", headers=headers),
        ]
        once = httpx.get(cap.url + "/things/7", headers=headers[:1] if values[0] == "good" else headers[1:])

    assert [400] * 3 == [answer.status_code for answer in answers]
    assert {f"the header {header.lower()} stands twice in this request"} == {a.json()["detail"] for a in answers}
    assert 200 == once.status_code
    assert 1 == len(api.requests)


def test_other_headers_may_stand_in_a_request_twice(thing: Path) -> None:
    with (
        upstream() as api,
        gateway(thing, base_uris={"api": api.url}, caller_auth="apikey:X-Gw:K", values={"K": "good"}) as cap,
    ):
        headers = [("X-Gw", "good"), ("Accept", "a/b"), ("Accept", "c/d")]

        assert 200 == httpx.get(cap.url + "/things/7", headers=headers).status_code


def test_a_trace_that_is_given_twice_is_none(thing: Path) -> None:
    one, other = (f"00-{digit * 32}-{digit * 16}-01" for digit in "12")
    with upstream() as api, gateway(thing, base_uris={"api": api.url}) as cap:
        httpx.get(cap.url + "/things/7", headers=[("traceparent", one), ("traceparent", other)])
        httpx.get(cap.url + "/things/7", headers={"traceparent": one})

    assert [None, one.encode()] == [request.header("traceparent") for request in api.requests]
