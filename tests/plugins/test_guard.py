"""A plugin that does something wrong is named, with the line of its code; and what restricts fails closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.cli import main
from cap_core.errors import PluginError
from cap_core.testing import gateway, upstream

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get-thing", "arguments": {"id": "7"}}}

DOOR = """\
import asyncio
import msgspec
from cap_core import *
from cap_core.plugins.messages import Caller, Reply


class Options(msgspec.Struct):
    key: str


def check(options, at):
    async def door(request):
        {door}
    return door


@hookimpl
def cap_auth_schemes():
    return [AuthScheme(key="door", options=Options, check=check)]
"""

OTHER_FACE = """
from cap_core.document.model import ExposesEntry
from cap_core.server.asgi import answer


class Pages(ExposesEntry, frozen=True):
    pass


def attach(at):
    async def endpoint(scope, receive, send, values):
        caller = await at.authenticator.authenticate(at.exposures[0].key, scope, dict(scope["headers"]))
        await answer(send, Reply(200, (), b"let in"))
    return MountedExposure(routes=(Route(method="GET", template="/own", endpoint=endpoint, owner="x"),))


@hookimpl
def cap_exposures():
    return [Exposure(key="pages", options=Pages, default_port=9999, declared=lambda entry, at: (), attach=attach)]
"""


@pytest.fixture
def guarded(thing: Path, tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """A document whose exposures all have the door, of a third type too; and the plugin of both."""

    def write(door: str, code: str = DOOR) -> tuple[Path, Path]:
        text = thing.read_text()
        for port in ("8080", "9090"):
            text = text.replace(f"port: {port}", f"port: {port}\n    authentication: {{type: door, key: k}}")
        pages = "  - type: pages\n    namespace: own\n    port: 9999\n    authentication: {type: door, key: k}\n"
        thing.write_text(text + pages)
        plugin = tmp_path / "door.py"
        plugin.write_text(code.replace("{door}", door) + OTHER_FACE)
        return thing, plugin

    return write


@pytest.mark.parametrize(
    ("door", "says"),
    [
        pytest.param("return None", "gave None, not a Caller", id="none"),
        pytest.param("return False", "gave False, not a Caller", id="false"),
        pytest.param("return True", "gave True, not a Caller", id="true"),
        pytest.param("return 'ann'", "gave a value of type str, not a Caller", id="text"),
        pytest.param(
            "return asyncio.sleep(0)", "gave a coroutine, as an 'async def' does, not a Caller", id="coroutine"
        ),
        pytest.param("return Reply(200, (), b'')", "gave a value of type Reply", id="reply"),
        pytest.param("raise ValueError('boom')", "failed: boom", id="raises"),
        pytest.param("raise SystemExit(3)", "failed: it ends the process with 3", id="exits"),
        pytest.param("raise KeyError('x')", "failed: there is no 'x'", id="key"),
    ],
)
def test_a_check_that_gives_no_caller_lets_nobody_in(guarded, capfd, door: str, says: str) -> None:
    document, plugin = guarded(door)
    with upstream() as api, gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap:
        for answer in (
            httpx.get(cap.url + "/things/7"),
            httpx.head(cap.url + "/things/7"),
            httpx.post(cap.url + "/mcp", json=LIST),
            httpx.post(cap.url + "/mcp", json=CALL),
            httpx.get(cap.url + "/openapi.json"),
            httpx.get(cap.url + "/own"),
        ):
            assert 500 == answer.status_code
            assert "let in" not in answer.text
        told = httpx.get(cap.url + "/things/7").json()

    assert [] == api.requests
    assert ("urn:cap:problem:internal", 500) == (told["type"], told["status"])
    line = next(line for line in capfd.readouterr().out.splitlines() if told["trace_id"] in line)
    assert f"door of {plugin}: the check of callers of the auth scheme door {says}" in line
    assert "door.py:1" in line


@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param(DOOR.replace("    return door\n", ""), "gave None, not a function", id="nothing"),
        pytest.param(DOOR.replace("return door\n", "return False\n"), "gave False, not a function", id="false"),
        pytest.param(DOOR.replace("def check", "async def check"), "gave a coroutine", id="async"),
        pytest.param(DOOR.replace("    return door\n", "    raise OSError('boom')\n"), "failed: boom", id="raises"),
    ],
)
def test_a_scheme_that_gives_no_check_is_refused_at_compile(guarded, capsys, code: str, says: str) -> None:
    document, plugin = guarded("return Caller('door')", code)

    with pytest.raises(PluginError) as refused, gateway(document, plugin_files=[plugin]):
        pytest.fail("a document is served without its check")
    assert f"door of {plugin}: check of the auth scheme door {says}" in str(refused.value)

    for command in ("check", "explain"):
        words = [command, str(document), *(["get-thing"] if command == "explain" else []), "--plugin", str(plugin)]
        assert 1 == main(words)
        (line,) = capsys.readouterr().err.splitlines()
        assert says in line
        assert "door.py:" in line


def test_a_caller_is_let_in(guarded) -> None:
    document, plugin = guarded("return Caller('door', 'ann')")
    with upstream() as api, gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap:
        assert 200 == httpx.get(cap.url + "/things/7").status_code
        assert "get-thing" in json.dumps(httpx.post(cap.url + "/mcp", json=LIST).json())
        assert "let in" == httpx.get(cap.url + "/own").text
