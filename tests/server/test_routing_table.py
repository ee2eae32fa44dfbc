"""The addresses of several capabilities behind one listener."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from cap_core.testing import gateway, upstream

Things = Callable[..., Path]
REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"
TOOL = "- {name: get-thing, description: Get it., call: api.get-thing}"
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


def test_two_capabilities_that_share_an_address_keep_their_own(things: Things, get_thing: str) -> None:
    one = things(get_thing, REST, TOOL, name="one.yaml")
    two = things(get_thing, REST, TOOL, name="two.yaml")
    with upstream() as api, gateway(one, two, base_uris={"api": api.url}) as cap:
        bare = httpx.get(cap.url + "/things/7")
        own = [httpx.get(f"{cap.url}/{name}/things/7").status_code for name in ("one", "two")]
        tools = [httpx.post(f"{cap.url}/mcp{end}", json=LIST).json()["result"]["tools"] for end in ("", "/one", "/two")]

    assert 404 == bare.status_code
    assert "/one/things/{id}" in bare.json()["detail"]
    assert "/two/things/{id}" in bare.json()["detail"]
    assert [200, 200] == own
    assert (2, 1, 1) == tuple(map(len, tools))
    assert "get-thing" not in {tool["name"] for tool in tools[0]}
    assert ["get-thing", "get-thing"] == [tool["name"] for tool in (*tools[1], *tools[2])]
