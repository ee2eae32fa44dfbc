"""Which Host and Origin a listener answers to (`docs/semantics.md`, callers)."""

from __future__ import annotations

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
