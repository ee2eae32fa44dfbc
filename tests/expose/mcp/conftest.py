"""Documents compiled by the core, attached by the plugin, and answered by ordinary functions instead of an upstream."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import uvicorn

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.errors import Refusal
from cap_core.plugins.exposure import AttachContext, Limits
from cap_core.plugins.messages import Caller, Reply
from cap_core.plugins.registry import Registry
from cap_plugins.auth import bearer
from cap_plugins.binding import environment
from cap_plugins.expose.mcp import attach, cap_exposures
from cap_plugins.output import json

META = "io.modelcontextprotocol/"
MODERN = "2026-07-28"
BATCHES = b'{"object":"list","data":[{"id":"batch_1"},{"id":"batch_2"}]}'


class Answered(msgspec.Struct):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self):
        return msgspec.json.decode(self.body)

    @property
    def result(self):
        return self.json["result"]

    @property
    def code(self):
        return self.json["error"]["code"]

    @property
    def text(self):
        """The text of a tool result."""
        (block,) = self.result["content"]
        return block["text"]


class Guards:
    """Lets in who says the password of an exposure; `passwords` are by exposure key."""

    def __init__(self, passwords):
        self.passwords = passwords
        self.asked = []

    public_url = "http://127.0.0.1"

    async def authenticate(self, exposure, scope, headers):
        self.asked.append(exposure)
        expected = self.passwords.get(exposure)
        if expected is None:
            return None
        challenge = ((b"www-authenticate", f'Bearer realm="{exposure}"'.encode()),)
        given = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
        if given == "known":
            raise Refusal(403, "forbidden", "this caller may not", headers=challenge)
        if expected not in given.split("+"):
            raise Refusal(401, "unauthorized", "a token is needed", headers=challenge)
        return Caller("bearer", "ann")


class Face:
    """What the plugin gave a listener, and a way to talk to it in this process."""

    def __init__(self, face, guards):
        self.face = face
        self.guards = guards
        self.routes = {route.template: route for route in face.routes}

    def send(self, body, headers=(), *, path="/mcp", method="POST", receive=None):
        """One HTTP request, its headers exactly as given."""
        return asyncio.run(self.exchange(body, headers, path=path, method=method, receive=receive))

    async def exchange(self, body, headers=(), *, path="/mcp", method="POST", receive=None):
        sent = []

        async def send(message):
            sent.append(message)

        async def whole():
            if not whole.done:
                whole.done = True
                return {"type": "http.request", "body": body}
            await asyncio.Event().wait()

        whole.done = False
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b""}
        scope["headers"] = [
            (name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers
        ]
        await self.routes[path].endpoint(scope, receive or whole, send, ())
        if not sent:
            return None
        start, *rest = sent
        fields = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answered(start["status"], fields, b"".join(message.get("body", b"") for message in rest))

    def legacy(self, method, params=None, *, version="2025-11-25", headers=(), path="/mcp"):
        """One request of the handshake era."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}}
        chosen = [("mcp-protocol-version", version)] if version else []
        return self.send(msgspec.json.encode(body), [JSON, *chosen, *headers], path=path)

    def modern(self, method, params=None, *, headers=(), path="/mcp", meta=None):
        """One request of the stateless era, with all its headers."""
        body, own = modern_request(method, params, meta)
        return self.send(body, [*own, *headers], path=path)

    def call(self, name, arguments=None, *, era="modern", **more):
        """`tools/call`."""
        params = {"name": name, "arguments": {} if arguments is None else arguments}
        return getattr(self, era)("tools/call", params, **more)

    @contextmanager
    def serving(self):
        """The face on a loopback port; gives the port."""

        async def app(scope, receive, send):
            if scope["type"] == "http":
                route = self.routes.get(scope["path"])
                if route is not None:
                    await route.endpoint(scope, receive, send, ())
                else:
                    await send({"type": "http.response.start", "status": 404, "headers": []})
                    await send({"type": "http.response.body", "body": b""})

        with socket.create_server(("127.0.0.1", 0)) as listening:
            server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", ws="none"))
            thread = threading.Thread(target=server.run, args=([listening],))
            thread.start()
            try:
                while not server.started:
                    time.sleep(0.01)
                yield listening.getsockname()[1]
            finally:
                server.should_exit = True
                thread.join()


JSON = ("content-type", "application/json")


