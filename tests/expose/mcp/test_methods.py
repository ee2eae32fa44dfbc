"""What each method answers, in each version, with the official models as the judge of every shape."""

from __future__ import annotations

import msgspec
import pytest
from mcp_types.methods import validate_server_result

VERSIONS = ["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"]
LEGACY = VERSIONS[1:]
STAMP = "io.modelcontextprotocol/serverInfo"


@pytest.fixture(scope="module")
def face(kit):
    listing = kit.tool("list", label="List all", description="Lists.", inputs=[{"name": "limit", "type": "integer"}])
    return kit.face(kit.capability(kit.entry(listing, kit.tool("remove", method="DELETE"))))


def ask(face, version, method, params=None, path="/mcp"):
    if version == "2026-07-28":
        return face.modern(method, params, path=path)
    return face.legacy(method, params, version=version, path=path)


CALLS = {
    "an object": lambda kit: kit.reply(b'{"a":1}'),
    "a list": lambda kit: kit.reply(b"[1,2]"),
    "null": lambda kit: kit.reply(b"null"),
    "a number": lambda kit: kit.reply(b" 7\n"),
    "text": lambda kit: kit.reply(b"hello", "text/plain"),
    "nothing": lambda kit: kit.reply(b"", None, status=204),
    "an image": lambda kit: kit.reply(b"\x89PNG", "image/png"),
    "a sound": lambda kit: kit.reply(b"RIFF", "audio/wav"),
    "a file": lambda kit: kit.reply(b"%PDF", "application/pdf"),
    "bytes of no type": lambda kit: kit.reply(b"\xff\xfe\xfd", None),
    "an error": lambda kit: kit.reply(b'{"error":"no"}', status=404),
    "a refusal": lambda kit: kit.refuse(503, "not-configured", "KEY is not set"),
    "a redirect": lambda kit: kit.reply(b"", None, status=302, location="https://x.test/"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CALLS)
def test_every_result_of_a_call_is_valid_in_its_version(kit, version, case):
    got = ask(kit.one(CALLS[case](kit)), version, "tools/call", {"name": "list"})

    assert got.status == 200
    validate_server_result("tools/call", version, got.result)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", ["/mcp", "/mcp/shop"])
def test_the_list_is_valid_in_its_version(face, version, path):
    got = ask(face, version, "tools/list", path=path)

    validate_server_result("tools/list", version, got.result)
    assert [tool["name"] for tool in got.result["tools"]] == ["list", "remove"]


@pytest.mark.parametrize("version", VERSIONS)
def test_two_lists_are_the_same_bytes(face, version):
    assert ask(face, version, "tools/list").body == ask(face, version, "tools/list").body


def test_a_tool_is_listed_with_all_that_a_model_needs(face):
    listed, _ = face.modern("tools/list").result["tools"]

    expected = {
        "name": "list",
        "title": "List all",
        "description": "Lists.",
        "inputSchema": {
            "type": "object",
            "properties": {"limit": {"type": "integer"}},
            "additionalProperties": False,
        },
        "annotations": {"title": "List all", "readOnlyHint": True, "idempotentHint": True},
    }
    assert expected == listed


@pytest.mark.parametrize(
    ("keys", "title", "annotated"),
    [
        ({"label": "Label"}, "Label", "Label"),
        ({"hints": {"title": "Hint"}}, "Hint", "Hint"),
        ({"label": "Label", "hints": {"title": "Hint"}}, "Label", "Hint"),
        ({"label": "Label", "hints": {"readOnly": True}}, "Label", "Label"),
        ({}, None, None),
    ],
)
def test_a_title_is_in_the_annotations_for_older_clients_too(kit, keys, title, annotated):
    (listed,) = kit.one(method="POST", **keys).modern("tools/list").result["tools"]

    assert (title, annotated) == (listed.get("title"), listed.get("annotations", {}).get("title"))


EMPTY = {"resources/list": "resources", "resources/templates/list": "resourceTemplates", "prompts/list": "prompts"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", EMPTY)
def test_lists_of_what_is_not_served_are_empty_and_no_capability(face, version, method):
    got = ask(face, version, method)

    validate_server_result(method, version, got.result)
    assert got.result[EMPTY[method]] == []
    assert ask(face, version, method, {"cursor": "2"}).code == -32602
    described = (
        face.modern("server/discover")
        if version == VERSIONS[0]
        else face.legacy("initialize", {"protocolVersion": version})
    )
    assert described.result["capabilities"] == {"tools": {}}


@pytest.mark.parametrize(
    ("method", "hints", "expected"),
    [
        ("GET", None, {"readOnlyHint": True, "idempotentHint": True}),
        ("HEAD", None, {"readOnlyHint": True, "idempotentHint": True}),
        ("POST", None, None),
        ("PATCH", None, None),
        ("PUT", None, {"idempotentHint": True}),
        ("DELETE", None, {"destructiveHint": True, "idempotentHint": True}),
        ("DELETE", {"destructive": False}, {"destructiveHint": False, "idempotentHint": True}),
        ("DELETE", {"readOnly": True}, {"readOnlyHint": True, "idempotentHint": True}),
        ("GET", {"idempotent": False}, {"readOnlyHint": True, "idempotentHint": False}),
        ("POST", {"openWorld": False, "title": "Go"}, {"openWorldHint": False, "title": "Go"}),
    ],
)
def test_hints_given_win_and_absent_ones_follow_the_consumed_method(kit, method, hints, expected):
    keys = {"hints": hints} if hints else {}
    (listed,) = kit.one(method=method, **keys).modern("tools/list").result["tools"]

    assert expected == listed.get("annotations")


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"description": "Its own.", "about": "The operation's."}, "Its own."),
        ({"about": "The operation's."}, "The operation's."),
        ({}, "GET /list of vendor"),
    ],
)
def test_a_tool_without_a_description_borrows_one(kit, keys, expected):
    (listed,) = kit.one(**keys).modern("tools/list").result["tools"]

    assert expected == listed["description"]


