"""What lives at an address follows from the paths and methods around it."""

from __future__ import annotations

import pytest

from cap_plugins.transport.sandbox import kinds, paths, tree

CASES = [
    ("/things", "collection", ["GET /things/{id}"]),
    ("/things", "collection", ["GET /things"]),
    ("/things", "collection", ["POST /things"]),
    ("/thing", "collection", ["GET /thing limit"]),
    ("/thing", "collection", ["GET /thing", "POST /thing"]),
    ("/thing", "collection", ["POST /thing"]),
    ("/things", "collection", ["GET /things", "POST /things", "PUT /things"]),
    ("/things", "collection", ["GET /things", "DELETE /things"]),
    ("/things", "collection", ["DELETE /things"]),
    ("/things", "collection", ["POST /things", "PUT /things"]),
    ("/auth", "collection", ["POST /auth", "POST /auth/refresh"]),
    ("/things/{id}/notes", "collection", ["POST /things/{id}/notes"]),
    ("/things/{id}/translation", "collection", ["POST /things/{id}/translation"]),
    ("/account/sessions", "collection", ["GET /account", "POST /account/sessions"]),
    ("/account/session", "collection", ["GET /account", "POST /account/session"]),
    ("/things/parts", "collection", ["GET /things/{id}", "POST /things/parts"]),
    ("/chat/completions", "collection", ["POST /chat/completions"]),
    ("/{id}", "item", ["GET /{id}"]),
    ("/things/{id}", "item", ["DELETE /things/{id}"]),
    ("/things/{id}.json", "item", ["GET /things/{id}.json"]),
    ("/Things('{id}')", "item", ["GET /Things('{id}')"]),
    ("/me", "single", ["GET /me"]),
    ("/settings", "single", ["GET /settings", "POST /settings"]),
    ("/thing", "single", ["GET /thing", "POST /thing", "PUT /thing"]),
    ("/things", "single", ["GET /things", "PUT /things"]),
    ("/thing", "single", ["POST /thing", "PATCH /thing"]),
    ("/thing", "single", ["PUT /thing"]),
    ("/thing", "single", ["DELETE /thing"]),
    ("/things/{id}/status", "single", ["GET /things/{id}/status"]),
    ("/things/{id}/lock", "single", ["DELETE /things/{id}/lock"]),
    ("/things/{id}/avatar", "single", ["PUT /things/{id}/avatar"]),
    ("/things/{id}/output/last", "single", ["GET /things/{id}/output/last"]),
    ("/output", "single", ["GET /output"]),
    ("/", "single", ["GET /"]),
    ("/things/{id}/cancel", "act", ["POST /things/{id}/cancel"]),
    ("/things/{id}/frobnicate", "act", ["POST /things/{id}/frobnicate"]),
    ("/things/{id}/submit_parts", "act", ["POST /things/{id}/submit_parts"]),
    ("/things/{id}/alarm/stop", "act", ["POST /things/{id}/alarm/stop"]),
    ("/things/{id}/publish", "act", ["PUT /things/{id}/publish"]),
    ("/things/{id}:cancel", "act", ["POST /things/{id}:cancel"]),
    ("/account/close", "act", ["GET /account", "POST /account/close"]),
    ("/things/{id}/output", "content", ["GET /things/{id}/output"]),
    ("/things/{id}/logs", "content", ["GET /things/{id}/logs"]),
    ("/things/{id}/logs", "collection", ["GET /things/{id}/logs limit"]),
    ("/things/{id}/logs", "collection", ["GET /things/{id}/logs", "GET /things/{id}/logs/{n}"]),
    ("/things/parts", "compound", ["POST /things/{id}", "GET /things/{id}/parts", "POST /things/parts"]),
    ("/things/part", "compound", ["GET /things/{i}/part", "POST /things/{i}/part", "POST /things/part", "GET /things"]),
    ("/things/import", "creation", ["GET /things/{id}", "POST /things/import"]),
    ("/mail/send", "creation", ["POST /mail/send"]),
    ("/things:import", "creation", ["POST /things:import"]),
    ("/search", "search", ["GET /search"]),
    ("/search", "search", ["POST /search"]),
    ("/things/search", "search", ["POST /things/search", "GET /things/{id}"]),
    ("/things/findByName", "search", ["GET /things/findByName", "GET /things/{id}"]),
    ("/things:search", "search", ["GET /things:search"]),
    ("/things/{id}/query", "act", ["POST /things/{id}/query"]),
    ("/find_me", "single", ["GET /find_me"]),
    ("/things", "path", ["GET /things/own/{id}"]),
]


@pytest.mark.parametrize(("path", "kind", "texts"), CASES, ids=[f"{c[0]} {c[1]}: {', '.join(c[2])}" for c in CASES])
def test_what_lives_at_an_address(operations, path, kind, texts) -> None:
    found = [(known, one) for one in operations(*texts) if (known := paths.read(one))]
    root = tree.grow(found)
    node = next((tree.end_of(root, known) for known, one in found if one.path == path), None)

    assert kind == kinds.kind(node or root.children[path[1:]])


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/things/{id}", [("name", "things"), ("slot", "id")]),
        ("things/", [("name", "things")]),
        ("/things.json", [("name", "things")]),
        ("/things/{id}.json", [("name", "things"), ("slot", "id")]),
        ("/things/{id}.{format}", [("name", "things"), ("slot", "id")]),
        ("/things.{format}", [("name", "things")]),
        ("/Things('{id}')", [("name", "Things"), ("slot", "id")]),
        ("/Things('{id}')/Parts({n})", [("name", "Things"), ("slot", "id"), ("name", "Parts"), ("slot", "n")]),
        ("/({id})", [("slot", "id")]),
        ("/act_{id}/ads", [("slot", "id"), ("name", "ads")]),
        ("/{name}:cancel", [("slot", "name"), ("verb", "cancel")]),
        ("/things:run", [("name", "things"), ("verb", "run")]),
        ("/{a},{b}", [("slot", "a")]),
        ("/{owner}/{repo}", [("slot", "owner"), ("slot", "repo")]),
        ("/v1.2/things", [("name", "v1.2"), ("name", "things")]),
        ("/", []),
        ("", []),
    ],
)
def test_the_steps_of_a_path(operations, path, steps) -> None:
    (one,) = operations(f"GET {path or '/'}")
    read = paths.read(one)

    assert read is not None
    assert steps == [(step.kind, step.text) for step in read.steps]


def test_an_operation_that_lost_its_identifier_says_nothing_of_its_address(direct) -> None:
    """`DELETE /things` with a path parameter is left out of every plan, so it is no way to empty the collection."""
    api = direct("POST /things", "GET /things", "DELETE /things id:string:path")

    assert 405 == api("DELETE", "/things").status
