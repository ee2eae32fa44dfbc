"""Plugins: each hook does what it says, in a real gateway, from a file nobody packaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.compile.document import CompileOptions, compile_source
from cap_core.document.sources import DocumentSource, locate
from cap_core.errors import CapError, PluginError
from cap_core.plugins import loader
from cap_core.runtime.options import OpenOptions
from cap_core.testing import Answered, gateway, upstream

Things = Callable[..., Path]
REST = "- path: /things/{id}\n  operations:\n  - {method: GET, name: get-thing, call: api.get-thing}"


@pytest.fixture
def plugin(tmp_path: Path) -> Callable[[str], Path]:
    def write(code: str, name: str = "extra.py") -> Path:
        path = tmp_path / name
        path.write_text("from cap_core import *\nimport msgspec\n" + code)
        return path

    return write


def test_an_auth_scheme(things: Things, get_thing: str, plugin) -> None:
    code = """
class Options(msgspec.Struct, forbid_unknown_fields=True):
    salt: str

@hookimpl
def cap_auth_schemes():
    return [AuthScheme(key="salted", options=Options, sign=lambda o, at: Credentials(headers=((b"X-Salt", o.salt.encode()),)))]
"""
    document = things("authentication: {type: salted, salt: '{{THINGS_KEY}}'}\n" + get_thing, REST)
    with (
        upstream() as api,
        gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": "s"}, plugin_files=[plugin(code)]) as cap,
    ):
        httpx.get(cap.url + "/things/7")

    assert b"s" == api.requests[0].header("x-salt")


def test_an_auth_scheme_with_an_exchange_of_its_own(things: Things, get_thing: str, plugin) -> None:
    code = """
from cap_core.plugins.messages import HttpRequest

class Options(msgspec.Struct):
    pass

def wrap(send):
    async def signed(request, context):
        first = await send(request, context)
        nonce = dict(first.headers)[b"x-nonce"]
        return await send(msgspec.structs.replace(request, headers=(*request.headers, (b"X-Answer", nonce))), context)
    return signed

@hookimpl
def cap_auth_schemes():
    return [AuthScheme(key="dance", options=Options, sign=lambda o, at: AuthFlow(Credentials(), wrap))]
"""
    document = things("authentication: {type: dance}\n" + get_thing, REST)
    nonce = Answered(headers=((b"x-nonce", b"n1"),))
    with (
        upstream(lambda r: nonce) as api,
        gateway(document, base_uris={"api": api.url}, plugin_files=[plugin(code)]) as cap,
    ):
        httpx.get(cap.url + "/things/7")

    assert [None, b"n1"] == [request.header("x-answer") for request in api.requests]


def test_an_output_mapper(things: Things, get_thing: str, plugin) -> None:
    code = """
class Options(msgspec.Struct):
    pass

@hookimpl
def cap_output_mappers():
    return [OutputMapper(key="words", options=Options, compile=lambda o, at: lambda body, kind: body.decode().split())]
"""
    consumes = get_thing.replace("    method: GET", "    method: GET\n    outputRawFormat: words")
    document = things(consumes, MAPPED)
    with upstream(lambda r: Answered(body=b"a b c")) as api:
        with gateway(document, base_uris={"api": api.url}, plugin_files=[plugin(code)]) as cap:
            answer = httpx.get(cap.url + "/things/7")

    assert {"second": "b"} == answer.json()


MAPPED = """\
- path: /things/{id}
  operations:
  - method: GET
    name: get-thing
    call: api.get-thing
    outputParameters: [{name: second, mapping: '$[1]'}]
"""


def test_an_exposure(document, plugin) -> None:
    code = """
from collections.abc import Mapping
from cap_core.server.asgi import answer
from cap_core.plugins.context import Context
from cap_core.document.model import ExposesEntry
from cap_core.plan.exposed import ExposedOperation

class Entry(ExposesEntry, frozen=True, kw_only=True):
    call: str

def declared(entry, at):
    return [ExposedOperation(name="only", kind="fax", at=entry.at, call=entry.call, call_at=entry.mark("call"))]

def attach(at):
    run = at.runs[at.exposures[0].calls[0].key]
    async def endpoint(scope, receive, send, params):
        await answer(send, await run({"id": scope["query_string"].decode()}, Context("fax", "only")))
    return MountedExposure(routes=(Route(method="POST", template="/fax", endpoint=endpoint, owner="x"),))

@hookimpl
def cap_exposures():
    return [Exposure(key="fax", options=Entry, default_port=7, declared=declared, attach=attach)]
"""
    text = (
        "naftiko: 1.0.0-alpha2\ncapability:\n  consumes:\n  - namespace: api\n    baseUri: https://x.example\n"
        "    resources:\n    - path: /t/{id}\n      operations: [{name: get, method: GET}]\n"
        "  exposes:\n  - {type: fax, namespace: f, port: 7, call: api.get}\n"
    )
    with upstream() as api, gateway(document(text), base_uris={"api": api.url}, plugin_files=[plugin(code)]) as cap:
        assert 200 == httpx.post(cap.url + "/fax?9").status_code

    assert b"/t/9" == api.requests[0].target


def test_a_binding_location(things: Things, get_thing: str, plugin) -> None:
    code = """
class Cave:
    def describe(self, name): return f"{name} in the cave"
    async def fetch(self, names): return {name: Secret("gold") for name in names}

@hookimpl
def cap_bindings():
    return [BindingResolver(key="cave", parse=lambda location, at: Cave())]
