"""A plugin that does something wrong is named, with the line of its code; and what restricts fails closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.cli import main
from cap_core.errors import PluginError
from cap_core.logging import log
from cap_core.testing import PATIENCE, Answered, gateway, upstream

LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "get-thing", "arguments": {"id": "7"}}}


@pytest.fixture(autouse=True)
def _json_log() -> None:
    log.configure("json", "info")


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
    line = next(line for line in capfd.readouterr().err.splitlines() if told["trace_id"] in line)
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


POST = """\
resources:
- path: /things
  operations: [{name: make-thing, method: POST}]
"""
REST_POST = "- path: /things\n  operations: [{method: POST, name: make-thing, call: api.make-thing}]"
TOOL_POST = "- {name: make-thing, description: Make it., call: api.make-thing}"

SEND = """\
import asyncio
import json
import msgspec
from cap_core import *
from cap_core.plugins.messages import HttpRequest, HttpResponse, Reply


def wrap(operation, send):
    async def sent(request, context):
        {body}
    return sent
"""
AS_SEND = "\n\n@hookimpl\ndef cap_interceptors():\n    return [Interceptor(key='mixed', wrap_send=wrap)]\n"
AS_CALL = "\n\n@hookimpl\ndef cap_interceptors():\n    return [Interceptor(key='mixed', wrap_call=wrap)]\n"
AS_FLOW = """

class Options(msgspec.Struct):
    pass


@hookimpl
def cap_auth_schemes():
    return [AuthScheme(key="dance", options=Options, sign=lambda o, at: AuthFlow(Credentials(), lambda s: wrap(0, s)))]
