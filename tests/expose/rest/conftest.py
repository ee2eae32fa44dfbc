"""Calls made by hand, a driver for raw ASGI endpoints, and a real server for what only shows on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from cap_core.compile.describe import described
from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource
from cap_core.errors import Mark
from cap_core.plan.call import Call
from cap_core.plan.exposed import DeclaredOutput, ExposedOperation
from cap_core.plan.flow import CallStep, Flow, Mapped, PassThrough
from cap_core.plan.input_types import InputType
from cap_core.plan.inputs import Input, Inputs
from cap_core.plan.plan import About, ExposurePlan
from cap_core.plan.request import Request
from cap_core.plan.upstream import Authentication, Consumed, Operation
from cap_core.plan.values import Constant, Tree
from cap_core.plugins.exposure import AttachContext, Limits
from cap_core.plugins.messages import Reply
from cap_core.plugins.registry import Registry
from cap_core.server.router import Found, Router
from cap_plugins.auth import apikey, bearer
from cap_plugins.binding import environment
from cap_plugins.expose import rest
from cap_plugins.expose.rest.endpoint import compile_endpoint
from cap_plugins.output import json as json_mapper

AT = Mark("cats.yaml", 40, 7)
ABOUT = About(name="cats", title="Cats", description="Everything about cats.", version="1", file="cats.yaml")


def make_input(name, place="query", type=None, *, required=False, **more):
    """An input by the place it stands at."""
    limits = {key: more.pop(key) for key in InputType.__struct_fields__ if key in more}
    of = InputType(type=type, **limits)
    return Input(name=name, place=place, wire=more.pop("wire", name), of=of, required=required, at=AT, **more)


def make_call(*inputs, path="/cats", method="GET", name="op", outputs=(), upstream="GET", capability="cats", **more):
    """A call of the given inputs on one exposed address."""
    consumed = Consumed(capability, "vendor", None, "", None, AT)
    operation = Operation(name, upstream, path, (path,), "", consumed, "", more.pop("format", "json"), AT)
    exposed = ExposedOperation(
        name=name, kind="operation", at=AT, call=f"vendor.{name}", call_at=AT, method=method, path=path, **more
    )
    key = f"{capability}/cats-rest/{method} {path}"
    step = CallStep(name=name, request=Request(operation))
    flow = Flow((step,), Mapped(outputs) if outputs else PassThrough())
    return Call(
        key=key,
        capability=capability,
        exposed=exposed,
        inputs=Inputs(inputs),
        flow=flow,
        describes=described(flow),
    )


def make_exposure(*calls, rejected=(), about=ABOUT, namespace="cats-rest", authentication=None):
    """An exposure of some calls."""
    return ExposurePlan(
        about=about,
        key=f"{about.name}/{namespace}",
        type="rest",
        namespace=namespace,
        description="",
        port=8080,
        at=AT,
        calls=calls,
        rejected=rejected,
        authentication=authentication,
        options=None,
    )


def make_authentication(type, **options):
    """What an exposure asks of its callers."""
    values = {name: _value(value) for name, value in options.items()}
    return Authentication(type, values, AT, {})


def _value(value):
    if isinstance(value, dict):
        return Tree(tuple((name, Constant(inner)) for name, inner in value.items()), keyed=True)
    return Constant(value)


class Runs:
    """Answers calls, and remembers with which values and context it was asked."""

    def __init__(self, answer=None):
        self.answer = answer if answer is not None else Reply(200, ((b"content-type", b"text/plain"),), b"meow")
        self.asked: list[tuple[dict[str, Any], Any]] = []

    async def __call__(self, values, context):
        self.asked.append((dict(values), context))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer if not callable(self.answer) else await self.answer(values, context)

    @property
    def values(self):
        """The values of the only call."""
        ((values, _),) = self.asked
        return values

    @property
    def context(self):
        """The context of the only call."""
        ((_, context),) = self.asked
        return context


@dataclass
class Answer:
    """What an endpoint sent."""

    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def status(self):
        return self.messages[0]["status"]

    @property
    def headers(self):
        return {name.decode(): value.decode() for name, value in self.messages[0]["headers"]}

    @property
    def body(self):
        return b"".join(message.get("body", b"") for message in self.messages[1:])

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def detail(self):
        return self.json["detail"]


async def drive(endpoint, method="GET", params=(), query=b"", headers=(), body=None, scope=()):
    """One request through an endpoint. `body` is bytes, or a list of the chunks it arrives in."""
    chunks = [] if body is None else [body] if isinstance(body, bytes) else list(body)
    fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    if isinstance(body, bytes):
        fields.append((b"content-length", b"%d" % len(body)))
    elif body is not None:
        fields.append((b"transfer-encoding", b"chunked"))
    messages = [{"type": "http.request", "body": c, "more_body": n < len(chunks)} for n, c in enumerate(chunks, 1)]
    messages = messages or [{"type": "http.request", "body": b"", "more_body": False}]
    out = Answer()
    never = asyncio.Event()

    async def receive():
        if messages:
            return messages.pop(0)
        await never.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        out.messages.append(message)

    whole = {"type": "http", "method": method, "query_string": query, "headers": fields, **dict(scope)}
    await endpoint(whole, receive, send, tuple(params))
    return out


@pytest.fixture
def ask():
    """Ask an operation made of inputs; gives the answer, and the runs that answered it."""

    def ask(*inputs, answer=None, limit=1000, call=(), **request):
        made = make_call(*inputs, **dict(call))
        runs = Runs(answer)
        got = asyncio.run(drive(compile_endpoint(made, runs, limit), **request))
        return got, runs

    return ask


@pytest.fixture
def values(ask):
    """The values that a request gives an operation made of inputs."""

    def values(*inputs, **request):
        got, runs = ask(*inputs, **request)
        assert got.status == 200, got.body
        return runs.values

    return values


@pytest.fixture
def field_errors(ask):
    """What an operation made of inputs says is wrong with a request; it must not have run."""

    def field_errors(*inputs, status=400, **request):
        got, runs = ask(*inputs, **request)
        assert got.status == status, got.body
        assert runs.asked == []
        assert got.headers["content-type"] == "application/problem+json"
        return [f"{error['where']} {error['what']}" for error in got.json["errors"]]

    return field_errors


@pytest.fixture
def face():
    """The face of exposures, every call of which is answered by `run`."""

    def face(*exposures, run=None, limits=Limits()):  # noqa: B008  (frozen)
        runs = {call.key: run or Runs() for exposure in exposures for call in exposure.calls}
        return rest.attach(AttachContext(exposures=exposures, runs=runs, authenticator=None, limits=limits))

    return face


def routed(face):
    """A face as an ASGI app that knows no more than its routes."""
    router = Router.build([(route.method, route.template, route.endpoint) for route in face.routes])

    async def app(scope, receive, send):
        assert scope["type"] == "http"
        found = router.match(scope["method"], scope["raw_path"])
        assert isinstance(found, Found)
        await found.payload(scope, receive, send, found.params)

    return app


@contextlib.asynccontextmanager
async def serve(app):
    """Uvicorn on a free port."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        # A transport closes its socket one turn of the loop after it was told to.
        while server.server_state.connections:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0)


