"""Every operation of every vendor document, through every door, as the upstream gets it; the seeds mean the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cap_core.testing import Running, Upstream, gateway, upstream

KEY = "canary-4f1d9a"
PORTKEY = {"PORTKEY_API_KEY": KEY, "PORTKEY_VIRTUAL_KEY": "virtual-77"}
VALUES = {
    "portkey-assistants": PORTKEY,
    "portkey-batch": PORTKEY,
    "aimlapi-threads-runs": {"AIMLAPI_API_KEY": KEY},
}
PORTKEY_HEADERS = {"x-portkey-api-key": KEY, "x-portkey-virtual-key": "virtual-77"}
BEARER = {"authorization": f"Bearer {KEY}"}
PLANTED = {"authorization": "Bearer the-caller's", "cookie": "caller=1", "x-portkey-config": "the-caller's"}


@pytest.fixture(scope="module")
def api() -> Iterator[Upstream]:
    with upstream() as running:
        yield running


@pytest.fixture(scope="module")
def packaged(capability: str, api: Upstream) -> Iterator[Running]:
    base_uris = {capability: f"{api.url}/v1"}
    with gateway(capability, base_uris=base_uris, values=VALUES[capability]) as running:
        yield running


@pytest.fixture(scope="module")
def published(capability: str, api: Upstream, shared: Callable[[str], Path]) -> Iterator[Running]:
    base_uris = {capability: f"{api.url}/v1"}
    with gateway(shared(f"seeds/{capability}.yaml"), base_uris=base_uris, values=VALUES[capability]) as running:
        yield running


def test_an_operation_sends_what_it_means(
    packaged: Running, api: Upstream, capability: str, meant, door: str, ask, assert_sent
) -> None:
    api.requests.clear()
    said = ask(packaged.url, door, meant, PLANTED)

    assert said.ok, said.text
    (request,) = api.requests
    assert_sent(request, meant, door, BEARER if capability.startswith("aimlapi") else PORTKEY_HEADERS)


def test_an_operation_of_a_published_document_sends_the_same(
    published: Running, api: Upstream, meant, door: str, ask, assert_sent
) -> None:
    api.requests.clear()
    said = ask(published.url, door, meant, PLANTED)

    assert said.ok, said.text
    (request,) = api.requests
    assert_sent(request, meant, door, BEARER)