"""
AFTER = "response = await send(request, context)\n        "
ADD = "return await send(msgspec.structs.replace(request, {what}), context)"


@pytest.fixture
def failing(things, tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """A document that posts, and a plugin around that."""

    def write(body: str, place: str) -> tuple[Path, Path]:
        auth = "authentication: {type: dance}\n" if place is AS_FLOW else ""
        plugin = tmp_path / "mixed.py"
        plugin.write_text(SEND.replace("{body}", body) + place)
        return things(auth + POST, REST_POST, TOOL_POST), plugin

    return write


def _call(name: str, **arguments: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize("place", [AS_SEND, AS_CALL, AS_FLOW], ids=["send", "call", "flow"])
@pytest.mark.parametrize(
    ("body", "says", "sends"),
    [
        pytest.param(AFTER + "int('no number')", "invalid literal for int", True, id="value"),
        pytest.param(AFTER + "json.loads('<html>')", "Expecting value", True, id="json"),
        pytest.param(AFTER + "b'\\xff'.decode()", "can't decode byte", True, id="unicode"),
        pytest.param(AFTER + "{}['token']", "there is no 'token'", True, id="key"),
        pytest.param(AFTER + "raise SystemExit(3)", "it ends the process with 3", True, id="exit"),
        pytest.param(AFTER + "raise asyncio.CancelledError", "cancelled itself", True, id="cancelled"),
        pytest.param(
            AFTER + "raise Refusal(200, 'fine', 'x')", "the status of a Refusal is 400 to 599", True, id="refusal"
        ),
        pytest.param(AFTER + "raise Refusal(418, 'tea pot!', 'x')", "is a slug such as", True, id="slug"),
        pytest.param(AFTER + "raise UpstreamError('weird', 'x')", "not 'weird'", True, id="kind"),
        pytest.param(AFTER + "return None", "gave None, not an", True, id="none"),
        pytest.param(AFTER + "return 'done'", "gave a value of type str, not an", True, id="text"),
        pytest.param("raise ValueError('before')", "before", False, id="before"),
        pytest.param("raise ValueError('the secret sesame')", "the secret ***", False, id="secret"),
    ],
)
def test_a_fault_around_a_request_is_the_plugins(failing, capfd, body: str, says: str, sends: bool, place: str) -> None:
    document, plugin = failing(body, place)
    with (
        upstream() as api,
        gateway(document, base_uris={"api": api.url}, values={"THINGS_KEY": "sesame"}, plugin_files=[plugin]) as cap,
    ):
        rest = httpx.post(cap.url + "/things", json={"a": 1})
        tool = httpx.post(cap.url + "/mcp", json=_call("make-thing", body={"a": 1})).json()["result"]
        assert 200 == httpx.get(cap.url + "/health/live").status_code

    assert 2 * sends == len(api.requests)
    problem = rest.json()
    assert (500, "urn:cap:problem:internal") == (rest.status_code, problem["type"])
    assert "may have been carried out" in problem["detail"]
    text = tool["content"][0]["text"]
    assert tool["isError"]
    assert "It may have been carried out all the same" in text
    assert "Nothing was sent" not in text
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if '"cap.plugin"' in line]
    assert [problem["trace_id"]] == [line["request_id"] for line in lines if line["channel"] == "rest"]
    for line in lines:
        assert line["event"].startswith(f"mixed of {plugin}: ")
        assert says in line["event"]
        assert "mixed.py:" in line["event"]
    assert lines[1]["request_id"] in text


@pytest.mark.parametrize("place", [AS_SEND, AS_FLOW], ids=["send", "flow"])
@pytest.mark.parametrize(
    "what",
    [
        "headers=(*request.headers, (b'X-A', b'a\\r\\nX-B: b'))",
        "headers=(*request.headers, (b'X A', b'a'))",
        "target=request.target + b' HTTP/1.1'",
        "method='PO ST'",
    ],
    ids=["value", "name", "target", "method"],
)
def test_what_a_plugin_makes_unsendable_is_not_the_callers_fault(failing, capfd, what: str, place: str) -> None:
    document, plugin = failing(ADD.format(what=what), place)
    with upstream() as api, gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap:
        assert 500 == httpx.post(cap.url + "/things", json={"a": 1}).status_code

    assert [] == api.requests
    assert f"mixed of {plugin}:" in capfd.readouterr().err


NO_ANSWERS = ["200, (('x-a', 'a'),), b''", "200, (b'x-a',), b''", "200, (), 'text'", "200, (), None", "'200', (), b''"]


@pytest.mark.parametrize(
    ("place", "kind", "parts"),
    [(place, "HttpResponse", parts) for place in (AS_SEND, AS_FLOW) for parts in NO_ANSWERS]
    + [(AS_CALL, "Reply", parts) for parts in (*NO_ANSWERS, "200, ((b'x-a', b'a\\r\\nx-b: b'),), b''", "7, (), b''")],
)
def test_an_answer_that_no_server_can_send_is_the_plugins_fault(
    failing, capfd, place: str, kind: str, parts: str
) -> None:
    document, plugin = failing(f"return {kind}({parts})", place)
    with gateway(document, plugin_files=[plugin]) as cap:
        rest = httpx.post(cap.url + "/things", json={"a": 1})
        tool = httpx.post(cap.url + "/mcp", json=_call("make-thing")).json()["result"]

    assert (500, "urn:cap:problem:internal") == (rest.status_code, rest.json()["type"])
    assert tool["isError"]
    assert "HTTP does not allow (" in next(line for line in capfd.readouterr().err.splitlines() if "cap.plugin" in line)


def test_what_an_upstream_answers_badly_is_not_the_fault_of_a_plugin_that_hands_it_on(failing) -> None:
    document, plugin = failing("return await send(request, context)", AS_SEND)
    with (
        upstream(lambda r: Answered(headers=((b"x-a", b"a\x01b"),))) as api,
        gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap,
    ):
        answer = httpx.post(cap.url + "/things", json={"a": 1})

    assert (502, "urn:cap:problem:upstream-malformed") == (answer.status_code, answer.json()["type"])


def test_a_refusal_of_a_plugin_is_what_it_says(failing) -> None:
    document, plugin = failing("raise Refusal(429, 'too-many-calls', 'the quota is used up', sent=False)", AS_CALL)
    with gateway(document, plugin_files=[plugin]) as cap:
        rest = httpx.post(cap.url + "/things", json={"a": 1})
        text = httpx.post(cap.url + "/mcp", json=_call("make-thing")).json()["result"]["content"][0]["text"]

    assert (429, "urn:cap:problem:too-many-calls") == (rest.status_code, rest.json()["type"])
    assert "the quota is used up (HTTP 429" in text
    assert "Nothing was sent upstream" in text


def test_an_upstream_error_around_a_call_is_told_alike_on_both_faces(failing) -> None:
    document, plugin = failing("raise UpstreamError('refused', 'the vault is shut', sent=False)", AS_CALL)
    with gateway(document, plugin_files=[plugin]) as cap:
        rest = httpx.post(cap.url + "/things", json={"a": 1})
        tool = httpx.post(cap.url + "/mcp", json=_call("make-thing")).json()["result"]

    assert (502, "urn:cap:problem:upstream-unreachable") == (rest.status_code, rest.json()["type"])
    assert "the vault is shut" in rest.json()["detail"]
    assert "the vault is shut; try again later (HTTP 502" in tool["content"][0]["text"]


def test_the_stream_that_a_plugin_drops_is_closed(failing) -> None:
    body = AFTER + "return Reply(200, ((b'content-type', b'text/plain'),), b'mine')"
    document, plugin = failing(body, AS_CALL)
    events = Answered(headers=((b"content-type", b"text/event-stream"),), body=[b"data: 1\n\n"] * 600, pause=0.1)
    with upstream(lambda r: events) as api, gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap:
        assert "mine" == httpx.post(cap.url + "/things", json={"a": 1}).text
        assert api.gone.wait(PATIENCE)


def test_the_stream_that_a_retry_leaves_is_closed_and_the_last_one_is_not(failing) -> None:
    document, plugin = failing(AFTER + "return await send(request, context)", AS_SEND)
    events = Answered(headers=((b"content-type", b"text/event-stream"),), body=[b"data: 1\n\n"] * 600, pause=0.1)
    answers = [events, Answered(body=[b"x" * 100_000] * 3)]
    with (
        upstream(lambda r: answers.pop(0)) as api,
        gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap,
    ):
        assert 300_000 == len(httpx.post(cap.url + "/things", json={"a": 1}).content)
        assert api.gone.wait(PATIENCE)


def test_a_stream_that_a_plugin_wraps_is_read_to_its_end(failing) -> None:
    body = AFTER + "return msgspec.structs.replace(response, body=Upper(response.body))"
    stream = (
        "\n\nclass Upper:\n    def __init__(self, body):\n        self.body = body\n"
        "    async def __aiter__(self):\n        async for part in self.body:\n            yield part.upper()\n"
        "    async def aclose(self):\n        await self.body.aclose()\n"
    )
    document, plugin = failing(body, stream + AS_CALL)
    with (
        upstream(lambda r: Answered(body=[b"x" * 100_000] * 3)) as api,
        gateway(document, base_uris={"api": api.url}, plugin_files=[plugin]) as cap,
    ):
        assert b"X" * 300_000 == httpx.post(cap.url + "/things", json={"a": 1}).content


PAGES = """
from cap_core.document.model import ExposesEntry
from cap_core.server.asgi import answer
from litestar import get