@pytest.fixture
def served(face):
    """Serve one call by a run, and talk to it: `talk(reader, writer)` runs against the real server."""

    def served(call, run, talk):
        async def main():
            async with serve(routed(face(make_exposure(call), run=run))) as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                try:
                    return await asyncio.wait_for(talk(reader, writer), 10)
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()

        return asyncio.run(main())

    return served


@pytest.fixture
def made():
    """The makers of inputs, calls and exposures."""

    class Made:
        input = staticmethod(make_input)
        call = staticmethod(make_call)
        exposure = staticmethod(make_exposure)
        authentication = staticmethod(make_authentication)
        runs = Runs
        drive = staticmethod(drive)
        output = DeclaredOutput
        at = AT
        about = ABOUT

    return Made


@pytest.fixture
def compiled(tmp_path):
    """Compile documents by name with the built-in plugins a REST document needs; gives plan or diagnostics of each."""

    def compiled(**documents):
        registry = Registry(
            plugins=(),
            capabilities=(),
            auth_schemes={"bearer": bearer.cap_auth_schemes()[0], "apikey": apikey.cap_auth_schemes()[0]},
            output_mappers={"json": json_mapper.cap_output_mappers()[0]},
            exposures={"rest": rest.cap_exposures()[0]},
            bindings={offer.key: offer for offer in environment.cap_bindings()},
            transports={},
            interceptors=(),
            rules=(),
            asgi=(),
            hooks=None,
        )
        out = []
        for name, text in documents.items():
            path = tmp_path / f"{name}.yaml"
            path.write_text(text)
            out.append(compile_source(DocumentSource(name, path.name, path), registry, CompileOptions()))
        return out

    return compiled


@pytest.fixture
def exposures(compiled):
    """The compiled exposures of some documents."""

    def exposures(**documents):
        done = compiled(**documents)
        assert [] == [str(d) for one in done for d in one.diagnostics if one.plan is None]
        return tuple(exposure for one in done for exposure in one.plan.exposures)

    return exposures
