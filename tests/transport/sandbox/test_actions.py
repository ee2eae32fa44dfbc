"""Actions change items, searches find them, a compound creates two; the content of an item is streamed."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest

from cap_core.plugins.context import Context
from cap_core.plugins.messages import HttpRequest

JOBS = ("GET /jobs", "POST /jobs", "GET /jobs/{id}", "POST /jobs/{id}/cancel", "GET /jobs/{id}/output")


def test_a_verb_changes_the_status_and_gives_the_item(serve) -> None:
    api = serve(*JOBS)
    made = api.post("/jobs", json={"a": 1}).json()
    cancelled = api.post("/jobs/job_1/cancel", json={"reason": "late"}).json()

    assert "created" == made["status"]
    assert {**made, "status": "cancelled", "reason": "late"} == cancelled
    assert cancelled == api.get("/jobs/job_1").json()
    assert 404 == api.post("/jobs/job_9/cancel").status_code


@pytest.mark.parametrize(
    ("operation", "address", "status"),
    [
        ("POST /jobs/{id}/submit_tool_outputs", "/jobs/job_1/submit_tool_outputs", "submitted"),
        ("POST /jobs/{id}:archive", "/jobs/job_1:archive", "archived"),
        ("PUT /jobs/{id}/publish", "/jobs/job_1/publish", "published"),
        ("POST /jobs/{id}/alarm/stop", "/jobs/job_1/alarm/stop", "stopped"),
        ("POST /jobs/{id}/frobnicate", "/jobs/job_1/frobnicate", "frobnicated"),
    ],
)
def test_verbs_are_known_by_where_they_stand(direct, operation, address, status) -> None:
    api = direct("POST /jobs", "GET /jobs/{id}", operation)
    api("POST", "/jobs")
    answer = api(operation.split()[0], address)

    assert ("job_1", status) == (answer.json()["id"], answer.json()["status"])
    assert status == api("GET", "/jobs/job_1").json()["status"]


def test_the_bodys_own_status_counts_more(direct) -> None:
    api = direct("POST /jobs", "POST /jobs/{id}/move")
    made = api("POST", "/jobs", {"status": "new"}).json()

    assert "new" == made["status"]
    assert "away" == api("POST", "/jobs/job_1/move", {"status": "away"}).json()["status"]


def test_a_verb_that_is_read_changes_nothing(direct) -> None:
    api = direct("POST /jobs", "GET /jobs/{id}", "GET /jobs/{id}:export")
    api("POST", "/jobs")

    assert api("GET", "/jobs/job_1").json() == api("GET", "/jobs/job_1:export").json()


def test_a_verb_below_a_single_changes_the_single(direct) -> None:
    api = direct("GET /account", "POST /account/close")
    closed = api("POST", "/account/close").json()

    assert "closed" == closed["status"]
    assert closed == api("GET", "/account").json()


def test_a_plural_below_an_item_is_made_and_no_verb(direct) -> None:
    api = direct("POST /jobs", "GET /jobs/{id}", "POST /jobs/{id}/notes")
    api("POST", "/jobs")
    note = api("POST", "/jobs/job_1/notes", {"text": "x"}).json()

    assert ("note_1", "note", "job_1", "x") == (note["id"], note["object"], note["job_id"], note["text"])
    assert "text" not in api("GET", "/jobs/job_1").json()


# --- creations elsewhere ------------------------------------------------------------------------------------------


COMPOUND = (
    "POST /threads",
    "GET /threads",
    "GET /threads/{thread_id}",
    "POST /threads/runs",
    "GET /threads/{thread_id}/runs",
    "POST /threads/{thread_id}/runs/{run_id}/cancel",
    "GET /threads/{thread_id}/runs/{run_id}",
)


def test_a_compound_creation_makes_both(serve) -> None:
    api = serve(*COMPOUND)
    run = api.post("/threads/runs", json={"model": "m", "thread": {"title": "t"}}).json()
    thread = api.get("/threads/thread_1").json()

    assert ("run_1", "thread_1", "m", "created") == (run["id"], run["thread_id"], run["model"], run["status"])
    assert "thread" not in run
    assert "t" == thread["title"]
    assert [thread] == api.get("/threads").json()["data"]
    assert [run] == api.get("/threads/thread_1/runs").json()["data"]
    assert run == api.get("/threads/thread_1/runs/run_1").json()


def test_a_compound_creation_takes_any_body(direct) -> None:
    api = direct(*COMPOUND)

    assert "thread_1" == api("POST", "/threads/runs").json()["thread_id"]
    assert "thread_2" == api("POST", "/threads/runs", {"thread": "no object"}).json()["thread_id"]


def test_a_verb_below_a_collection_fills_it_if_nothing_else_does(direct) -> None:
    api = direct("GET /messages", "GET /messages/{id}", "POST /messages/send")
    sent = api("POST", "/messages/send", {"to": "ann"}).json()

    assert ("message_1", "message", "sent") == (sent["id"], sent["object"], sent["status"])
    assert [sent] == api("GET", "/messages").json()["data"]


def test_a_verb_below_a_collection_that_takes_items_itself_leaves_it_alone(direct) -> None:
    api = direct("GET /orders", "POST /orders", "GET /orders/{id}", "POST /orders/calculate")
    calculated = api("POST", "/orders/calculate", {"n": 1}).json()

    assert ("order", "calculated", 1) == (calculated["object"], calculated["status"], calculated["n"])
    assert [] == api("GET", "/orders").json()["data"]


def test_a_verb_below_a_mere_name_makes_what_the_name_says(direct) -> None:
    made = direct("POST /v1/mail/send", "GET /me")("POST", "/v1/mail/send").json()

    assert ("mail", "sent") == (made["object"], made["status"])


def test_versions_name_nothing(direct) -> None:
    api = direct("POST /segments/v1", "GET /segments/v1/{segmentId}", "POST /v2/send")
    made = api("POST", "/segments/v1").json()

    assert "segment_1" == made["id"]
    assert made == api("GET", "/segments/v1/segment_1").json()
    assert "send" == api("POST", "/v2/send").json()["object"]
    assert "item" == direct("GET /things/{id}/v1")("GET", "/things/a/v1").json()["object"]


# --- searches -----------------------------------------------------------------------------------------------------


def found(answer) -> list[str]:
    return [item["id"] for item in answer.json()["data"]]


def test_a_search_lists_what_fits(direct) -> None:
    api = direct("POST /things", "GET /things/{id}", "POST /things/search", "GET /things/find color")
    for color in ("red", "blue", "red"):
        api("POST", "/things", {"color": color})

    assert ["thing_1", "thing_2", "thing_3"] == found(api("POST", "/things/search"))
    assert ["thing_1", "thing_3"] == found(api("POST", "/things/search", {"color": "red", "sort": {"by": "id"}}))
    assert ["thing_1"] == found(api("POST", "/things/search", {"color": "red", "limit": 1}))
    assert ["thing_1", "thing_3"] == found(api("POST", "/things/search", {"color": "red", "limit": None}))
    assert ["thing_2"] == found(api("GET", "/things/find?color=blue"))


def test_a_search_below_nothing_goes_through_everything(direct) -> None:
    api = direct("POST /things", "POST /parts", "GET /me", "GET /v1/search")
    made_up = found(api("GET", "/v1/search"))
    api("POST", "/things")
    api("POST", "/parts")
    api("GET", "/me")

    assert ["search_1", "search_2", "search_3"] == made_up
    assert [*made_up, "thing_1", "part_1"] == found(api("GET", "/v1/search"))


def test_a_search_below_a_mere_name_finds_what_the_name_says(direct) -> None:
    assert ["company_1", "company_2", "company_3"] == found(
        direct("POST /companies/search")("POST", "/companies/search")
    )


def test_a_collection_that_can_only_be_searched_starts_with_something(direct) -> None:
    api = direct("GET /foods/{id}", "GET /foods/search")

    assert "Sample food 1" == api("GET", "/foods/food_1").json()["name"]
    assert ["food_1", "food_2", "food_3"] == found(api("GET", "/foods/search"))


# --- streams ------------------------------------------------------------------------------------------------------


def test_what_an_item_holds_is_streamed_as_json_lines(serve) -> None:
    api = serve(*JOBS)
    api.post("/jobs", json={"input": "x"})
    answer = api.get("/jobs/job_1/output")
    lines = [json.loads(line) for line in answer.text.splitlines()]

    assert "application/jsonl" == answer.headers["content-type"]
    assert {("job.output", "job_1")} == {(line["object"], line["job_id"]) for line in lines}
    assert {"status": "created", "input": "x"}.items() <= {line["name"]: line["value"] for line in lines}.items()
    assert 404 == api.get("/jobs/job_9/output").status_code


@pytest.mark.parametrize(
    ("address", "object"),
    [("/jobs", "job"), ("/jobs/job_1/cancel", "job"), ("/jobs/run", "job"), ("/jobs/search", "list")],
)
def test_a_post_may_ask_for_events(direct, address, object) -> None:
    api = direct(*JOBS, "POST /jobs/run", "POST /jobs/search")
    api("POST", "/jobs", {})
    answer = api("POST", address, {"stream": True, "model": "m"})
    *events, end = answer.body.decode().removesuffix("\n\n").split("\n\n")
    documents = [json.loads(event.removeprefix("data: ")) for event in events]

    assert "text/event-stream" == answer.headers["content-type"]
    assert object == documents[0]["object"]
    assert {"chunk"} == {document["object"] for document in documents[1:]}
    assert "data: [DONE]" == end


def test_what_was_created_with_events_is_there(serve) -> None:
    api = serve(*JOBS)
    with api.stream("POST", "/jobs", json={"stream": True}) as answer:
        first = next(answer.iter_lines())

    assert json.loads(first.removeprefix("data: ")) == api.get("/jobs/job_1").json()


@pytest.mark.parametrize("body", [{"stream": False}, {"stream": "yes"}, {"inner": {"stream": True}}])
def test_nothing_else_asks_for_events(direct, body) -> None:
    assert "application/json" == direct(*JOBS)("POST", "/jobs", body).headers["content-type"]


def test_an_error_is_no_event(direct) -> None:
    answer = direct(*JOBS)("POST", "/jobs/job_9/cancel", {"stream": True})

    assert (404, "application/json") == (answer.status, answer.headers["content-type"])


def test_a_stream_ends_where_its_reader_leaves(direct) -> None:
    api = direct(*JOBS)

    async def leave() -> tuple[list[bytes], list[bytes]]:
        headers = ((b"content-type", b"application/json"),)
        response = await api.send(HttpRequest("POST", b"/base/jobs", headers, b'{"stream":true}'), Context("rest"))
        read = []
        async for piece in response.body:
            read.append(piece)
            await response.body.aclose()
        await response.body.aclose()
        return read, [piece async for piece in response.body]

    read, rest = api.run(leave())

    assert 1 == len(read)
    assert [] == rest


def test_a_stream_gives_others_their_turn(direct) -> None:
    api = direct(*JOBS)
    api("POST", "/jobs", {"a": 1})

    async def cancelled() -> int:
        response = await api.send(HttpRequest("GET", b"/base/jobs/job_1/output"), Context("rest"))
        read = 0

        async def reading() -> None:
            nonlocal read
            async for _ in response.body:
                read += 1

        task = asyncio.ensure_future(reading())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return read

    assert 1 == api.run(cancelled())


def test_head_says_what_get_would(serve) -> None:
    api = serve(*JOBS)
    api.post("/jobs", json={"a": 1})
    head, get = api.head("/jobs/job_1"), api.get("/jobs/job_1")

    assert b"" == head.content
    assert get.headers["content-length"] == head.headers["content-length"]
    assert 200 == api.head("/jobs/job_1/output").status_code
    assert 404 == api.head("/jobs/job_9").status_code


def test_events_reach_the_caller_through_the_gateway(serve) -> None:
    api = serve(*JOBS)
    answer: httpx.Response = api.post("/jobs", json={"stream": True})

    assert "text/event-stream" == answer.headers["content-type"]
    assert answer.text.endswith("data: [DONE]\n\n")
