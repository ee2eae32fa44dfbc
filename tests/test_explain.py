"""What `cap explain` shows is what is sent: built by the executor's own code, secrets aside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cap_core.testing import Recorded, gateway, upstream

KEY = "canary-explain"
BATCH = {"input_file_id": "f"}
OPERATIONS = [
    (
        "POST /v1/batches",
        ["body:=" + json.dumps(BATCH, separators=(",", ":"))],
        ("POST", "/v1/batches", BATCH),
        "creates-and-executes-batch-uploaded",
        {"body": BATCH},
    ),
    (
        "GET /v1/batches",
        ["limit=5"],
        ("GET", "/v1/batches?limit=5", None),
        "list-your-organization-s-batches",
        {"limit": 5},
    ),
    (
        "GET /v1/batches/{batch-id}",
        ["batch_id=b 1"],
        ("GET", "/v1/batches/b%201", None),
        "retrieves-batch",
        {"batch_id": "b 1"},
    ),
    (
        "POST /v1/batches/{batch-id}/cancel",
        ["batch_id=b1"],
        ("POST", "/v1/batches/b1/cancel", None),
        "cancels-progress-batch-batch-will",
        {"batch_id": "b1"},
    ),
    (
        "GET /v1/batches/{batch-id}/output",
        ["batch_id=b1"],
        ("GET", "/v1/batches/b1/output", None),
        "returns-batch-output-stream",
        {"batch_id": "b1"},
    ),
]


def cap(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PORTKEY_API_KEY": KEY}
    command = [sys.executable, "-m", "cap_core", *words]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)


def told(request: Recorded) -> dict[str, object]:
    """A recorded request in the form of `cap explain --format json`, the key masked."""
    headers = [[n.decode().lower(), v.decode().replace(KEY, "***")] for n, v in request.headers]
    body = request.body.decode() or None
    return {"method": request.method, "target": request.target.decode(), "headers": sorted(headers), "body": body}


@pytest.mark.parametrize(
    ("operation", "inputs", "rest", "tool", "arguments"), OPERATIONS, ids=[o[0] for o in OPERATIONS]
)
def test_explain_shows_what_both_faces_send(
    seed: Callable[[str], Path], operation, inputs, rest, tool, arguments
) -> None:
    path = seed("portkey-batch")
    with (
        upstream() as api,
        gateway(path, base_uris={"portkey-batch": api.url + "/v1"}, values={"PORTKEY_API_KEY": KEY}) as running,
    ):
        method, target, body = rest
        with httpx.Client() as client:
            request = client.build_request(method, running.url + target, json=body)
            for name in ("accept", "accept-encoding", "user-agent"):
                del request.headers[name]
            client.send(request)
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
        httpx.post(running.url + "/mcp", json=call)
        by_rest, by_tool = map(told, api.requests)
        shown = []
        for name in (operation, tool):
            run = cap(
                "explain", str(path), name, *inputs, "--base-uri", f"portkey-batch={api.url}/v1", "--format", "json"
            )
            assert 0 == run.returncode, run.stderr
            shown.append(json.loads(run.stdout)["request"])

    for request, sent in zip(shown, (by_rest, by_tool), strict=True):
        request["headers"] = sorted([name.lower(), value] for name, value in request["headers"])
        assert sent == {key: request[key] for key in ("method", "target", "headers", "body")}


def test_explain_says_where_each_value_came_from(seed: Callable[[str], Path]) -> None:
    path = seed("portkey-batch")
    out = json.loads(cap("explain", str(path), "retrieves-batch", "batch_id=b1", "--format", "json").stdout)

    origins = {value["place"]: value["at"] for value in out["values"]}
    lines = path.read_text().splitlines()
    for place, words in {
        "base URI": "baseUri: https://api.portkey.ai/v1",
        "path batch_id": "- name: batch_id",
        "header Authorization": "type: bearer",
    }.items():
        line = int(origins[place].rsplit(":", 2)[1])
        assert words in lines[line - 1]
    assert ["batch_id"] == out["input_schema"]["required"]
