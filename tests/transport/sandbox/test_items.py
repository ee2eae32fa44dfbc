"""Items come, change and go as callers say, over REST, and what is below them goes with them."""

from __future__ import annotations

import pytest

THINGS = ("GET /things", "POST /things", "GET /things/{id}", "DELETE /things/{id}")


def test_what_is_created_is_listed_read_and_deleted(serve):
    api = serve(*THINGS)
    made = api.post("/things", json={"color": "red", "size": [1, 2.5, None], "nested": {"a": True}}).json()
    listed = api.get("/things").json()
    read = api.get(f"/things/{made['id']}").json()
    deleted = api.delete(f"/things/{made['id']}").json()

    assert {"color": "red", "size": [1, 2.5, None], "nested": {"a": True}}.items() <= made.items()
    assert ("thing_1", "thing") == (made["id"], made["object"])
    assert isinstance(made["created_at"], int)
    assert {
        "object": "list",
        "data": [made],
        "first_id": "thing_1",
        "last_id": "thing_1",
        "has_more": False,
    } == listed
    assert made == read
    assert {"id": "thing_1", "object": "thing", "deleted": True} == deleted
    assert 404 == api.get("/things/thing_1").status_code
    assert [] == api.get("/things").json()["data"]


def test_a_create_without_a_body_makes_an_item(serve):
    made = serve(*THINGS).post("/things").json()

    assert {"id", "object", "created_at"} == made.keys()


def test_an_identifier_is_never_used_twice(serve):
    api = serve(*THINGS)
    api.delete("/things/" + api.post("/things").json()["id"])

    assert "thing_2" == api.post("/things").json()["id"]


def test_two_runs_of_the_same_requests_give_the_same_items(direct):
    runs = []
    for _ in range(2):
        api = direct(*THINGS, "POST /things/{id}/parts", "GET /things/{id}/parts")
        api("POST", "/things", {"a": 1})
        api("POST", "/things/thing_1/parts", {"b": 2})
        runs.append([api("GET", "/things").json(), api("GET", "/things/thing_1/parts").json()])
    for run in runs:
        for listed in run:
            for item in listed["data"]:
                del item["created_at"]

    assert runs[0] == runs[1]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_change_is_merged(serve, method):
    api = serve(*THINGS, f"{method} /things/{{id}}")
    made = api.post("/things", json={"a": 1, "b": {"c": 2}}).json()
    changed = api.request(method, "/things/thing_1", json={"b": 3, "d": 4}).json()

    assert {**made, "b": 3, "d": 4} == changed
    assert changed == api.get("/things/thing_1").json()


def test_put_replaces_all_but_what_the_sandbox_gave(serve):
    api = serve(*THINGS, "PUT /things/{id}", "POST /things/{id}/cancel")
    made = api.post("/things", json={"a": 1, "b": 2}).json()
    changed = api.put("/things/thing_1", json={"b": 3, "id": "other", "object": "other", "created_at": 0}).json()

    kept = {name: made[name] for name in ("id", "object", "created_at", "status")}
    assert {**kept, "b": 3} == changed
    assert changed == api.get("/things/thing_1").json()


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_no_change_moves_an_item(serve, method):
    api = serve(*THINGS, f"{method} /things/{{id}}", "GET /things/{id}/parts", "POST /things/{id}/parts")
    api.post("/things")
    api.post("/things/thing_1/parts", json={"id_of": "mine"})
    api.request(method, "/things/thing_1", json={"id": "elsewhere"})

    assert 200 == api.get("/things/thing_1").status_code
    assert ["part_1"] == [part["id"] for part in api.get("/things/thing_1/parts").json()["data"]]


PARTS = (
    *THINGS,
    "GET /things/{thing_id}/parts",
    "POST /things/{thing_id}/parts",
    "GET /things/{thing_id}/parts/{part_id}",
    "GET /things/{thing_id}/parts/{part_id}/marks",
    "POST /things/{thing_id}/parts/{part_id}/marks",
)


def test_what_is_below_an_item_belongs_to_it_alone(serve):
    api = serve(*PARTS)
    for _ in range(2):
        api.post("/things")
    part = api.post("/things/thing_1/parts", json={"thing_id": "thing_2"}).json()
    mark = api.post("/things/thing_1/parts/part_1/marks").json()

    assert "thing_1" == part["thing_id"]
    assert ("thing_1", "part_1") == (mark["thing_id"], mark["part_id"])
    assert [part] == api.get("/things/thing_1/parts").json()["data"]
    assert [] == api.get("/things/thing_2/parts").json()["data"]
    assert 404 == api.get("/things/thing_2/parts/part_1").status_code
    assert 404 == api.get("/things/thing_2/parts/part_1/marks").status_code


