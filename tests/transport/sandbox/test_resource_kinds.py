"""The kind of an address follows from the paths and methods around it."""

from __future__ import annotations

import pytest

from cap_plugins.transport.sandbox.path_tree import build_tree, end_of
from cap_plugins.transport.sandbox.paths import parse_path
from cap_plugins.transport.sandbox.resource_kinds import ResourceKinds

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
    ("/things/{id}/cancel", "action", ["POST /things/{id}/cancel"]),
    ("/things/{id}/frobnicate", "action", ["POST /things/{id}/frobnicate"]),
    ("/things/{id}/submit_parts", "action", ["POST /things/{id}/submit_parts"]),
    ("/things/{id}/alarm/stop", "action", ["POST /things/{id}/alarm/stop"]),
    ("/things/{id}/publish", "action", ["PUT /things/{id}/publish"]),
    ("/things/{id}:cancel", "action", ["POST /things/{id}:cancel"]),
    ("/account/close", "action", ["GET /account", "POST /account/close"]),
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
    ("/things/{id}/query", "action", ["POST /things/{id}/query"]),
    ("/find_me", "single", ["GET /find_me"]),
    ("/things", "path", ["GET /things/own/{id}"]),
]


@pytest.mark.parametrize(("path", "kind", "texts"), CASES, ids=[f"{c[0]} {c[1]}: {', '.join(c[2])}" for c in CASES])
def test_the_kind_of_an_address(operations, path, kind, texts) -> None:
    found = [(known, one) for one in operations(*texts) if (known := parse_path(one))]
    root = build_tree(found)
    node = next((end_of(root, known) for known, one in found if one.path == path), None)

    assert kind == ResourceKinds().of(node or root.children[path[1:]])


def test_an_operation_that_lost_its_identifier_says_nothing_of_its_address(direct) -> None:
    """`DELETE /things` with a path parameter is left out of every plan, so it is no way to empty the collection."""
    api = direct("POST /things", "GET /things", "DELETE /things id:string:path")

    assert 405 == api("DELETE", "/things").status