def modern_request(method, params=None, meta=None):
    """The body and the headers of a modern request."""
    own = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
    params = {**(params or {}), "_meta": own if meta is None else meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    headers = [JSON, ("mcp-protocol-version", MODERN), ("mcp-method", method)]
    if "name" in params:
        headers.append(("mcp-name", params["name"]))
    return msgspec.json.encode(body), headers


def reply(body, content_type="application/json", status=200, **headers):
    """A run that answers the same to every call."""
    fields = [(b"content-type", content_type.encode())] if content_type else []
    fields += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]

    async def run(values, context):
        return Reply(status, tuple(fields), body, error=status >= 400)

    return run


def refuse(*arguments, **more):
    """A run that refuses every call."""

    async def run(values, context):
        raise Refusal(*arguments, **more)

    return run


def tool(name, run=None, *, method="GET", inputs=(), about="", **keys):
    """A tool of a document, the operation it calls, and what answers in the operation's place."""
    operation = {"name": name, "method": method, "inputParameters": [{"in": "query", **given} for given in inputs]}
    if about:
        operation["description"] = about
    return {"name": name, "call": f"vendor.{name}", **keys}, operation, run or reply(BATCHES)


def entry(*tools, namespace="shop-mcp", description="Sells things.", **keys):
    """A `type: mcp` entry of a document with what its tools call."""
    told = {"type": "mcp", "namespace": namespace, "port": 9090, "description": description, **keys}
    return {**told, "tools": [written for written, _, _ in tools]}, tools


def compiled(*entries, name="shop", info=None, secured=True):
    """A document with these entries, compiled by the core."""
    resources = [
        {"path": f"/{operation['name']}", "name": operation["name"], "operations": [operation]}
        for _, tools in entries
        for _, operation, _ in tools
    ]
    vendor = {"type": "http", "namespace": "vendor", "baseUri": "https://vendor.test", "resources": resources}
    if secured:
        vendor["authentication"] = {"type": "bearer", "token": "{{VENDOR_KEY}}"}
    capability = {"consumes": [vendor], "exposes": [written for written, _ in entries]}
    binds = [{"namespace": "env", "keys": {"VENDOR_KEY": "VENDOR_KEY"}}]
    told = info or {"label": f"The {name}"}
    document = {"naftiko": "1.0.0-alpha2", "info": told, "binds": binds, "capability": capability}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "document.yaml"
        path.write_bytes(msgspec.json.encode(document))  # JSON is YAML
        return compile_source(DocumentSource(name, "document.yaml", path), registry(), CompileOptions())


def capability(*entries, name="shop", **keys):
    """The exposures of a compiled document, with the runs of their calls."""
    plan = compiled(*entries, name=name, **keys).plan
    assert plan is not None
    runs = {}
    for exposure, (_, tools) in zip(plan.exposures, entries, strict=True):
        by_name = {written["name"]: run for written, _, run in tools}
        runs |= {call.key: by_name[call.exposed.name] for call in exposure.calls}
    return plan.exposures, runs


def registry():
    """What the plugins a document needs here offer."""
    kinds = {"auth_schemes": bearer.cap_auth_schemes(), "exposures": cap_exposures()}
    kinds |= {"output_mappers": json.cap_output_mappers(), "bindings": environment.cap_bindings()}
    keyed = {kind: {offer.key: offer for offer in made} for kind, made in kinds.items()}
    empty = dict.fromkeys(("plugins", "capabilities", "interceptors", "rules", "asgi"), ())
    return Registry(**keyed, **empty, transports={}, hooks=None)


class Kit:
    """Everything a test builds a face from; test modules cannot import each other."""

    meta = META
    batches = BATCHES
    json_header = JSON
    modern_request = staticmethod(modern_request)
    reply = staticmethod(reply)
    refuse = staticmethod(refuse)
    tool = staticmethod(tool)
    entry = staticmethod(entry)
    compiled = staticmethod(compiled)
    capability = staticmethod(capability)

    @staticmethod
    def face(*capabilities, passwords=None, limits=None):
        """Attach capabilities to one listener. `passwords` are by exposure key."""
        exposures = tuple(exposure for some, _ in capabilities for exposure in some)
        runs = {key: run for _, some in capabilities for key, run in some.items()}
        guards = Guards(passwords or {})
        return Face(
            attach(AttachContext(exposures=exposures, runs=runs, authenticator=guards, limits=limits or Limits())),
            guards,
        )

    @classmethod
    def one(cls, run=None, *, limits=None, secured=True, **keys):
        """A face with the one tool `list`."""
        return cls.face(capability(entry(tool("list", run, **keys)), secured=secured), limits=limits)


@pytest.fixture(scope="session")
def kit():
    """The building blocks."""
    return Kit
