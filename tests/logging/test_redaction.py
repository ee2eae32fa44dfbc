"""Canaries planted as credentials are looked for in everything the gateway says."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from cap_core.logging.redaction import Redaction
from cap_core.testing import Answered, Recorded, gateway, upstream

CANARIES = {
    "BEARER": "canary bearer/one+x",
    "QUERY": "canary query&two%y",
    "PASSWORD": "canary:password=three",
    "DOOR": "canary-door-four",
}
CALLERS = "canary-of-the-caller-five"

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds:
- namespace: env
  keys: {BEARER: BEARER, QUERY: QUERY, PASSWORD: PASSWORD, DOOR: DOOR}
capability:
  consumes:
  - namespace: by-bearer
    baseUri: UPSTREAM
    authentication: {type: bearer, token: '{{BEARER}}'}
    resources: [{path: '/bearer/{how}', operations: [{name: get, method: GET}]}]
  - namespace: by-query
    baseUri: UPSTREAM
    authentication: {type: apikey, key: key, value: '{{QUERY}}', placement: query}
    resources: [{path: '/query/{how}', operations: [{name: get, method: GET}]}]
  - namespace: by-basic
    baseUri: UPSTREAM
    authentication: {type: basic, username: u, password: '{{PASSWORD}}'}
    resources: [{path: '/basic/{how}', operations: [{name: get, method: GET}]}]
  - namespace: far
    baseUri: http://far.example
    authentication: {type: bearer, token: '{{BEARER}}'}
    resources: [{path: '/far/{how}', operations: [{name: get, method: GET}]}]
  - namespace: nowhere
    baseUri: http://127.0.0.1:1
    authentication: {type: bearer, token: '{{BEARER}}'}
    resources: [{path: '/nowhere/{how}', operations: [{name: get, method: GET}]}]
  exposes:
  - type: rest
    namespace: r
    port: 8080
    authentication: {type: bearer, token: '{{DOOR}}'}
    resources:
    - {path: '/bearer/{how}', operations: [{name: a, method: GET, call: by-bearer.get}]}
    - {path: '/query/{how}', operations: [{name: b, method: GET, call: by-query.get}]}
    - {path: '/basic/{how}', operations: [{name: c, method: GET, call: by-basic.get}]}
    - {path: '/far/{how}', operations: [{name: d, method: GET, call: far.get}]}
    - {path: '/nowhere/{how}', operations: [{name: e, method: GET, call: nowhere.get}]}
  - type: mcp
    namespace: m
    port: 9090
    authentication: {type: bearer, token: '{{DOOR}}'}
    tools:
    - {name: bearer, description: d, call: by-bearer.get}
    - {name: query, description: d, call: by-query.get}
    - {name: basic, description: d, call: by-basic.get}
    - {name: far, description: d, call: far.get}
    - {name: nowhere, description: d, call: nowhere.get}
"""


def answer(request: Recorded) -> Answered:
    if request.target.partition(b"?")[0].endswith(b"refuse"):
        return Answered(401, body=b'{"error":"no"}')
    if request.target.partition(b"?")[0].endswith(b"break"):
        return Answered(body=(b"a", b"b"), cut=1)
    return Answered()


@contextlib.contextmanager
def serving(document: Path, log: Path, canaries: dict[str, str] = CANARIES, format: str = "json") -> Iterator[str]:
    command = [sys.executable, "-m", "cap_core", "serve", str(document), "--port", "0", "--log-level", "debug"]
    environment = {**os.environ, **canaries}
    with log.open("wb") as out:
        flags = ["--log-format", format, "--access-log"]
        process = subprocess.Popen([*command, *flags], stdout=out, stderr=subprocess.STDOUT, env=environment)
        try:
            yield wait_for(log, process)
        finally:
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(20)