def test_what_is_below_an_item_goes_with_it(serve):
    api = serve(*PARTS, "GET /things/{thing_id}/state", "PUT /things/{thing_id}/state")
    for id in ("one", "one/two", "one2"):
        api.post("/things", json={"id": id})
        quoted = id.replace("/", "%2F")
        assert 200 == api.post(f"/things/{quoted}/parts", json={"id": "p"}).status_code
        assert 200 == api.post(f"/things/{quoted}/parts/p/marks").status_code
    api.put("/things/one/state", json={"x": 1})
    api.delete("/things/one")
    gone = [
        api.get(f"/things/one{rest}").status_code for rest in ("", "/parts", "/parts/p", "/parts/p/marks", "/state")
    ]
    api.post("/things", json={"id": "one"})

    assert [404] * 5 == gone
    assert [] == api.get("/things/one/parts").json()["data"]
    assert "x" not in api.get("/things/one/state").json()
    assert 1 == len(api.get("/things/one%2Ftwo/parts/p/marks").json()["data"])
    assert 1 == len(api.get("/things/one2/parts/p/marks").json()["data"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_below_an_item_that_is_not_there(serve, method):
    answer = serve(*PARTS).request(method, "/things/thing_9/parts")

    assert 404 == answer.status_code
    assert {
        "error": {
            "message": "there is no thing with the id 'thing_9'",
            "type": "invalid_request_error",
            "code": "not_found",
        }
    } == answer.json()


# --- identifiers --------------------------------------------------------------------------------------------------


def test_an_identifier_that_is_a_number_is_made_as_one(serve):
    api = serve("GET /pets", "POST /pets", "GET /pets/{petId} petId:integer", "POST /pets/{petId}/toys petId:integer")
    made = api.post("/pets", json={"id": "text"}).json()
    toy = api.post("/pets/1/toys").json()

    assert 1 == made["id"]
    assert made == api.get("/pets/1").json()
    assert 1 == toy["petId"]


@pytest.mark.parametrize(
    ("placeholder", "body", "id"),
    [
        ("id", {"id": "mine"}, "mine"),
        ("id", {"id": 7}, "7"),
        ("slug", {"slug": "mine", "id": "other"}, "mine"),
        ("bucket_name", {"name": "mine"}, "mine"),
        ("thingKey", {"thing_key": "mine"}, "mine"),
        ("thing_id", {"thing_id": "mine"}, "mine"),
        ("id", {"id": {"a": 1}}, "thing_1"),
        ("id", {"id": ".."}, "thing_1"),
        ("id", {"id": ""}, "thing_1"),
        ("id", {"id": True}, "thing_1"),
        ("id", {"id": "a\nb"}, "thing_1"),
        ("id", {"id": "a" * 201}, "thing_1"),
        ("id", {"name": "mine"}, "thing_1"),
    ],
)
def test_a_caller_may_name_what_it_creates(direct, placeholder, body, id):
    api = direct("POST /things", f"GET /things/{{{placeholder}}}")
    made = api("POST", "/things", body).json()

    assert id == made["id"]
    assert made == api("GET", f"/things/{id}").json()


def test_a_name_that_is_taken_is_a_conflict(direct):
    api = direct(*THINGS)
    api("POST", "/things", {"id": "thing_2"})
    taken = api("POST", "/things", {"id": "thing_2"})
    made = [api("POST", "/things").json()["id"] for _ in range(2)]

    assert (409, "already_exists") == (taken.status, taken.json()["error"]["code"])
    assert ["thing_1", "thing_3"] == made


def test_a_placeholder_that_is_more_than_an_id_is_a_member_too(direct):
    api = direct("POST /orders", "GET /orders/{orderNumber}")

    assert "order_1" == api("POST", "/orders").json()["orderNumber"]


def test_a_number_spelled_otherwise_stays_text(direct):
    api = direct("GET /pets/{petId} petId:integer", "DELETE /pets/{petId}")

    assert "007" == api("GET", "/pets/007").json()["id"]
    assert 7 == api("GET", "/pets/7").json()["id"]


# --- collections that no operation fills ----------------------------------------------------------------------------


def test_a_collection_that_nothing_fills_starts_with_something(serve):
    api = serve("GET /models", "GET /models/{id}", "DELETE /models/{id}")
    early = api.get("/models/model_2").json()
    listed = api.get("/models").json()["data"]
    api.delete("/models/model_1")

    assert ["model_1", "model_2", "model_3"] == [model["id"] for model in listed]
    assert "Sample model 1" == listed[0]["name"]
    assert early == listed[1]
    assert 404 == api.get("/models/model_9").status_code
    assert ["model_2", "model_3"] == [model["id"] for model in api.get("/models").json()["data"]]


def test_each_item_has_its_own_of_what_nothing_fills(serve):
    api = serve("POST /runs", "GET /runs/{id}", "GET /runs/{run_id}/steps", "GET /runs/{run_id}/steps/{step_id}")
    for _ in range(2):
        api.post("/runs")
    one, two = (api.get(f"/runs/run_{n}/steps").json()["data"] for n in (1, 2))

    assert ["step_1", "step_2", "step_3"] == [step["id"] for step in one]
    assert ["step_4", "step_5", "step_6"] == [step["id"] for step in two]
    assert {"run_2"} == {step["run_id"] for step in two}
    assert two[0] == api.get("/runs/run_2/steps/step_4").json()


def test_put_makes_what_nothing_else_could(serve):
    api = serve("GET /keys", "PUT /keys/{key}", "GET /keys/{key}", "DELETE /keys/{key}")
    made = api.put("/keys/mine", json={"value": 1}).json()

    assert ("mine", "mine", 1) == (made["id"], made["key"], made["value"])
    assert made == api.get("/keys/mine").json()
    assert made in api.get("/keys").json()["data"]


def test_what_nobody_could_know_of_is_there_until_it_is_deleted(serve):
    api = serve("GET /users/{id}", "DELETE /users/{id}", "PUT /users/{id}", "GET /users/{id}/notes")
    first = api.get("/users/ann").json()
    again = api.get("/users/ann").json()
    api.get("/users/ann/notes")
    api.delete("/users/ann")

    assert ("ann", "user") == (first["id"], first["object"])
    assert first == again
    assert [404, 404, 404] == [
        api.get("/users/ann").status_code,
        api.delete("/users/ann").status_code,
        api.get("/users/ann/notes").status_code,
    ]
    assert 200 == api.put("/users/ann").status_code
    assert 200 == api.get("/users/ann").status_code


def test_owners_that_no_operation_knows_are_taken_at_their_word(serve):
    api = serve("GET /threads/{threadId}/runs", "POST /threads/{threadId}/runs")
    made = api.post("/threads/mine/runs").json()

    assert "mine" == made["threadId"]
    assert [made] == api.get("/threads/mine/runs").json()["data"]
    assert [] == api.get("/threads/yours/runs").json()["data"]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param("/silence/{id}", id="the singular"),
        pytest.param("/v2/silences/{id}", id="another prefix"),
        pytest.param("/{id}", id="no name at all"),
    ],
)
def test_an_item_made_at_one_address_is_there_at_another(direct, other):
    api = direct("POST /silences", "GET /silences", f"GET {other}", f"DELETE {other}")
    made = api("POST", "/silences").json()
    address = other.replace("{id}", made["id"])

    assert made == api("GET", address).json()
    assert api("DELETE", address).json()["deleted"]
    assert [] == api("GET", "/silences").json()["data"]
    assert 404 == api("GET", address).status


