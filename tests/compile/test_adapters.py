"""Base URIs and what stands in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import Compiled, CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.plugins import loader
from cap_core.testing import gateway, upstream

CONSUMES = """
{authentication}
resources:
- {{path: /getMe, operations: [{{name: me, method: GET}}]}}
"""
REST = "- {path: /me, operations: [{method: GET, name: me, call: api.me}]}"
TOOLS = "- {name: me, description: Who it is., call: api.me}"
AUTHENTICATION = "authentication: {type: apikey, key: token, value: '{{THINGS_KEY}}', placement: path}"


@pytest.fixture
def bot(things: Callable[..., Path]) -> Callable[[str, str], Path]:
    """A document whose base URI has the credential in it."""

    def write(base: str, authentication: str) -> Path:
        path = things(CONSUMES.format(authentication=authentication), REST, TOOLS)
        path.write_text(path.read_text().replace("https://api.example/base", base))
        return path

    return write


def compiled(path: Path) -> Compiled:
    return compile_source(DocumentSource("things", "things.yaml", path), loader.load(), CompileOptions())


@pytest.mark.parametrize(
    "authentication",
    [
        AUTHENTICATION,
        AUTHENTICATION.replace("key: token", "name: token").replace("placement", "in"),
        AUTHENTICATION.replace("key: token", "key: Token").replace("value:", "token:"),
    ],
)
@pytest.mark.parametrize("placeholder", ["{token}", "{{token}}"])
def test_a_key_fills_the_placeholder_of_its_name(
    bot: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, authentication: str, placeholder: str
) -> None:
    monkeypatch.setenv("THINGS_KEY", "123:secret")
    with upstream() as api:
        path = bot(f"{api.url}/bot{placeholder}", authentication)
        with gateway(path) as cap:
            assert httpx.get(cap.url + "/me").status_code == 200

    assert [b"/bot123:secret/getMe"] == [request.target for request in api.requests]
    assert [] == [d for d in compiled(path).diagnostics if d.severity != "info" and d.code != "alias-option"]


def test_without_the_placeholder_what_needs_it_is_left_out(bot: Callable[[str, str], Path]) -> None:
    refusal = compiled(bot("https://api.example/bot", AUTHENTICATION)).refusal

    assert refusal is not None
    assert ("bad-auth", "write {token} where it stands") == (refusal.code, refusal.hint)


def test_a_key_that_stands_in_the_document_is_a_warning_there_too(bot: Callable[[str, str], Path]) -> None:
    out = compiled(bot("https://api.example/bot{token}", AUTHENTICATION.replace("'{{THINGS_KEY}}'", "123:secret")))

    assert ["literal-credential"] == [d.code for d in out.diagnostics if d.severity == "warning"]
