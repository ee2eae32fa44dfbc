"""A small gateway by hand: compiled calls over ordinary functions, attached by the plugin and served for real."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from contextlib import contextmanager

import msgspec
import pytest
import uvicorn

from cap_core.errors import Mark, Refusal
from cap_core.inputs import Input, Inputs
from cap_core.offers import AttachAt, Limits
from cap_core.plan import About, Authentication, Call, Consumed, Exposed, ExposurePlan, Operation
from cap_core.types import Caller, Reply
from cap_plugins.expose.mcp import attach
from cap_plugins.expose.mcp.model import Detail, Hints, McpEntry

AT = Mark("shop.yaml", 1, 1)
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

    async def enter(self, exposure, scope, headers):
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
        scope["headers"] = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers]
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


def item(name, type_="string", **more):
    """An input of a tool."""
    return Input(name=name, place="argument", wire=name, type=type_, at=AT, required=False, **more)


def tool(name, run=None, *, method="GET", inputs=(), description="", title="", hints=None, detail=True, secured=True):
    """A tool and what runs it."""
    authentication = Authentication(type="bearer", options={}, at=AT, marks={}) if secured else None
    consumed = Consumed(capability="shop", namespace="vendor", base=None, authentication=authentication, at=AT)
    operation = Operation(
        name=name, method=method, path=f"/{name}", consumed=consumed, description=f"The vendor's {name}.", format="json", at=AT
    )
    given = Hints(at=AT, **hints) if hints is not None else None
    exposed = Exposed(
        name=name,
        at=AT,
        call=f"vendor.{name}",
        call_at=AT,
        description=description,
        detail=Detail(title, given) if detail else None,
    )
    call = Call(key=name, exposed=exposed, operation=operation, inputs=Inputs(inputs), feeds=(), outputs=())
    return call, run or reply(BATCHES)


def exposure(*tools, capability="shop", namespace="shop-mcp", description="Sells things.", guarded=False, **options):
    """An exposure and the runs of its tools."""
    renamed = [(msgspec.structs.replace(c, key=f"{capability}/{namespace}/{c.key}"), run) for c, run in tools]
    plan = ExposurePlan(
        about=About(capability, f"The {capability}", "", "1.2", "shop.yaml"),
        type="mcp",
        namespace=namespace,
        description=description,
        port=9090,
        at=AT,
        calls=tuple(c for c, _ in renamed),
        quarantined=(),
        authentication=Authentication(type="bearer", options={}, at=AT, marks={}) if guarded else None,
        options=McpEntry(at=AT, type="mcp", namespace=namespace, **options),
    )
    return plan, {c.key: run for c, run in renamed}


class Kit:
    """Everything a test builds a face from; test modules cannot import each other."""

    answered = Answered
    meta = META
    modern_request = staticmethod(modern_request)
    reply = staticmethod(reply)
    refuse = staticmethod(refuse)
    item = staticmethod(item)
    tool = staticmethod(tool)
    exposure = staticmethod(exposure)
    json_header = JSON
    batches = BATCHES

    @staticmethod
    def face(*exposures, passwords=None, limits=None):
        """Attach exposures to one listener; each is what `exposure` gave."""
        runs = {key: run for _, some in exposures for key, run in some.items()}
        guards = Guards(passwords or {})
        plans = tuple(plan for plan, _ in exposures)
        return Face(attach(AttachAt(exposures=plans, runs=runs, host=guards, limits=limits or Limits())), guards)

    @classmethod
    def one(cls, run=None, *, limits=None, **more):
        """A face with the one tool `list`."""
        return cls.face(exposure(tool("list", run, **more)), limits=limits)


@pytest.fixture(scope="session")
def kit():
    """The building blocks."""
    return Kit
