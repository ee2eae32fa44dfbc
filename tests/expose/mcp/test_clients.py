"""Clients that others wrote, and connections that end early, against the endpoint on a real socket."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from mcp import Client, MCPError

from cap_core.plugins.messages import Reply
from waiting import until


@pytest.fixture(scope="module")
def face(kit):
    limit = {"name": "limit", "type": "integer", "description": "How many."}
    return kit.face(
        kit.capability(
            kit.entry(
                kit.tool("list", inputs=[limit], label="List"),
                kit.tool("numbers", kit.reply(b"[1,2]")),
                kit.tool("lost", kit.reply(b'{"error":"no such batch"}', status=404)),
                kit.tool("picture", kit.reply(b"\x89PNG", "image/png")),
                kit.tool("file", kit.reply(b"%PDF\xff", "application/pdf")),
            )
        )
    )


@pytest.fixture(scope="module")
def port(face):
    with face.serving() as port:
        yield port


MODES = ["auto", "legacy", "2026-07-28"]


def talk(port, mode, conversation, path="/mcp"):
    async def run():
        async with Client(f"http://127.0.0.1:{port}{path}", mode=mode) as client:
            return await conversation(client)

    return asyncio.run(run())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", ["/mcp", "/mcp/shop"])
def test_the_official_client_lists_and_calls_in_every_mode(port, mode, path):
    async def conversation(client):
        listed = await client.list_tools()
        return client.protocol_version, listed.tools, await client.call_tool("list", {"limit": 2})

    version, tools, called = talk(port, mode, conversation, path)

    assert version == ("2025-11-25" if mode == "legacy" else "2026-07-28")
    assert [tool.name for tool in tools] == ["list", "numbers", "lost", "picture", "file"]
    assert tools[0].title == "List"
    assert called.structured_content["object"] == "list"
    assert msgspec.json.decode(called.content[0].text) == called.structured_content
    assert not called.is_error


@pytest.mark.parametrize("mode", MODES)
def test_the_official_client_understands_every_kind_of_result(port, mode):
    async def conversation(client):
        return [await client.call_tool(name) for name in ("numbers", "lost", "picture", "file")] + [
            await client.call_tool("list", {"limit": "many"})
        ]

    numbers, lost, picture, file, refused = talk(port, mode, conversation)

    assert numbers.structured_content == ({"result": [1, 2]} if mode == "legacy" else [1, 2])
    assert lost.is_error
    assert "HTTP 404 from vendor" in lost.content[0].text
    assert picture.content[0].mime_type == "image/png"
    assert file.content[0].resource.blob == "JVBERv8="
    assert refused.is_error
    assert "argument limit must be an integer" in refused.content[0].text


@pytest.mark.parametrize("mode", MODES)
def test_the_official_client_gets_an_error_for_an_unknown_tool(port, mode):
    async def conversation(client):
        with pytest.raises(MCPError, match="did you mean 'list'") as caught:
            await client.call_tool("lists")
        return caught.value.code

    assert talk(port, mode, conversation) == -32602


INSPECTOR = os.environ.get("CAP_INSPECTOR")


def inspect(port, *arguments, era):
    """Run the Inspector's command line; `CAP_INSPECTOR` is a folder whose node_modules has it and Node 22."""
    modules = Path(INSPECTOR or "") / "node_modules"
    launcher = modules / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
    node = modules / ".bin/node"
    target = [f"http://127.0.0.1:{port}/mcp", "--transport", "http", "--protocol-era", era]
    command = [str(node), str(launcher), "--cli", *target, *arguments, "--format", "json"]
    environment = {**os.environ, "HOME": str(modules.parent), "PATH": f"{node.parent}:{os.environ['PATH']}"}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@pytest.mark.skipif(not INSPECTOR, reason="CAP_INSPECTOR names no folder with the Inspector and Node 22")
@pytest.mark.parametrize("era", ["legacy", "auto", "modern"])
class TestInspector:
    """The official Inspector, as a script would run it."""

    def test_lists_without_a_complaint_about_schemas(self, port, era):
        done = inspect(port, "--method", "tools/list", "--strict", era=era)

        assert done.returncode == 0, done.stderr
        assert '"picture"' in done.stdout

    def test_calls(self, port, era):
        done = inspect(port, "--method", "tools/call", "--tool-name", "list", "--tool-arg", "limit=2", era=era)

        assert done.returncode == 0, done.stderr
        assert '"structuredContent"' in done.stdout

    def test_sees_that_a_tool_failed(self, port, era):
        done = inspect(port, "--method", "tools/call", "--tool-name", "lost", era=era)

        assert done.returncode == 5, done.stderr
        assert "HTTP 404 from vendor" in json.dumps(done.stdout)


class Endless:
    """An upstream body that never ends by itself."""

    def __init__(self, begun):
        self.begun = begun
        self.closed = False

    async def __aiter__(self):
        while True:
            self.begun.append(True)
            await asyncio.sleep(0.01)
            yield b" "

    async def aclose(self):
        self.closed = True


@pytest.mark.parametrize("era", ["modern", "legacy"])
@pytest.mark.parametrize("phase", ["before the answer", "inside the answer"])
def test_a_caller_who_goes_away_cancels_the_upstream(kit, era, phase):
    begun, ended = [], []
    body = Endless(begun)

    async def run(values, context):
        if phase == "inside the answer":
            return Reply(200, (), body)
        try:
            begun.append(True)
            await asyncio.sleep(600)
        finally:
            ended.append(True)

    sent, headers = kit.modern_request("tools/call", {"name": "list", "arguments": {}})
    if era == "legacy":
        sent = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list"}}'
        headers = [kit.json_header]
    lines = [b"POST /mcp HTTP/1.1", b"host: x", b"content-length: %d" % len(sent)]
    lines += [f"{name}: {value}".encode() for name, value in headers]
    with kit.one(run).serving() as port, socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + sent)
        until(lambda: begun)
        connection.close()
        until(lambda: ended or body.closed)


def test_the_official_sdk_is_not_needed_to_serve():
    code = "import sys, cap_plugins.expose.mcp; print({'mcp', 'mcp_types', 'pydantic'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": ":".join(sys.path)}
    )

    assert done.stdout == "set()\n", done.stderr


def test_a_caller_who_goes_away_while_sending_gets_no_answer(kit):
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    assert kit.one().send(b"", [kit.json_header], receive=receive) is None
