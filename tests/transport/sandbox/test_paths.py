"""Consumed paths become names, slots for identifiers, and verbs."""

from __future__ import annotations

import pytest

from cap_plugins.transport.sandbox.paths import parse_path


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
    read = parse_path(one)

    assert read is not None
    assert steps == [(step.kind, step.text) for step in read.steps]
