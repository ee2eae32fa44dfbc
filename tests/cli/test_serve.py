"""`cap serve`: how it starts, what it says, what it refuses, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import Answered, upstream
from waiting import until

Cap = Callable[..., subprocess.CompletedProcess[str]]
Serving = Callable[..., Any]

GUARD = """\
  - type: rest
    namespace: guarded
    port: 8080
    authentication: {type: bearer, token: '{{env.THINGS_KEY}}'}
"""


# --- ready ------------------------------------------------------------------------------------------------------------


def test_the_last_line_says_that_it_is_ready(serving: Serving, thing: Path) -> None:
    with serving(thing.name, "--port", "0", "--log-format", "console") as server:
        assert server.lines[-1] == "ready: 1 capability, 1 route, 1 tool"
        assert httpx.get(server.url + "/health/ready").status_code == 200


def test_people_see_listeners_routes_endpoints_and_where_variables_go(
    serving: Serving, things: Callable[..., Path], get_thing: str
) -> None:
    auth = "authentication: {type: bearer, token: '{{env.THINGS_KEY}}'}\n"
    path = things(auth + get_thing, tools="- {name: get-thing, description: Get it., call: api.get-thing}")
    with serving(path.name, "--port", "0", "--log-format", "console", THINGS_KEY="") as server:
        words = [line.split() for line in server.lines]
        assert ["docs", f"{server.url}/docs", "to", "read", "and", "to", "try"] in words
        assert ["MCP", f"{server.url}/mcp", "every", "tool"] in words
        assert ["MCP", f"{server.url}/mcp/things", "things"] in words
        assert ["callers", "anybody", "who", "reaches", "this", "address"] in words
        assert any(line[:2] == ["THINGS_KEY", "api.example"] and line[-2:] == ["not", "set"] for line in words)
        assert any("THINGS_KEY is not set; what needs it answers 503" in line for line in server.lines)


def test_a_route_that_two_capabilities_have_is_shown_below_their_names(
    serving: Serving, thing: Path, document: Callable[..., Path]
) -> None:
    document(thing.read_text(), "other.yaml")
    with serving(".", "--port", "0", "--log-format", "console") as server:
        routes = [line.split()[1] for line in server.lines if line.startswith("GET ")]
        assert routes == ["/other/things/{id}", "/things/things/{id}"]
        assert httpx.get(server.url + "/things/1").status_code == 404


def test_programs_get_events(serving: Serving, thing: Path) -> None:
    with serving(thing.name, "--port", "0") as server:
        last = json.loads(server.lines[-1])
        assert last["event"] == "ready"
        assert (last["capabilities"], last["routes"], last["tools"]) == (1, 1, 1)
        assert httpx.get(last["addresses"][0] + "/health/live").status_code == 200
        listener = next(json.loads(line) for line in server.lines if '"listener"' in line)
        assert listener["addresses"]["MCP"] == "/mcp"


def test_the_ready_line_is_there_at_every_level(serving: Serving, thing: Path) -> None:
    with serving(thing.name, "--port", "0", "--log-level", "error") as server:
        assert [json.loads(line)["event"] for line in server.lines] == ["ready"]


def test_stdout_stays_clean(serving: Serving, thing: Path) -> None:
    with serving(thing.name, "--port", "0") as server:
        server.signal(signal.SIGTERM)
        assert server.ended() == 0
        assert server.process.stdout.read() == ""


def test_each_exposure_listens_where_its_document_says(
    serving: Serving, thing: Path, free_ports: Callable[[int], list[int]]
) -> None:
    rest, mcp = free_ports(2)
    thing.write_text(thing.read_text().replace("8080", str(rest)).replace("9090", str(mcp)))
    with serving(thing.name) as server:
        assert json.loads(server.lines[-1])["addresses"] == [f"http://127.0.0.1:{rest}", f"http://127.0.0.1:{mcp}"]
        assert httpx.get(f"http://127.0.0.1:{rest}/mcp").status_code == 404
        assert httpx.get(f"http://127.0.0.1:{mcp}/things/1").status_code == 404
        assert httpx.post(f"http://127.0.0.1:{mcp}/mcp").status_code != 404


def test_settings_of_the_file_are_taken_up(serving: Serving, thing: Path, tmp_path: Path) -> None:
    with upstream(lambda request: Answered(pause=5.0)) as api:
        (tmp_path / "cap.toml").write_text(
            f'port = 0\naccess-log = true\n[base-uri]\napi = "{api.url}"\n[upstreams.api]\nfirst-byte = 0.2\n'
        )
        with serving(thing.name) as server:
            assert httpx.get(server.url + "/things/1").status_code == 504
            line = json.loads(server.wait_for('"request"'))
            assert (line["method"], line["path"], line["status"]) == ("GET", "/things/1", 504)
            assert line["ms"] > 100


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("    resources:\n", "    authentification: {type: bearer, token: x}\n    resources:\n", "'authentification'"),
        ("inputParameters:", "outputParams: []\n        inputParameters:", "'outputParams'"),
    ],
)
def test_what_would_restrict_and_is_misspelt_is_shown_at_the_start(
    serving: Serving, document: Callable[..., Path], old: str, new: str, shown: str
) -> None:
    head, consumed, rest = RESTRICTED.partition("  exposes:\n")
    text = head + consumed + rest.replace(old, new, 1) if "authent" in shown else RESTRICTED.replace(old, new, 1)
    path = document(text, "restricted.yaml")
    with serving(path.name, "--port", "0", "--log-format", "console") as server:
        shows = [line for line in server.lines if "misspelt-restriction" in line]
    assert len(shows) == 1
    assert shown in shows[0]


RESTRICTED = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - namespace: api
    baseUri: https://api.example
    resources:
    - path: /a
      operations:
      - name: uncalled
        method: GET
        inputParameters: []
      - {name: list, method: GET}
  exposes:
  - type: rest
    namespace: r
    port: 8080
    resources:
    - {path: /a, operations: [{method: GET, name: a, call: api.list}]}
  - type: mcp
    namespace: m
    port: 9090
    tools: [{name: a, description: A., call: api.list}]
"""


