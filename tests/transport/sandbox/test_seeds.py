"""The published seeds from end to end: create, list, read, change, delete, over REST and over MCP."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

Say = Callable[..., object]


@pytest.fixture(params=["rest", "mcp"])
def through(request, seed, served, tool):
    """Serve a seed, and give what calls one of its operations through one door: by tool name, and by REST request."""
    gateways = []

    def start(name: str) -> Say:
        running = served(seed(name))
        gateways.append(running)
        url = running.__enter__().url

        def rest(_: str, method: str, path: str, body: object = None, **query: object) -> object:
            answer = httpx.request(method, url + path, json=body, params=query or None)
            if answer.is_error:
                return None
            return answer.json() if answer.headers["content-type"] == "application/json" else answer.text

        def mcp(name: str, _: str, path: str, body: object = None, **arguments: object) -> object:
            return tool(url, name, {**arguments, **({} if body is None else {"body": body})})

        return rest if request.param == "rest" else mcp

    yield start
    for running in gateways:
        running.__exit__(None, None, None)


def test_batches(through) -> None:
    say = through("portkey-batch")
    names = {
        "create": "creates-and-executes-batch-uploaded",
        "list": "list-your-organization-s-batches",
        "get": "retrieves-batch",
        "cancel": "cancels-progress-batch-batch-will",
        "output": "returns-batch-output-stream",
    }
    body = {"input_file_id": "f", "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    one, two, three = (say(names["create"], "POST", "/v1/batches", body) for _ in range(3))
    key = {"batch_id": one["id"]} if one else {}

    def at(name: str, method: str, rest: str = "") -> object:
        path = f"/v1/batches/{one['id']}{rest}"
        return say(names[name], method, path, **key) if "mcp" in say.__name__ else say(names[name], method, path)

    page = say(names["list"], "GET", "/v1/batches", limit=1, after=one["id"])
    output = at("output", "GET", "/output")

    assert body.items() <= one.items()
    assert [one, two, three] == say(names["list"], "GET", "/v1/batches")["data"]
    assert ([two], True) == (page["data"], page["has_more"])
    assert one == at("get", "GET")
    assert "cancelled" == at("cancel", "POST", "/cancel")["status"] == at("get", "GET")["status"]
    assert len([json.loads(line) for line in output.splitlines()]) > 1


def test_assistants(seed, served, tool) -> None:
    with served(seed("portkey-assistants")) as cap, httpx.Client(base_url=cap.url) as api:
        assistant = api.post("/v1/assistants", json={"model": "m", "name": "first"}).json()
        changed = api.post(f"/v1/assistants/{assistant['id']}", json={"name": "second"}).json()
        listed = api.get("/v1/assistants").json()
        deleted = api.delete(f"/v1/assistants/{assistant['id']}").json()
        after = api.get("/v1/assistants").json()
        run = api.post("/v1/threads/runs", json={"assistant_id": "a", "thread": {"metadata": {"k": "v"}}}).json()
        thread = api.get(f"/v1/threads/{run['thread_id']}").json()
        runs = api.get(f"/v1/threads/{thread['id']}/runs").json()
        steps = api.get(f"/v1/threads/{thread['id']}/runs/{run['id']}/steps").json()
        cancelled = api.post(f"/v1/threads/{thread['id']}/runs/{run['id']}/cancel").json()
        message = api.post(f"/v1/threads/{thread['id']}/messages", json={"role": "user", "content": "hi"}).json()
        gone = api.delete(f"/v1/threads/{thread['id']}").json()
        below = api.get(f"/v1/threads/{thread['id']}/messages")

    assert {**assistant, "name": "second"} == changed
    assert [changed] == listed["data"]
    assert ([], True) == (after["data"], deleted["deleted"])
    assert {"k": "v"} == thread["metadata"]
    assert [run] == runs["data"]
    assert {run["id"]} == {step["run_id"] for step in steps["data"]}
    assert "cancelled" == cancelled["status"]
    assert thread["id"] == message["thread_id"]
    assert gone["deleted"]
    assert 404 == below.status_code


def test_assistants_over_mcp(seed, served, tool) -> None:
    with served(seed("portkey-assistants")) as cap:
        listed = httpx.post(
            cap.url + "/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"},
            headers={"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-11-25"},
        ).json()["result"]["tools"]
        named = {tool["description"].rstrip("."): tool["name"] for tool in listed}
        make, all_, delete = (
            named[what]
            for what in (
                "Create an assistant with a model and instructions",
                "Returns a list of assistants",
                "Delete an assistant",
            )
        )
        made = tool(cap.url, make, {"body": {"model": "m"}})
        before = tool(cap.url, all_)
        gone = tool(cap.url, delete, {"assistant_id": made["id"]})
        after = tool(cap.url, all_)
        unknown = tool(cap.url, delete, {"assistant_id": made["id"]})

    assert [made] == before["data"]
    assert gone["deleted"]
    assert [] == after["data"]
    assert unknown is None


def test_runs_of_threads_that_only_their_caller_knows(through) -> None:
    say = through("aimlapi-threads-runs")
    mcp = say.__name__ == "mcp"
    thread = {"threadId": "mine"} if mcp else {}
    made = say("aimlapi-create-run", "POST", "/v1/threads/mine/runs", {"assistant_id": "a"}, **thread)
    both = {**thread, "runId": made["id"]} if mcp else {}
    path = f"/v1/threads/mine/runs/{made['id']}"
    changed = say("aimlapi-update-run", "POST", path, {"metadata": {"k": "v"}}, **both)

    assert {**made, "metadata": {"k": "v"}} == changed
    assert [changed] == say("aimlapi-get-runs", "GET", "/v1/threads/mine/runs", **thread)["data"]
    assert changed == say("aimlapi-get-run", "GET", path, **both)
    assert say("aimlapi-get-run", "GET", path + "0", **({**both, "runId": "other"} if mcp else {})) is None