@pytest.mark.parametrize("asked", LEGACY)
def test_initialize_echoes_a_version_it_knows(face, asked):
    got = face.legacy("initialize", {"protocolVersion": asked, "capabilities": {}, "clientInfo": {}}, version=None)

    validate_server_result("initialize", asked, got.result)
    assert asked == got.result["protocolVersion"]


@pytest.mark.parametrize("asked", ["2024-11-05", "2026-07-28", "2099-01-01", ""])
def test_initialize_answers_any_other_version_with_the_newest_legacy_one(face, asked):
    got = face.legacy("initialize", {"protocolVersion": asked}, version=None)

    assert got.result["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize("params", [{}, {"protocolVersion": 5}])
def test_initialize_without_a_version_is_an_error(face, params):
    got = face.legacy("initialize", params, version=None)

    assert (got.status, got.code) == (200, -32602)


def test_discover_lists_every_version_with_the_modern_one_first(face):
    got = face.modern("server/discover")

    validate_server_result("server/discover", "2026-07-28", got.result)
    assert got.result["supportedVersions"] == VERSIONS


def test_a_capability_names_itself_and_the_union_names_the_gateway(face):
    own = face.modern("server/discover", path="/mcp/shop").result["_meta"][STAMP]
    union = face.modern("server/discover").result["_meta"][STAMP]
    legacy = face.legacy("initialize", {"protocolVersion": "2025-11-25"}, path="/mcp/shop").result["serverInfo"]

    assert {"name": "shop", "version": "0", "title": "The shop"} == own == legacy
    assert union["name"] == "cap"


def test_a_capability_says_its_version(kit):
    face = kit.face(kit.capability(kit.entry(kit.tool("list")), info={"label": "Shop", "version": "1.2"}))
    got = face.modern("server/discover", path="/mcp/shop")

    assert got.result["_meta"][STAMP]["version"] == "1.2"


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (
            {"label": "Shop", "version": "1.2", "modified": "2026-01-02"},
            {"name": "shop", "version": "1.2", "title": "Shop"},
        ),
        ({"label": "Shop", "modified": "2026-01-02"}, {"name": "shop", "version": "2026-01-02", "title": "Shop"}),
        ({"label": "shop"}, {"name": "shop", "version": "0"}),
    ],
)
def test_what_a_server_is_comes_from_the_info_of_its_document(kit, info, expected):
    face = kit.face(kit.capability(kit.entry(kit.tool("list")), info=info))

    assert expected == face.modern("server/discover", path="/mcp/shop").result["_meta"][STAMP]
    union = face.modern("server/discover").result["_meta"][STAMP]
    assert ("cap", expected.get("title", "Cap")) == (union["name"], union["title"])


