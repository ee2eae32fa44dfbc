"""What the vendors' own API descriptions say of every request: Prism checks path, query, body and credentials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cap_core.testing import Running, gateway

DESCRIPTIONS = {
    "portkey-assistants": "vendors/portkey/openapi.prism.json",
    "portkey-batch": "vendors/portkey/openapi.prism.json",
    "aimlapi-threads-runs": "vendors/aimlapi/threads-runs-openapi.yaml",
}
VALUES = {"PORTKEY_API_KEY": "k", "PORTKEY_CONFIG": "pc-1", "AIMLAPI_API_KEY": "k"}


@pytest.fixture(scope="module")
def prism(serve: Callable[..., str], shared: Callable[[str], Path]) -> Callable[[str], str]:
    """The URL of a mock of a capability's vendor; equal vendors share one."""
    started: dict[str, str] = {}

    def of(capability: str) -> str:
        name = DESCRIPTIONS[capability]
        if name not in started:
            options = ("mock", "--errors", "-h", "127.0.0.1", "-p", "PORT", str(shared(name)))
            started[name] = serve("@stoplight/prism-cli/dist/index.js", *options)
        return started[name]

    return of


@pytest.fixture(scope="module")
def packaged(capability: str, prism: Callable[[str], str]) -> Iterator[Running]:
    with gateway(capability, base_uris={capability: prism(capability)}, values=VALUES) as running:
        yield running


def test_the_vendor_accepts_every_operation(packaged: Running, meant, door: str, ask) -> None:
    said = ask(packaged.url, door, meant)

    assert said.ok, said.text


@pytest.mark.parametrize(
    "values",
    [
        {"PORTKEY_VIRTUAL_KEY": "v"},
        {"PORTKEY_CONFIG": "c"},
        {"PORTKEY_PROVIDER": "openai", "PORTKEY_PROVIDER_KEY": "p"},
        {"PORTKEY_PROVIDER": "openai", "PORTKEY_PROVIDER_KEY": "p", "PORTKEY_CUSTOM_HOST": "https://models.example/v1"},
    ],
    ids=["virtual-key", "config", "provider", "custom-host"],
)
def test_portkey_accepts_each_way_to_a_provider(prism: Callable[[str], str], values: dict[str, str]) -> None:
    values = {"PORTKEY_API_KEY": "k", **values}
    with gateway("portkey-batch", base_uris={"portkey-batch": prism("portkey-batch")}, values=values) as cap:
        assert 200 == httpx.get(cap.url + "/v1/batches").status_code


def test_portkey_refuses_the_bearer_of_the_published_documents(
    prism: Callable[[str], str], shared: Callable[[str], Path]
) -> None:
    seed = shared("seeds/portkey-batch.yaml")
    with gateway(seed, base_uris={"portkey-batch": prism("portkey-batch")}, values=VALUES) as cap:
        assert 401 == httpx.get(cap.url + "/v1/batches").status_code


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("GET", "/v1/assistants?order=sideways", None), ("POST", "/v1/assistants", {"name": "without a model"})],
    ids=["query", "body"],
)
def test_what_the_vendor_refuses_reaches_the_caller(prism: Callable[[str], str], method, path, body) -> None:
    name = "portkey-assistants"
    with gateway(name, base_uris={name: prism(name)}, values=VALUES) as cap:
        answer = httpx.request(method, cap.url + path, json=body)

    assert 422 == answer.status_code
    assert "UNPROCESSABLE_ENTITY" in answer.text
