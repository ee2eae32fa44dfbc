"""The credential that a plugin obtains is masked as one of a document is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core import Secret
from cap_core.logging.redaction import hidden
from cap_core.testing import Answered, Recorded, gateway, upstream

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"


def test_the_documented_plugin_keeps_its_token_from_callers(things: Callable[..., Path], tmp_path: Path) -> None:
    (source,) = re.findall(r"```python\n(# exchange\.py\n.*?)```", PAGE.read_text(), re.DOTALL)
    plugin = tmp_path / "exchange.py"
    plugin.write_text(source)
    document = things(
        "authentication: {type: exchange, key: '{{THINGS_KEY}}'}\n"
        "resources: [{path: /things, operations: [{name: list-things, method: GET}]}]",
        tools="- {name: list-things, description: d, call: api.list-things}",
    )

    def reflect(request: Recorded) -> Answered:
        return Answered(
            400, ((b"content-type", b"text/plain"),), b"refused: " + (request.header("authorization") or b"")
        )

    with (
        upstream(reflect) as api,
        gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": "k-1"}, plugin_files=[plugin]) as cap,
    ):
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "list-things", "arguments": {}}}
        text = httpx.post(f"{cap.url}/mcp", json=call).json()["result"]["content"][0]["text"]

    token = "short-lived-" + hashlib.sha256(b"k-1").hexdigest()
    assert api.requests[0].header("authorization") == f"Bearer {token}".encode()
    assert text.startswith("HTTP 400 from api: refused: Bearer ***.")


@pytest.mark.parametrize("show", [str, repr, "{}".format, lambda secret: hidden(f"it is {secret.reveal()}")])
def test_a_secret_shows_itself_nowhere(show: Callable[[Secret], str]) -> None:
    assert "of-the-sesame" not in show(Secret("of-the-sesame"))


def test_the_oldest_of_many_secrets_of_plugins_are_forgotten() -> None:
    for n in range(1200):
        Secret(f"passing-token-{n:05}")

    assert hidden("passing-token-01199 passing-token-00300") == "*** ***"
    assert hidden("passing-token-00001") != "***"