class Pages(ExposesEntry, frozen=True):
    pass


def attach(at):
    async def endpoint(scope, receive, send, values):
        {body}
    return MountedExposure(
        routes=(Route(method="*", template="/own", endpoint=endpoint, owner="x"),), drain=fails, replaced=fails
    )


def fails():
    raise ValueError("boom")


@get("/page", sync_to_thread=False)
def page() -> str:
    fails()


@hookimpl
def cap_exposures():
    return [Exposure(key="pages", options=Pages, default_port=9999, declared=lambda entry, at: (), attach=attach)]


@hookimpl
def cap_app_init(app_config):
    app_config.route_handlers.append(page)


@hookimpl
def cap_asgi():
    def wrap(app):
        async def wrapped(scope, receive, send):
            if scope["path"] == "/wrapped":
                fails()
            await app(scope, receive, send)
        return wrapped
    return [AsgiWrapper(key="outside", wrap=wrap)]
"""
REFUSES = "raise Refusal(403, 'too-late', 'the shop is closed', headers=((b'x-open', b'9'),))"
STARTED = 'await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"9")]})\n        '


@pytest.fixture
def pages(thing: Path, tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    def write(body: str) -> tuple[Path, Path]:
        thing.write_text(thing.read_text() + "  - type: pages\n    namespace: own\n    port: 9999\n")
        plugin = tmp_path / "own.py"
        plugin.write_text(
            "import asyncio\nfrom cap_core import *\nfrom cap_core.plugins.messages import Reply\n"
            + PAGES.replace("{body}", body)
        )
        return thing, plugin

    return write


def test_a_refusal_in_an_endpoint_becomes_its_problem(pages, capfd) -> None:
    document, plugin = pages(REFUSES)
    with gateway(document, plugin_files=[plugin]) as cap:
        answer = httpx.get(cap.url + "/own")
        head = httpx.head(cap.url + "/own")

    problem = answer.json()
    assert (403, "urn:cap:problem:too-late", "9") == (answer.status_code, problem["type"], answer.headers["x-open"])
    assert "the shop is closed" == problem["detail"]
    assert problem["trace_id"]
    assert (403, b"") == (head.status_code, head.content)
    assert "the shop is closed" not in capfd.readouterr().err  # what a plugin refuses is no fault


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("fails()", "failed: boom"),
        ("raise SystemExit(3)", "failed: it ends the process with 3"),
        ("raise asyncio.CancelledError", "failed: it cancelled itself"),
        ("return {}['x']", "failed: there is no 'x'"),
    ],
)
def test_an_endpoint_that_fails_is_answered_with_500_and_logged_with_its_plugin(pages, capfd, body, says) -> None:
    document, plugin = pages(body)
    with gateway(document, plugin_files=[plugin]) as cap:
        told = [
            httpx.get(cap.url + "/own", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"}),
            httpx.get(cap.url + "/own"),
        ]
        assert 200 == httpx.get(cap.url + "/health/live").status_code

    assert "ab" * 16 == told[0].json()["trace_id"]
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if "cap.plugin" in line]
    for answer in told:
        assert (500, "urn:cap:problem:internal") == (answer.status_code, answer.json()["type"])
        (line,) = [line for line in lines if line.get("request_id") == answer.json()["trace_id"]]
        assert f"own of {plugin}: the endpoint of this address {says}" in line["event"]
        assert "own.py:" in line["event"]


@pytest.mark.parametrize(
    ("path", "what"), [("/page", "the page failed: boom"), ("/wrapped", "the asgi wrapper outside failed: boom")]
)
def test_pages_and_wrappers_that_fail_are_answered_too(pages, capfd, path: str, what: str) -> None:
    document, plugin = pages("pass")
    with gateway(document, plugin_files=[plugin]) as cap:
        answer = httpx.get(cap.url + path)

    assert (500, "urn:cap:problem:internal") == (answer.status_code, answer.json()["type"])
    line = next(line for line in capfd.readouterr().err.splitlines() if answer.json()["trace_id"] in line)
    assert f"own of {plugin}: {what}" in line


def test_an_endpoint_that_fails_in_the_middle_of_its_answer_closes_the_connection(pages, capfd) -> None:
    document, plugin = pages(STARTED + "fails()")
    with gateway(document, plugin_files=[plugin]) as cap, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(cap.url + "/own")

    assert f"own of {plugin}: the endpoint of this address failed: boom" in capfd.readouterr().err


def test_a_plugin_that_fails_while_the_gateway_changes_or_stops_is_only_logged(pages, capfd) -> None:
    document, plugin = pages("await answer(send, Reply(200, (), b'old'))")
    with gateway(document, plugin_files=[plugin]) as cap:
        cap.replace(document)
        assert b"old" == httpx.get(cap.url + "/own").content

    log_ = capfd.readouterr().err
    assert f"own of {plugin}: replaced of the exposure pages failed: boom" in log_
    assert f"own of {plugin}: drain of the exposure pages failed: boom" in log_