# --- what is refused --------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_named_and_nothing_listens(
    cap: Cap, thing: Path, free_ports: Callable[[int], list[int]]
) -> None:
    rest, mcp = free_ports(2)
    thing.write_text(thing.read_text().replace("8080", str(rest)).replace("9090", str(mcp)))
    with socket.create_server(("127.0.0.1", mcp)):
        result = cap("serve", thing.name, "--log-format", "console")

        assert result.returncode == 1
        assert result.stderr.splitlines()[-1] == (
            f"127.0.0.1:{mcp}, which things/things-mcp wants, is already in use; "
            "stop what listens there, or choose another port with --port"
        )
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", rest))


def test_a_failed_start_is_one_event_where_the_log_is_json(cap: Cap, document: Callable[..., Path]) -> None:
    document("naftiko: 1.0.0-alpha2\n", "empty.yaml")
    result = cap("serve", "empty.yaml")

    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert json.loads(line)["event"].startswith("empty.yaml:1:1: error[missing-key]:")


def test_one_bad_document_stops_it_unless_it_shall_keep_going(
    cap: Cap, serving: Serving, thing: Path, document: Callable[..., Path]
) -> None:
    document("naftiko: 1.0.0-alpha2\n", "empty.yaml")
    result = cap("serve", ".", "--port", "0", "--log-format", "console")
    assert result.returncode == 1
    assert result.stderr.startswith("empty.yaml:1:1: error[missing-key]:")

    with serving(".", "--port", "0", "--keep-going", "--log-format", "console") as server:
        assert server.lines[-1] == "ready: 1 capability, 1 route, 1 tool"
        assert any("empty.yaml:1:1: error[missing-key]" in line and "(left out)" in line for line in server.lines)