def wait_for(log: Path, process: subprocess.Popen[bytes]) -> str:
    for _ in range(400):
        address = r"(http://127\.0\.0\.1:\d+)"
        found = re.search(rf'"event":\s*"ready".*?{address}|^{address}$.*^ready:', log.read_text(), re.DOTALL | re.M)
        if found:
            return found[1] or found[2]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
            break
    raise AssertionError(log.read_text())


def spellings(secret: str) -> set[str]:
    """A secret as it is, escaped, and encoded; also its parts, which would tell enough."""
    quoted = {urllib.parse.quote(secret), urllib.parse.quote_plus(secret), urllib.parse.quote(secret, safe="")}
    pair = base64.b64encode(f"u:{secret}".encode()).decode()
    return {secret, *quoted, base64.b64encode(secret.encode()).decode().rstrip("="), pair.rstrip("=")}


def test_no_secret_is_ever_said(document: Callable[..., Path], tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "log"
    with upstream(answer) as api, serving(document(DOCUMENT.replace("UPSTREAM", api.url)), log) as url:
        good = {"authorization": f"Bearer {CANARIES['DOOR']}"}
        for headers in ({}, {"authorization": f"Bearer {CALLERS}", "cookie": CALLERS}, good):
            for name in ("bearer", "query", "basic", "far", "nowhere"):
                for how in ("fine", "refuse", "break"):
                    with contextlib.suppress(httpx.RemoteProtocolError):
                        reply = httpx.get(f"{url}/{name}/{how}", headers=headers)
                        said += [reply.text, str(reply.headers)]
                    params = {"name": name, "arguments": {"how": how}}
                    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
                    reply = httpx.post(f"{url}/mcp", json=call, headers=headers)
                    said += [reply.text, str(reply.headers)]
        said += [httpx.get(f"{url}{page}", headers=good).text for page in ("/openapi.json", "/docs", "/health/ready")]
        received = b"".join(value for request in api.requests for _, value in request.headers)
        assert len(api.requests) >= 18
    said.append(log.read_text())

    assert CANARIES["BEARER"].encode() in received
    assert CALLERS.encode() not in received
    everything = "\n".join(said)
    for secret in (*CANARIES.values(), CALLERS):
        for spelling in spellings(secret):
            assert spelling not in everything, spelling
    assert "Traceback" not in everything


@pytest.mark.parametrize(
    "command", [["check"], ["explain", "bearer", "how=fine"], ["call", "nowhere", "how=fine"], ["config"], ["list"]]
)
def test_no_command_says_a_secret(document: Callable[..., Path], command: list[str]) -> None:
    path = document(DOCUMENT.replace("UPSTREAM", "http://127.0.0.1:1"))
    words = [command[0], *([str(path)] if command[0] not in ("config", "list") else []), *command[1:]]
    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "cap_core",
            *words,
            *(["--set", "QUERY=" + CANARIES["QUERY"]] if command[0] == "config" else []),
        ],
        capture_output=True,
        text=True,
        env={**os.environ, **CANARIES},
        timeout=60,
        check=False,
    )

    assert run.stdout + run.stderr
    for secret in CANARIES.values():
        for spelling in spellings(secret):
            assert spelling not in run.stdout + run.stderr


def test_a_secret_that_begins_with_another_is_masked_whole() -> None:
    for values in (("sesame", "sesame-of-today"), ("sesame-of-today", "sesame")):
        redaction = Redaction()
        redaction.add(values)

        assert redaction.text("it is sesame-of-today.") == "it is ***."


@pytest.mark.parametrize("before", [0, 480, 499])
def test_what_a_command_cuts_is_masked_first(document: Callable[..., Path], before: int) -> None:
    text = b"x" * before + b"Canary Bearer%2FOne%2bx " + b"y" * 600

    with upstream(lambda request: Answered(400, body=text)) as api:
        path = str(document(DOCUMENT.replace("UPSTREAM", api.url)))
        run = subprocess.run(
            [sys.executable, "-m", "cap_core", "call", path, "bearer", "how=fine"],
            capture_output=True,
            text=True,
            env={**os.environ, **CANARIES},
            timeout=60,
            check=False,
        )

    assert run.returncode == 1
    assert "x" * before + "***" in run.stderr
    assert "xC" not in run.stderr