"""
    document = things("authentication: {type: bearer, token: '{{THINGS_KEY}}'}\n" + get_thing, REST)
    document.write_text(document.read_text().replace("- namespace: env", "- namespace: env\n  location: cave://deep"))
    with upstream() as api, gateway(document, base_uris={"api": api.url}, plugin_files=[plugin(code)]) as cap:
        httpx.get(cap.url + "/things/7")

    assert b"Bearer gold" == api.requests[0].header("authorization")


def test_a_transport(thing: Path, plugin) -> None:
    code = """
from contextlib import asynccontextmanager
from cap_core.plugins.messages import HttpResponse

@asynccontextmanager
async def opened(at):
    async def send(request, context):
        return HttpResponse(200, ((b"content-type", b"text/plain"),), request.target)
    yield send

@hookimpl
def cap_transports():
    return [Transport(key="echo", open=opened)]
"""
    with gateway(thing, opening=OpenOptions(transport="echo"), plugin_files=[plugin(code)]) as cap:
        assert "/base/things/7" == httpx.get(cap.url + "/things/7").text


def test_interceptors_stand_around_calls_and_sendings(thing: Path, plugin) -> None:
    code = """
from cap_core.plugins.messages import Reply

def wrap_call(call, run):
    async def counted(inputs, context):
        reply = await run(inputs, context)
        return Reply(reply.status, (*reply.headers, (b"x-request-id", b"call")), reply.body)
    return counted

def wrap_send(operation, send):
    async def twice(request, context):
        await send(request, context)
        return await send(request, context)
    return twice

@hookimpl
def cap_interceptors():
    return [Interceptor(key="both", wrap_call=wrap_call, wrap_send=wrap_send)]
"""
    with upstream() as api, gateway(thing, base_uris={"api": api.url}, plugin_files=[plugin(code)]) as cap:
        answer = httpx.get(cap.url + "/things/7")

    assert ("call", 2) == (answer.headers["x-request-id"], len(api.requests))


def test_a_diagnostic_rule(thing: Path, plugin) -> None:
    code = """
from cap_core.diagnostics.codes import Code
from cap_core.diagnostics.report import Diagnostic

def diagnose(plan):
    return [Diagnostic(plan.consumed[0].at, "warning", "house-rule", "not in this house", "elsewhere")]

@hookimpl
def cap_diagnose():
    return [DiagnosticRule(key="house", codes=(Code("house-rule", "warning", "A rule.", "elsewhere"),), diagnose=diagnose)]
"""
    registry = loader.load(files=(plugin(code),))
    out = compile_source(DocumentSource("things", "things.yaml", thing), registry, CompileOptions())

    assert "house-rule" in [d.code for d in out.diagnostics]


def test_a_page_of_the_app(thing: Path, plugin) -> None:
    code = """
from litestar import get

@get("/hello", sync_to_thread=False)
def hello() -> str:
    return "hello"

@hookimpl
def cap_app_init(app_config):
    app_config.route_handlers.append(hello)
"""
    with gateway(thing, plugin_files=[plugin(code)]) as cap:
        assert "hello" == httpx.get(cap.url + "/hello").text


def test_a_wrapper_of_the_whole_app(thing: Path, plugin) -> None:
    code = """
from cap_core import AsgiWrapper

def wrap(app):
    async def wrapped(scope, receive, send):
        async def marked(message):
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-wrapped", b"yes")]
            await send(message)
        await app(scope, receive, marked)
    return wrapped

@hookimpl
def cap_asgi():
    return [AsgiWrapper(key="mark", wrap=wrap)]
"""
    with gateway(thing, plugin_files=[plugin(code)]) as cap:
        assert "yes" == httpx.get(cap.url + "/nowhere").headers["x-wrapped"]


def test_installed_capabilities_are_found_by_name(thing: Path, plugin) -> None:
    code = f"""
from pathlib import Path

@hookimpl
def cap_capabilities():
    return [CapabilitySource("installed-thing", Path({str(thing)!r}))]
"""
    registry = loader.load(files=(plugin(code),))

    assert ["installed-thing"] == [s.name for s in locate(["installed-thing"], registry.capabilities)]
    with pytest.raises(CapError, match=r"did you mean 'installed-thing'"):
        locate(["instaled-thing"], registry.capabilities)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        pytest.param("import nowhere_to_be_found", "does not load: No module named", id="import"),
        pytest.param("1/0", "does not load: division by zero", id="error"),
        pytest.param("@hookimpl\ndef cap_nonsense(): pass", "cap_nonsense", id="unknown-hook"),
        pytest.param(
            "@hookimpl\ndef cap_transports(): raise KeyError",
            "cap_transports failed: it gives no reason",
            id="fails-when-asked",
        ),
        pytest.param(
            "@hookimpl\ndef cap_output_mappers(): return [OutputMapper(key='json', options=msgspec.Struct, compile=print)]",
            "'output-json' and 'extra' both offer the output format 'json'",
            id="doubled-key",
        ),
    ],
)
def test_a_plugin_that_is_wrong_stops_the_start_in_one_line(plugin, code: str, says: str) -> None:
    with pytest.raises(PluginError) as caught:
        loader.load(files=(plugin(code),))

    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plugin_can_be_left_out_and_a_name_nobody_has_is_an_error() -> None:
    assert "json" not in loader.load(block=frozenset({"output-json"})).output_mappers
    assert {"json"} == set(loader.load(only=frozenset({"output-json"})).output_mappers)
    with pytest.raises(PluginError, match="did you mean 'output-json'"):
        loader.load(block=frozenset({"output-jsn"}))