def test_off_loopback_everybody_is_asked_who_they_are(cap: Cap, thing: Path) -> None:
    result = cap("serve", thing.name, "--host", "0.0.0.0", "--port", "0", "--log-format", "console")

    assert result.returncode == 1
    assert re.sub(r":\d+:\d+", ":LINE", result.stderr) == (
        "0.0.0.0 is open to other machines, and things/things-rest (things.yaml:LINE) and 1 more lets anybody in; "
        "ask callers with --caller-auth TYPE:NAME, or permit it with --allow-anonymous\n"
    )


@pytest.mark.parametrize(
    "permission", [["--allow-anonymous"], ["--caller-auth", "bearer:GATEWAY_TOKEN"]], ids=["anonymous", "asked"]
)
def test_off_loopback_is_served_where_that_is_settled(serving: Serving, thing: Path, permission: list[str]) -> None:
    with serving(thing.name, "--host", "0.0.0.0", "--port", "0", *permission, GATEWAY_TOKEN="t0ken") as server:
        url = server.url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(url + "/health/ready").status_code == 200
        asked = httpx.get(url + "/openapi.json").status_code == 401
        assert asked == ("--caller-auth" in permission)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--tls-cert", "c.pem", "--tls-key", "k.pem"], "c.pem cannot be read: No such file or directory"),
        (["--tls-cert", "things.yaml", "--tls-key", "things.yaml"], "things.yaml and things.yaml are no certificate"),
        (["--host", "no.such.host.invalid"], "cannot listen on 'no.such.host.invalid'"),
        (["--host", "no.such.host.invalid", "--allow-anonymous"], "cannot listen on 'no.such.host.invalid'"),
    ],
)
def test_what_cannot_be_served_with_stops_the_start(
    cap: Cap, thing: Path, arguments: list[str], complaint: str
) -> None:
    result = cap("serve", thing.name, "--port", "0", "--allow-anonymous", *arguments, "--log-format", "console")

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(complaint)


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_it_with_0(serving: Serving, thing: Path, number: int) -> None:
    with serving(thing.name, "--port", "0") as server:
        server.signal(number)

        assert server.ended() == 0
        assert not any("Traceback" in line for line in server.lines)


def test_no_call_fails_while_it_stops_under_load(serving: Serving, thing: Path, load: Callable[..., Any]) -> None:
    body = json.dumps({"id": "x" * 1500}).encode()
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(upstream(lambda request: Answered(body=body)))
        server = stack.enter_context(serving(thing.name, "--port", "0", "--base-uri", f"api={api.url}"))
        clients = load(server.url, "/things/1")

        def stop() -> None:
            clients.wait_for(100)
            server.signal(signal.SIGTERM)
            assert server.ended() == 0

        asyncio.run(clients.run(16, stop))

    assert clients.failures == []
    assert clients.statuses == {b"200"}


def test_a_call_in_flight_finishes_and_readiness_says_draining(serving: Serving, thing: Path) -> None:
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(upstream(lambda request: Answered(pause=1.0)))
        server = stack.enter_context(serving(thing.name, "--port", "0", "--base-uri", f"api={api.url}"))
        client = stack.enter_context(httpx.Client(base_url=server.url))
        slow = stack.enter_context(socket.create_connection(_place(server.url)))
        assert client.get("/health/ready").status_code == 200
        slow.sendall(b"GET /things/1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        until(lambda: bool(api.requests))
        server.signal(signal.SIGTERM)
        server.wait_for("draining")

        assert client.get("/health/ready").status_code == 503
        assert slow.recv(65536).startswith(b"HTTP/1.1 200 ")
        assert server.ended() == 0


def _place(url: str) -> tuple[str, int]:
    host, _, port = url.partition("://")[2].partition(":")
    return host, int(port)