def test_numbers_of_one_kind_of_thing_do_not_name_another(direct):
    api = direct("POST /orders", "GET /orders/{id} id:integer", "GET /pets/{id} id:integer")
    api("POST", "/orders")

    assert "pet" == api("GET", "/pets/1").json()["object"]


# --- whole collections --------------------------------------------------------------------------------------------


def test_a_whole_collection_is_deleted_and_written(direct):
    api = direct("GET /things", "POST /things", "DELETE /things", "PUT /things", "GET /things/{id}")
    api("POST", "/things", {"id": "a", "x": 1})
    changed = api("PUT", "/things", {"id": "a", "x": 2}).json()
    added = api("PUT", "/things", {"id": "b"}).json()
    deleted = api("DELETE", "/things").json()

    assert 2 == changed["x"]
    assert "b" == added["id"]
    assert ["a", "b"] == [gone["id"] for gone in deleted["data"]]
    assert [] == api("GET", "/things").json()["data"]


# --- singles ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/me", "/settings", "/account/profile"])
def test_a_single_holds_one_object(serve, path):
    api = serve(f"GET {path}", f"PATCH {path}", f"PUT {path}", f"DELETE {path}")
    first = api.get(path).json()
    patched = api.patch(path, json={"a": 1, "b": 2}).json()
    put = api.put(path, json={"b": 3}).json()
    deleted = api.delete(path).json()
    gone = api.get(path).status_code

    assert first["id"] == first["object"] == path.rsplit("/", 1)[1]
    assert {**first, "a": 1, "b": 2} == patched
    assert {**first, "b": 3} == put
    assert deleted["deleted"]
    assert 404 == gone
    assert 404 == api.patch(path, json={}).status_code
    assert 5 == api.put(path, json={"c": 5}).json()["c"]
    assert 5 == api.get(path).json()["c"]


def test_a_single_that_is_written_first_is_not_made_up_later(direct):
    api = direct("PUT /settings", "GET /settings", "DELETE /settings")
    api("PUT", "/settings", {"a": 1})
    api("DELETE", "/settings")

    assert 404 == api("GET", "/settings").status


def test_items_have_singles_of_their_own(serve):
    api = serve(*THINGS, "GET /things/{id}/avatar", "PUT /things/{id}/avatar", "POST /things/{id}/avatar")
    for _ in range(2):
        api.post("/things")
    api.put("/things/thing_1/avatar", json={"url": "x"})

    assert "x" == api.get("/things/thing_1/avatar").json()["url"]
    assert "url" not in api.get("/things/thing_2/avatar").json()
    assert "thing_2" == api.get("/things/thing_2/avatar").json()["thing_id"]
    assert 404 == api.get("/things/thing_3/avatar").status_code
