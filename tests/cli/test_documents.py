"""Documents from elsewhere bring no power with them: neither settings nor files outside of their own directory."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cap_core.testing import Recorded, upstream

Cap = Callable[..., subprocess.CompletedProcess[str]]

DOCUMENT = """\
naftiko: 1.0.0-alpha2
binds: [{{namespace: f, location: 'file:{location}', keys: {{TOP: TOP}}}}]
capability:
  consumes:
  - namespace: up
    baseUri: {url}
    resources:
    - path: /echo
      operations: [{{name: g, method: GET, inputParameters: [{{name: q, in: query, value: '{{{{f.TOP}}}}'}}]}}]
  exposes:
  - {{type: rest, namespace: r, port: 8080, resources: [{{path: /echo, operations: [{{method: GET, name: g, call: up.g}}]}}]}}
"""
EVERYTHING = """\
allow-files = ["/"]
allow-anonymous = true
host = "0.0.0.0"
allow-plaintext = ["up"]
allow-host = ["evil.example"]
"""
LINE = "evil/cap.toml lies beside documents and is not read; if it is yours, name it with --config\n"


@pytest.fixture
def evil(tmp_path: Path) -> Callable[..., Path]:
    """Write a document into a directory of its own, beside which a file lies, and one in the working directory."""
    (tmp_path / "evil").mkdir()
    (tmp_path / "outside.env").write_text("TOP=outside-value\n")
    (tmp_path / "evil" / "inside.env").write_text("TOP=inside-value\n")
    (tmp_path / "evil" / "cap.toml").write_text(EVERYTHING)

    def write(location: str, url: str = "http://127.0.0.1:9") -> Path:
        path = tmp_path / "evil" / "doc.yaml"
        path.write_text(DOCUMENT.format(location=location, url=url))
        return path

    return write


def test_settings_beside_a_document_are_not_read_and_a_line_says_so(cap: Cap, evil: Callable[..., Path]) -> None:
    evil("./inside.env")

    for command in (("check", "evil/doc.yaml"), ("check", "evil"), ("explain", "evil/doc.yaml", "g")):
        result = cap(*command)
        assert (0, LINE) == (result.returncode, result.stderr), command
    shown = cap("config", "evil/doc.yaml")
    assert LINE == shown.stderr
    assert "0.0.0.0" not in shown.stdout
    assert "" == cap("config", "evil/doc.yaml", "--config", "evil/cap.toml").stderr


def test_cap_serve_logs_it_and_lets_no_other_host_in(serving: Callable[..., Any], evil: Callable[..., Path]) -> None:
    path = evil("./inside.env")
    with serving(f"{path.parent.name}/{path.name}", "--port", "0") as server:
        answer = httpx.get(server.url + "/health/ready", headers={"Host": "evil.example"})

    assert 1 == sum("evil/cap.toml lies beside documents" in line for line in server.lines)
    assert server.url.startswith("http://127.0.0.1:")
    assert answer.status_code in (403, 421)


@pytest.mark.parametrize(
    ("location", "below", "sent"),
    [
        ("./inside.env", "", "inside-value"),
        ("./outside.env", "", "outside-value"),  # of the working directory, for a document below it
        ("../outside.env", "other", None),
        ("./outside.env", "other", None),
        ("./inside.env", "other", "inside-value"),
    ],
)
def test_the_working_directory_counts_for_documents_below_it_alone(
    cap: Cap, evil: Callable[..., Path], tmp_path: Path, location: str, below: str, sent: str | None
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "outside.env").write_text("TOP=outside-value\n")
    requests: list[Recorded] = []
    with upstream() as api:
        path = evil(location, api.url)
        result = cap("call", str(path), "g", cwd=tmp_path / below)
        requests += api.requests

    assert ([f"/echo?q={sent}".encode()] if sent else []) == [request.target for request in requests]
    assert (result.returncode == 0) == (sent is not None)
