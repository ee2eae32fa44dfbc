"""The English of paths: plurals, verbs and their participles."""

from __future__ import annotations

import pytest

from cap_plugins.transport.sandbox.english import is_noun, is_version, noun, participle


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("things", "thing"),
        ("batches", "batch"),
        ("boxes", "box"),
        ("addresses", "address"),
        ("statuses", "status"),
        ("databases", "database"),
        ("invoices", "invoice"),
        ("caches", "cache"),
        ("uses", "use"),
        ("companies", "company"),
        ("movies", "movie"),
        ("ties", "tie"),
        ("keys", "key"),
        ("people", "person"),
        ("settings", "settings"),
        ("status", "status"),
        ("analysis", "analysis"),
        ("process", "process"),
        ("series", "series"),
        ("lineItems", "line_item"),
        ("line-items", "line_item"),
        ("LineItem", "line_item"),
        ("HTTPRoutes", "http_route"),
        ("as", "as"),
        ("$metadata", "metadata"),
        ("日本", ""),
    ],
)
def test_one_of_a_collection(name: str, expected: str) -> None:
    assert expected == noun(name)


@pytest.mark.parametrize(
    ("verb", "done"),
    [
        ("cancel", "cancelled"),
        ("archive", "archived"),
        ("stop", "stopped"),
        ("submit_tool_outputs", "submitted"),
        ("deploy", "deployed"),
        ("redeploy", "redeployed"),
        ("apply", "applied"),
        ("verify", "verified"),
        ("fix", "fixed"),
        ("open", "opened"),
        ("send", "sent"),
        ("resend", "resent"),
        ("reset", "reset"),
        ("undo", "undone"),
        ("rerun", "rerun"),
        ("sync", "synced"),
        ("makeDefault", "made"),
        ("door_lock", "locked"),
        ("frobnicate", "frobnicated"),
        ("日本", "done"),
    ],
)
def test_the_participle_of_a_verb(verb: str, done: str) -> None:
    assert done == participle(verb)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notes", True),
        ("usage-events", True),
        ("translation", True),
        ("cancel", False),
        ("submit_tool_outputs", False),
        ("removeMembers", False),
        ("frobnicate", False),
        ("", False),
    ],
)
def test_a_name_that_is_a_noun(name: str, expected: bool) -> None:
    assert expected == is_noun(name)


@pytest.mark.parametrize(
    ("name", "version"), [("v1", True), ("2.0", True), ("v1beta1", True), ("1", True), ("vm", False), ("v1x", False)]
)
def test_a_version_is_no_name(name: str, version: bool) -> None:
    assert version == is_version(name)
