"""Any sequence of requests gives well-formed answers, and the lists always say what a plain model says."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

TREE = (
    "GET /things limit:integer after before order color",
    "POST /things",
    "GET /things/{thing_id}",
    "POST /things/{thing_id}",
    "PUT /things/{thing_id}",
    "DELETE /things/{thing_id}",
    "POST /things/{thing_id}/cancel",
    "GET /things/{thing_id}/output",
    "GET /things/{thing_id}/avatar",
    "PUT /things/{thing_id}/avatar",
    "GET /things/{thing_id}/parts limit:integer",
    "POST /things/{thing_id}/parts",
    "GET /things/{thing_id}/parts/{part_id}",
    "DELETE /things/{thing_id}/parts/{part_id}",
    "GET /things/{thing_id}/parts/{part_id}/steps",
    "POST /things/parts",
    "POST /things/search",
    "GET /models",
    "DELETE /models/{id}",
    "GET /users/{id}",
    "DELETE /users/{id}",
    "GET /users/{user_id}/notes",
    "POST /users/{user_id}/notes",
    "GET /me",
    "PATCH /me",
    "DELETE /me",
    "GET /search",
    "GET /pets/{petId} petId:integer",
    "POST /pets",
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(
    ["id", "name", "object", "status", "color", "stream", "thing", "limit", "thing_id", "created_at"]
)
BODIES = (
    st.binary(max_size=20)
    | JSON.map(lambda data: json.dumps(data).encode())
    | st.dictionaries(NAMES, JSON, max_size=4).map(lambda data: json.dumps(data).encode())
)
IDS = st.sampled_from([f"{noun}_{n}" for noun in ("thing", "part", "model", "note") for n in (1, 2, 3)]) | st.text(
    min_size=1, max_size=4
)
KINDS = st.sampled_from(
    ["application/json", "application/x-www-form-urlencoded", "text/plain", "", "application/x+json"]
)
QUERIES = st.dictionaries(
    st.sampled_from(["limit", "after", "before", "order", "color", "x"]), IDS | st.integers().map(str), max_size=3
)
METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])


@st.composite
def requests(draw):
    """One request: mostly to an address that there is."""
    method, path, *_ = draw(st.sampled_from(TREE)).split()
    while "{" in path:
        before, _, rest = path.partition("{")
        id = quote(draw(IDS), safe="")
        path = before + {".": "%2E", "..": "%2E%2E"}.get(id, id) + rest.partition("}")[2]
    query = "&".join(f"{name}={quote(value)}" for name, value in draw(QUERIES).items())
    wanted = draw(st.just(method) | METHODS) if draw(st.integers(0, 9)) == 0 else method
    body = draw(BODIES) if wanted in ("POST", "PUT", "PATCH") else b""
    return wanted, path + (f"?{query}" if query else ""), body, draw(KINDS)


@pytest.fixture
def anything(direct):
    return direct(*TREE)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(requests(), max_size=25))
def test_every_answer_is_well_formed(anything, sequence) -> None:
    for method, target, body, kind in sequence:
        answer = anything(method, target, content=body, kind=kind)
        what = f"{method} {target} {body!r}: {answer}"
        assert answer.status in (200, 400, 404, 405, 409), what
        if method == "HEAD":
            assert b"" == answer.body, what
            continue
        if answer.status != 200:
            assert answer.json()["error"].keys() == {"message", "type", "code"}, what
            continue
        if answer.headers["content-type"] == "text/event-stream":
            assert answer.body.endswith(b"data: [DONE]\n\n"), what
            continue
        for line in (
            answer.body.splitlines() if answer.headers["content-type"] == "application/jsonl" else [answer.body]
        ):
            item = json.loads(line)
            assert isinstance(item["object"], str), what
        if item["object"] == "list" and "has_more" in item:
            assert all(one["id"] not in (None, "") and isinstance(one["created_at"], int) for one in item["data"]), what


class Model(RuleBasedStateMachine):
    """Things with parts, and plain dictionaries that should hold the same."""

    api = None
    run = 0
    things = Bundle("things")
    parts = Bundle("parts")

    def __init__(self) -> None:
        super().__init__()
        Model.run += 1
        # A state of its own for each run: the namespace is all that tells them apart.
        self.ask = Model.api(namespace=f"run-{Model.run}")
        self.known: dict[str, dict] = {}
        self.below: dict[str, dict[str, dict]] = {}

    @rule(
        target=things,
        members=st.dictionaries(st.sampled_from(["a", "b", "color"]), JSON.filter(lambda j: j == j), max_size=2),
    )
    def create(self, members):
        answer = self.ask("POST", "/things", content=json.dumps(members).encode())
        if answer.status == 400:
            return multiple()
        made = answer.json()
        assert made["id"] not in self.known
        self.known[made["id"]], self.below[made["id"]] = made, {}
        return made["id"]

    @rule(target=parts, thing=things)
    def create_below(self, thing):
        answer = self.ask("POST", f"/things/{thing}/parts")
        if thing not in self.known:
            assert 404 == answer.status
            return multiple()
        made = answer.json()
        self.below[thing][made["id"]] = made
        return thing, made["id"]

    @rule(targets=(parts,))
    def create_both(self):
        made = self.ask("POST", "/things/parts", {"x": 1}).json()
        thing = made["thing_id"]
        self.known[thing] = self.ask("GET", f"/things/{thing}").json()
        self.below[thing] = {made["id"]: made}
        return thing, made["id"]

    @rule(thing=things, members=st.dictionaries(st.sampled_from(["a", "c"]), st.integers(-5, 5), max_size=2))
    def change(self, thing, members):
        answer = self.ask("POST", f"/things/{thing}", members)
        if thing not in self.known:
            assert 404 == answer.status
            return
        self.known[thing] |= members
        assert self.known[thing] == answer.json()

    @rule(thing=consumes(things))
    def delete(self, thing):
        answer = self.ask("DELETE", f"/things/{thing}")
        assert (200 if thing in self.known else 404) == answer.status
        self.known.pop(thing, None)
        self.below.pop(thing, None)

    @rule(part=parts)
    def delete_below(self, part):
        thing, id = part
        answer = self.ask("DELETE", f"/things/{thing}/parts/{id}")
        assert (200 if id in self.below.get(thing, {}) else 404) == answer.status
        self.below.get(thing, {}).pop(id, None)

    @rule(part=parts)
    def look_below(self, part):
        thing, id = part
        there = id in self.below.get(thing, {})
        assert (200 if there else 404) == self.ask("GET", f"/things/{thing}/parts/{id}").status
        assert (200 if there else 404) == self.ask("GET", f"/things/{thing}/parts/{id}/steps").status

    @invariant()
    def the_lists_say_what_there_is(self):
        assert list(self.known.values()) == self.ask("GET", "/things?limit=100").json()["data"]
        for thing, parts in self.below.items():
            assert list(parts.values()) == self.ask("GET", f"/things/{thing}/parts?limit=100").json()["data"]


def test_the_lists_agree_with_a_model(direct) -> None:
    opened = {}

    def api(namespace):
        opened[namespace] = direct(*TREE, namespace=namespace)
        return opened[namespace]

    Model.api = staticmethod(api)
    run_state_machine_as_test(Model, settings=settings(max_examples=25, stateful_step_count=25, deadline=None))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
            st.lists(
                st.sampled_from(
                    ["things", "parts", "{id}", "{x}", "run", "v1", "me", "search", "a_{id}", "{id}:run", "Of('{id}')"]
                ),
                max_size=5,
            ),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_set_of_operations_has_a_sandbox(direct, shapes) -> None:
    texts = list(dict.fromkeys(f"{method} /{'/'.join(steps)}" for method, steps in shapes))
    api = direct(*texts, "GET /sure")
    for text in texts:
        method, path = text.split()
        for name in ("id", "x"):
            path = path.replace(f"{{{name}}}", "abc")
        answer = api(method, path, content=b'{"a": 1}' if method in ("POST", "PUT", "PATCH") else None)
        assert answer.status in (200, 404), f"{text}: {answer}"