def test_the_union_of_several_names_none_of_them(kit):
    one = kit.capability(kit.entry(kit.tool("a")), name="one")
    two = kit.capability(kit.entry(kit.tool("b")), name="two")

    assert kit.face(one, two).modern("server/discover").result["_meta"][STAMP]["title"] == "Cap"


@pytest.mark.parametrize("path", ["/mcp", "/mcp/shop"])
def test_where_an_exposure_has_no_description_that_of_the_document_becomes_instructions(kit, path):
    entries = [kit.entry(kit.tool(name), namespace=name, description="") for name in ("a", "b")]
    face = kit.face(kit.capability(*entries, info={"label": "Shop", "description": "All of it."}))

    assert face.modern("server/discover", path=path).result["instructions"] == "All of it."
    legacy = face.legacy("initialize", {"protocolVersion": "2025-11-25"}, path=path)
    assert legacy.result["instructions"] == "All of it."


def test_the_description_of_an_exposure_becomes_instructions(face):
    assert face.modern("server/discover").result["instructions"] == "Sells things."
    assert face.legacy("initialize", {"protocolVersion": "2025-11-25"}).result["instructions"] == "Sells things."


def test_several_descriptions_are_told_apart_by_capability(kit):
    one = kit.capability(kit.entry(kit.tool("a")), name="one")
    two = kit.capability(kit.entry(kit.tool("b"), description="Buys things."), name="two")
    got = kit.face(one, two).modern("server/discover")

    assert got.result["instructions"] == "one: Sells things.\ntwo: Buys things."


def test_without_a_description_there_are_no_instructions(kit):
    face = kit.face(kit.capability(kit.entry(kit.tool("a"), description="")))

    assert "instructions" not in face.modern("server/discover").result


@pytest.mark.parametrize("version", LEGACY)
def test_ping_is_answered_with_nothing(face, version):
    got = ask(face, version, "ping")

    validate_server_result("ping", version, got.result)
    assert got.result == {}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("cursor", ["", "2"])
def test_a_cursor_nobody_gave_out_is_an_error(face, version, cursor):
    got = ask(face, version, "tools/list", {"cursor": cursor})

    assert got.code == -32602


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({}, {"ttlMs": 60_000, "cacheScope": "public"}),
        ({"ttlMs": 0, "cacheScope": "private"}, {"ttlMs": 0, "cacheScope": "private"}),
        ({"ttlMs": 5, "cacheScope": "public"}, {"ttlMs": 5, "cacheScope": "public"}),
        (
            {"authentication": {"type": "bearer", "token": "t0ken"}, "cacheScope": "public"},
            {"ttlMs": 60_000, "cacheScope": "private"},
        ),
    ],
    ids=["by default", "as the document says", "shorter", "guarded lists are private"],
)
@pytest.mark.parametrize("method", ["tools/list", "server/discover"])
def test_lists_say_how_long_and_by_whom_they_may_be_kept(kit, keys, expected, method):
    face = kit.face(kit.capability(kit.entry(kit.tool("a"), **keys)))
    got = face.modern(method).result

    assert expected == {key: got[key] for key in expected}


def test_a_listener_with_one_guarded_exposure_keeps_the_union_private(kit):
    token = {"type": "bearer", "token": "t0ken"}
    face = kit.face(
        kit.capability(kit.entry(kit.tool("a")), name="one"),
        kit.capability(kit.entry(kit.tool("b"), authentication=token), name="two"),
        passwords={"two/shop-mcp": "t0ken"},
    )

    assert face.modern("tools/list").result["cacheScope"] == "private"
    assert face.modern("tools/list", path="/mcp/one").result["cacheScope"] == "public"


@pytest.mark.parametrize("params", [b"null", b"[]", b"5"])
def test_params_that_are_no_object_are_refused_but_null_is_none(face, params):
    body = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + params + b"}"
    got = face.send(body, [("content-type", "application/json")])

    assert got.status == 200
    assert ("error" in msgspec.json.decode(got.body)) == (params != b"null")
