"""A start that fails says one located line, exits non-zero, and leaves nothing listening."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

DOCUMENT = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - namespace: api
    baseUri: https://api.example
    authentication: {type: bearer, token: '{{TOKEN}}'}
    resources: [{path: '/things/{id}', operations: [{name: get-thing, method: GET}]}]
  exposes:
  - type: rest
    namespace: things-rest
    port: REST_PORT
    resources: [{path: '/things/{id}', operations: [{name: get-thing, method: GET, call: api.get-thing}]}]
  - type: mcp
    namespace: things-mcp
    port: MCP_PORT
    tools: [{name: get-thing, description: Get it., call: api.get-thing}]
binds:
- {namespace: env, keys: {TOKEN: TOKEN}}
"""


@pytest.mark.parametrize(
    ("change", "line"),
    [
        pytest.param(("capability:", "capability: ["), r"things\.yaml:\d+:\d+: error\[not-yaml\]: ", id="not-yaml"),
        pytest.param(
            ("naftiko: 1.0.0-alpha2", "kind: x"), r"things\.yaml:1:1: error\[not-a-capability\]: ", id="no-capability"
        ),
        pytest.param(("1.0.0-alpha2", "banana"), r"things\.yaml:1:10: error\[unknown-version\]: ", id="version"),
        pytest.param(
            ("    baseUri:", "    namespace: b\n    baseUri:"),
            r"things\.yaml:5:5: error\[duplicate-key\]: ",
            id="twice",
        ),
        pytest.param(("type: bearer", "type: hmac"), r"things\.yaml:6:28: error\[unknown-auth\]: ", id="auth-type"),
        pytest.param(("type: rest", "type: soap"), r"things\.yaml:9:11: error\[unknown-exposure\]: ", id="exposure"),
    ],
)
def test_a_bad_document(cap, free_ports, tmp_path: Path, change: tuple[str, str], line: str) -> None:
    ports = free_ports(2)
    path = written(tmp_path, DOCUMENT.replace(*change), ports)

    assert_refused(cap("serve", str(path), "--log-format", "console"), line, ports)


@pytest.mark.parametrize(
    ("words", "files", "line"),
    [
        pytest.param(["--no-such-option"], {}, r".*--no-such-option", id="option"),
        pytest.param([], {"cap.toml": "prot = 1\n"}, r".*cap\.toml:1:1: .*'prot'.*'port'", id="cap-toml-key"),
        pytest.param(
            ["--plugin", "bad.py"], {"bad.py": "import nowhere_at_all\n"}, r".*bad.*does not load", id="plugin"
        ),
        pytest.param(["--config", "absent.toml"], {}, r".*absent\.toml", id="missing-configuration"),
    ],
)
def test_a_bad_command(cap, free_ports, tmp_path: Path, words: list[str], files: dict[str, str], line: str) -> None:
    ports = free_ports(2)
    path = written(tmp_path, DOCUMENT, ports)
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    assert_refused(cap("serve", str(path), "--log-format", "console", *words), line, ports)


@pytest.mark.parametrize("taken", [0, 1])
def test_a_port_in_use(cap, free_ports, tmp_path: Path, taken: int) -> None:
    ports = free_ports(2)
    path = written(tmp_path, DOCUMENT, ports)
    with socket.create_server(("127.0.0.1", ports[taken])):
        run = cap("serve", str(path), "--log-format", "console")
        assert_refused(run, rf".*127\.0\.0\.1:{ports[taken]}.*already in use.*--port", [ports[1 - taken]])


def written(folder: Path, text: str, ports: list[int]) -> Path:
    path = folder / "things.yaml"
    path.write_text(text.replace("REST_PORT", str(ports[0])).replace("MCP_PORT", str(ports[1])))
    return path


def assert_refused(run, line: str, ports: list[int]) -> None:
    assert 0 != run.returncode
    lines = run.stderr.strip().splitlines()
    said = [text for text in lines if not text.startswith(("Usage:", "Try "))]
    assert 1 == len(said), run.stderr
    assert re.match(rf"(error: |Error: )?(.*/)?{line}", said[0]), said[0]
    assert "Traceback" not in run.stderr
    assert "" == run.stdout
    for port in ports:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=1)