@pytest.mark.parametrize(
    "header",
    [
        ("content-encoding", "CANARY BEARER%2fone+x"),
        ("content-encoding", "Y2FuYXJ5IGJlYXJlci9vbmUreA=="),
        ("content-encoding", "gzip, canary bearer/one+x"),
    ],
)
def test_the_name_of_a_coding_is_masked(document: Callable[..., Path], header: tuple[str, str]) -> None:
    name, value = header
    reply = Answered(200, ((name.encode(), value.encode()),), b"{}")

    with (
        upstream(lambda request: reply) as api,
        gateway(
            document(DOCUMENT.replace("UPSTREAM", api.url)), values=CANARIES, allow_plaintext=frozenset(["far"])
        ) as cap,
    ):
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "bearer", "arguments": {"how": "x"}},
        }
        known = {"authorization": f"Bearer {CANARIES['DOOR']}"}
        text = httpx.post(f"{cap.url}/mcp", json=call, headers=known).json()["result"]["content"][0]["text"]

    assert "the answer is encoded as '***" in text
    assert "one" not in text.lower()


PLANTED = {
    "BEARER": "planted-bearer/1+x=",
    "HEADER": "planted:header'2\"x",
    "QUERY": "planted query&3=y%",
    "COOKIE": "planted;cookie,4 \u00e4",
    "PATH": "planted+path/5==",
    "BODY": 'planted\\body"6<&>',
    "BASE": "planted:base-7",
    "IN_FILE": "planted@file!8~",
    "PASSWORD": "planted(password)9",
    "GATEWAY": "planted-gateway*10",
}
PLACES = """\
naftiko: 1.0.0-alpha2
binds:
- {namespace: env, keys: {BEARER: BEARER, HEADER: HEADER, QUERY: QUERY, COOKIE: COOKIE, PATH: PATH, BODY: BODY, BASE: BASE,
    PASSWORD: PASSWORD, GATEWAY: GATEWAY}}
- {namespace: kept, location: 'file:keys.json', keys: {IN_FILE: IN_FILE}}
capability:
  consumes:
"""
CONSUMED = {
    "bearer": "baseUri: UP, authentication: {type: bearer, token: '{{BEARER}}'}",
    "header": "baseUri: UP, authentication: {type: apikey, key: X-Key, value: '{{HEADER}}', placement: header}",
    "query": "baseUri: UP, authentication: {type: apikey, key: key, value: '{{QUERY}}', placement: query}",
    "cookie": "baseUri: UP, authentication: {type: apikey, key: key, value: '{{COOKIE}}', placement: cookie}",
    "path": "baseUri: UP",
    "body": "baseUri: UP",
    "base": "baseUri: 'UP/bot{{BASE}}'",
    "file": "baseUri: UP, authentication: {type: bearer, token: '{{IN_FILE}}'}",
    "basic": "baseUri: UP, authentication: {type: basic, username: me, password: '{{PASSWORD}}'}",
}


def places(up: str) -> str:
    """A document with a namespace for each place of a credential."""
    lines = [PLACES.rstrip("\n")]
    for name, entry in CONSUMED.items():
        path = "/p/{{PATH}}/{how}" if name == "path" else "/{how}"
        body = ", body: {type: json, data: {k: '{{BODY}}'}}" if name == "body" else ""
        operation = f"{{name: call, method: POST{body}}}"
        lines.append(
            f"  - {{namespace: {name}, {entry.replace('UP', up)}, resources: [{{path: '{path}', operations: [{operation}]}}]}}"
        )
    for kind, port, key in (("rest", 8080, "resources"), ("mcp", 9090, "tools")):
        lines.append(f"  - {{type: {kind}, namespace: {kind}-side, port: {port}, ")
        lines[-1] = ("  exposes:\n" if kind == "rest" else "") + lines[-1]
        lines.append(f"    authentication: {{type: bearer, token: '{{{{GATEWAY}}}}'}}, {key}: [")
        for name in CONSUMED:
            rest = f"{{path: '/{name}/{{how}}', operations: [{{method: POST, name: {name}, call: {name}.call}}]}}"
            tool = f"{{name: {name}, description: d, call: {name}.call}}"
            lines.append(f"      {rest if kind == 'rest' else tool},")
        lines.append("    ]}")
    return "\n".join(lines)


