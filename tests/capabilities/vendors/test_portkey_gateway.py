"""Portkey's own open-source gateway between us and a provider: what the provider gets is what the caller meant."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cap_core.testing import Answered, Recorded, Running, Upstream, gateway, upstream

LOOPBACK = Path(__file__).parents[2] / "node" / "loopback.cjs"
BATCH = b'{"id":"batch_1","object":"batch","status":"validating"}'
RUN = b'{"id":"run_1","object":"thread.run","status":"queued"}'
LIST = b'{"object":"list","data":[],"has_more":false}'


def answer(request: Recorded) -> Answered:
    target = request.target.partition(b"?")[0]
    if request.method == "GET" and target.endswith((b"/batches", b"/assistants")):
        return Answered(body=LIST)
    return Answered(body=RUN if b"/runs" in target else BATCH)


@pytest.fixture(scope="module")
def provider() -> Iterator[Upstream]:
    with upstream(answer) as running:
        yield running


@pytest.fixture(scope="module")
def cap(serve: Callable[..., str], provider: Upstream) -> Iterator[Running]:
    script = "@portkey-ai/gateway/build/start-server.js"
    portkey = serve(script, "--headless", "--port=PORT", require=LOOPBACK)
    names = ("portkey-batch", "portkey-assistants")
    values = {
        "PORTKEY_API_KEY": "portkeys-own",
        "PORTKEY_PROVIDER": "openai",
        "PORTKEY_PROVIDER_KEY": "providers-own",
        "PORTKEY_CUSTOM_HOST": f"{provider.url}/v1",
    }
    with gateway(*names, base_uris={name: f"{portkey}/v1" for name in names}, values=values) as running:
        yield running


@pytest.mark.parametrize(
    ("capability_name", "operation"),
    [
        ("portkey-batch", "createbatch"),
        ("portkey-batch", "listbatches"),
        ("portkey-batch", "retrievebatch"),
        ("portkey-batch", "cancelbatch"),
        ("portkey-assistants", "listassistants"),
        ("portkey-assistants", "createrun"),
        ("portkey-assistants", "getrun"),
    ],
)
def test_a_call_reaches_the_provider(
    cap: Running, provider: Upstream, capability_name: str, operation: str, door: str, row, ask
) -> None:
    meant = row(capability_name, operation)
    provider.requests.clear()
    said = ask(cap.url, door, meant, {"authorization": "Bearer the-caller's"})

    assert said.ok, said.text
    (request,) = provider.requests
    assert meant.sent == f"{request.method} {request.target.decode()}"
    assert meant.body == (json.loads(request.body) if request.body else None)
    assert b"Bearer providers-own" == request.header("authorization")
    assert b"portkeys-own" not in b"".join(value for _, value in request.headers)
    assert "batch_1" in said.text or "run_1" in said.text or '"list"' in said.text
