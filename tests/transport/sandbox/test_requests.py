"""What is sent is read as an upstream would read it, and what is wrong is said in an upstream's way."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import pytest

from cap_core.errors import UpstreamError
from cap_core.plugins.context import Context
from cap_core.plugins.messages import HttpRequest

THINGS = ("GET /things", "POST /things", "GET /things/{id}", "DELETE /things/{id}", "PATCH /things/{id}")


class Body:
    """A body that comes in pieces, perhaps after a while, and knows whether it was closed."""

    def __init__(self, *pieces: bytes, wait: float = 0.0) -> None:
        self.pieces = pieces
        self.wait = wait
        self.closed = False

    async def __aiter__(self):
        for piece in self.pieces:
            await asyncio.sleep(self.wait)
            yield piece

    async def aclose(self) -> None:
        self.closed = True


# --- errors -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/other", 404, "not_found"),
        ("GET", "/things/thing_1/parts", 404, "not_found"),
        ("GET", "/things/", 404, "not_found"),
        ("GET", "/things/%FF", 404, "not_found"),
        ("GET", "/things/thing_1", 404, "not_found"),
        ("DELETE", "/things/thing_1", 404, "not_found"),
        ("PATCH", "/things/thing_1", 404, "not_found"),
        ("PUT", "/things/thing_1", 405, "method_not_allowed"),
        ("DELETE", "/things", 405, "method_not_allowed"),
    ],
)
def test_what_is_wrong_is_said_in_an_upstreams_way(direct, method, target, status, code) -> None:
    answer = direct(*THINGS)(method, target)
    error = answer.json()["error"]

    assert (status, "application/json") == (answer.status, answer.headers["content-type"])
    assert ("invalid_request_error", code) == (error["type"], error["code"])
    assert error.keys() == {"message", "type", "code"}
    assert str(len(answer.body)) == answer.headers["content-length"]


def test_a_wrong_method_is_told_the_right_ones(direct) -> None:
    assert "GET, HEAD, POST" == direct(*THINGS)("PUT", "/things").headers["allow"]


def test_what_lives_outside_the_base_path_is_not_found(direct) -> None:
    api = direct(*THINGS)
    response = api.run(api.send(HttpRequest("GET", b"/things"), Context("rest")))

    assert 404 == response.status


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"nothing",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b"\xff",
        b"[" * 100_000,
        b"[" * 200 + b"]" * 200,
        b'{"a":' * 101 + b"1" + b"}" * 101,
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "application/merge-patch+json; charset=utf-8", ""])
def test_json_that_cannot_be_read_is_refused(direct, content, kind) -> None:
    api = direct(*THINGS)
    answer = api("POST", "/things", content=content, kind=kind)

    assert (400, "invalid_json") == (answer.status, answer.json()["error"]["code"])
    assert [] == api("GET", "/things").json()["data"]


@pytest.mark.parametrize("pieces", [(b"x" * 1024,) * 10241, (b"x" * (10 * 1024 * 1024 + 1),)], ids=["pieces", "one"])
def test_a_body_that_is_too_large_is_refused(direct, pieces) -> None:
    body = Body(*pieces)
    answer = direct(*THINGS)("POST", "/things", content=body)

    assert (413, "too_large") == (answer.status, answer.json()["error"]["code"])
    assert body.closed


# --- bodies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind", "members"),
    [
        (b'{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b'{"a": 12345678901234567890123}', "application/json", {"a": 12345678901234567890123}),
        ('{"ä": "日本 \\u0000"}'.encode(), "", {"ä": "日本 \0"}),
        (b"[1, 2]", "application/json", {"data": [1, 2]}),
        (b"null", "application/json", {"data": None}),
        (b"a=1&b=x+y&b=%C3%A4&c=", "application/x-www-form-urlencoded", {"a": "1", "b": ["x y", "ä"], "c": ""}),
        (b"--x\r\n", "multipart/form-data; boundary=x", {"bytes": 5}),
        (b"text", "text/plain", {"bytes": 4}),
    ],
)
def test_a_body_becomes_members(direct, content, kind, members) -> None:
    made = direct(*THINGS)("POST", "/things", content=content, kind=kind).json()

    assert members.items() <= made.items()
    assert made.keys() == {"id", "object", "created_at"} | members.keys()


def test_a_body_may_come_in_pieces(direct) -> None:
    body = Body(b'{"a"', b": 1}")
    made = direct(*THINGS)("POST", "/things", content=body).json()

    assert 1 == made["a"]
    assert body.closed


def test_a_body_that_nobody_wants_is_closed(direct) -> None:
    body = Body(b"{}")

    assert 404 == direct(*THINGS)("POST", "/other", content=body).status
    assert body.closed


def test_the_members_of_the_sandbox_are_its_own(direct) -> None:
    made = direct(*THINGS)("POST", "/things", {"object": "other", "created_at": 1, "id": None}).json()

    assert ("thing_1", "thing") == (made["id"], made["object"])
    assert made["created_at"] > 1


# --- identifiers in paths -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("id", ["a/b", "ä", "日本", "a b", "100%", "=x", "!gone", "'); --", "a,b", "x" * 200])
def test_an_identifier_is_any_text(direct, id) -> None:
    api = direct(*THINGS, "POST /things/{id}/parts", "GET /things/{id}/parts")
    api("POST", "/things", {"id": id})
    address = "/things/" + quote(id, safe="")
    api("POST", address + "/parts")

    assert id == api("GET", address).json()["id"]
    assert 1 == len(api("GET", address + "/parts").json()["data"])
    assert api("DELETE", address).json()["deleted"]
    assert 404 == api("GET", address + "/parts").status


@pytest.mark.parametrize(
    ("operation", "target", "id"),
    [
        ("GET /things/{id}.json", "/things/a.json", "a"),
        ("GET /things/{id}.{format}", "/things/a.xml", "a"),
        ("GET /Things('{id}')", "/Things('a')", "a"),
        ("GET /Things(X={x},Y={y})", "/Things(X=1,Y=2)", "1,2"),
        ("GET /things/{a}-{b}", "/things/1-2", "1,2"),
        ("GET /act_{id}", "/act_7", "7"),
        ("GET /things/{owner}/{thing}", "/things/ann/one", "one"),
        ("GET /{id}", "/a", "a"),
    ],
)
def test_identifiers_in_parts_of_segments(direct, operation, target, id) -> None:
    assert id == direct(operation)("GET", target).json()["id"]


def test_two_kinds_of_identifier_in_one_place_are_two_collections(direct) -> None:
    texts = ("act_{id}", "{id}")
    api = direct(
        *(f"{m} /{t}{p}" for t in texts for m, p in (("GET", ""), ("GET", "/ads"), ("POST", "/ads"))), "DELETE /{id}"
    )
    api("POST", "/act_7/ads")
    api("POST", "/8/ads")
    ads = [[ad["id"] for ad in api("GET", address).json()["data"]] for address in ("/act_7/ads", "/8/ads")]
    api("DELETE", "/8")

    assert [["ad_1"], ["ad_2"]] == ads
    assert 1 == len(api("GET", "/act_7/ads").json()["data"])
    assert 404 == api("GET", "/8/ads").status


def test_what_is_below_two_identifiers_goes_with_the_first(direct) -> None:
    api = direct(
        "GET /repos/{owner}/{repo}", "PUT /repos/{owner}/{repo}", "DELETE /repos/{owner}", "GET /repos/{owner}"
    )
    api("PUT", "/repos/ann/one", {"a": 1})
    before = api("GET", "/repos/ann/one").json()
    api("DELETE", "/repos/ann")

    assert (1, "ann") == (before["a"], before["owner"])
    assert 404 == api("GET", "/repos/ann/one").status


def test_an_empty_path_is_the_base_itself(direct) -> None:
    api = direct("GET /", "POST /")

    assert "item_1" == api("POST", "/").json()["id"]
    assert ["item_1"] == [item["id"] for item in api("GET", "/").json()["data"]]


# --- credentials --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authentication",
    [
        {"type": "bearer", "token": "canary-77"},
        {"type": "basic", "username": "canary-77", "password": "canary-77"},
        {"type": "apikey", "key": "X-Key", "value": "canary-77", "placement": "header"},
        {"type": "apikey", "key": "api_key", "value": "canary-77", "placement": "query"},
        {"type": "apikey", "key": "api_key", "value": "canary-77", "placement": "body"},
    ],
    ids=lambda authentication: f"{authentication['type']} {authentication.get('placement', '')}",
)
def test_a_credential_passes_and_is_never_answered(serve, authentication) -> None:
    api = serve(*THINGS, authentication=authentication)
    made = api.post("/things", json={"a": 1})

    assert 1 == made.json()["a"]
    assert made.json().keys() == {"id", "object", "created_at", "a"}
    assert 200 == api.get("/things").status_code
    assert "canary" not in made.text + api.get("/things").text


def test_a_credential_that_no_variable_holds_is_not_missed(serve) -> None:
    api = serve(*THINGS, authentication={"type": "bearer", "token": "{{UNSET_TOKEN}}"})

    assert 200 == api.post("/things").status_code


def test_a_body_member_is_kept_where_no_credential_stands_in_bodies(direct) -> None:
    authentication = {"type": "apikey", "key": "api_key", "value": "x", "placement": "header"}

    assert (
        "mine"
        == direct(*THINGS, authentication=authentication)("POST", "/things", {"api_key": "mine"}).json()["api_key"]
    )


# --- time ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("late", [True, False], ids=["before", "meanwhile"])
def test_a_call_ends_at_its_deadline(direct, late) -> None:
    api, body = direct(*THINGS), Body(b"{", b"}", wait=5.0)

    async def call() -> None:
        now = asyncio.get_running_loop().time()
        context = Context("rest", deadline=now if late else now + 0.01)
        await api.send(HttpRequest("POST", b"/base/things", (), body), context)

    with pytest.raises(UpstreamError) as raised:
        api.run(call())

    assert ("total", False) == (raised.value.kind, raised.value.sent)
    assert body.closed
    assert [] == api("GET", "/things").json()["data"]


def test_a_call_that_is_cancelled_changes_nothing(direct) -> None:
    api, body = direct(*THINGS), Body(b"{", b"}", wait=5.0)

    async def cancelled() -> None:
        task = asyncio.ensure_future(api.send(HttpRequest("POST", b"/base/things", (), body), Context("rest")))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()

    api.run(cancelled())

    assert body.closed
    assert [] == api("GET", "/things").json()["data"]


def test_headers_are_in_lower_case_and_small_bodies_are_bytes(direct) -> None:
    api = direct(*THINGS)
    response = api.run(api.send(HttpRequest("POST", b"/base/things"), Context("rest")))

    assert isinstance(response.body, bytes)
    assert json.loads(response.body)
    assert all(name == name.lower() for name, _ in response.headers)