def parrot(request: Recorded) -> Answered:
    """An upstream that repeats the request, in its body or in its headers."""
    head = b"".join(name + b": " + value + b"\n" for name, value in request.headers)
    if b"/reflect" in request.target:
        return Answered(400, ((b"content-type", b"text/plain"),), request.target + b"\n" + head + b"\n" + request.body)
    given = b" ".join(
        value for name, value in request.headers if name.lower() in (b"authorization", b"x-key", b"cookie")
    )
    location = b"https://elsewhere.example" + request.target + b"#" + urllib.parse.quote(given).encode()
    return Answered(307, ((b"location", location), (b"etag", b'"' + given + b'"')), b"")


def traces(secret: str) -> set[str]:
    """What gives a secret away: each of its spellings, as the gateway or an upstream may write it."""
    json_text = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    found = {*spellings(secret), *json_text, secret.encode().decode("latin-1"), repr(secret)[1:-1], secret.lower()}
    safe = {urllib.parse.quote(secret, safe=safe) for safe in ("-._~!$'()*,:@/", "-._~!$&'()*+,=:@")}
    return found | safe


@pytest.mark.parametrize("format", ["json", "console"])
def test_none_of_ten_planted_secrets_comes_out_anywhere(
    document: Callable[..., Path], tmp_path: Path, format: str
) -> None:
    said: list[str] = []
    log = tmp_path / "log"
    (tmp_path / "keys.json").write_text(json.dumps({"IN_FILE": PLANTED["IN_FILE"]}))
    variables = {name: value for name, value in PLANTED.items() if name != "IN_FILE"}
    with upstream(parrot) as api, serving(document(places(api.url)), log, variables, format) as url:
        good = {"authorization": f"Bearer {PLANTED['GATEWAY']}"}
        for name in CONSUMED:
            for how in ("reflect", "redirect"):
                reply = httpx.post(f"{url}/{name}/{how}", headers=good)
                assert reply.status_code in (307, 400), reply.text
                said.append(str(reply.headers.raw))
                call = {"name": name, "arguments": {"how": how}}
                message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
                text = httpx.post(f"{url}/mcp", json=message, headers=good).json()["result"]["content"][0]["text"]
                assert f"HTTP {reply.status_code} from {name}" in text
                said.append(text)
            for command in (["call", name, "how=reflect"], ["explain", name, "how=x"]):
                run = subprocess.run(
                    [sys.executable, "-m", "cap_core", command[0], "things.yaml", *command[1:]],
                    capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **variables}, timeout=60, check=False,
                )  # fmt: skip
                said += [run.stdout, run.stderr]
        for page in ("/openapi.json", "/docs"):
            said.append(httpx.get(f"{url}{page}", headers=good).text)
        said.append(httpx.post(f"{url}/bearer/x", headers={"authorization": "Bearer wrong"}).text)
    for command in (["check", "things.yaml"], ["config"], ["plugins"]):
        run = subprocess.run(
            [sys.executable, "-m", "cap_core", *command],
            capture_output=True, text=True, cwd=tmp_path, env={**os.environ, **variables}, timeout=60, check=False,
        )  # fmt: skip
        said += [run.stdout, run.stderr]
    said.append(log.read_text())

    assert len(api.requests) >= 3 * 2 * len(CONSUMED) - len(CONSUMED)
    everything = "\n".join(said).lower()
    for name, secret in PLANTED.items():
        for spelling in traces(secret):
            assert spelling.lower() not in everything, (name, spelling)
