"""Who sees and calls which tool, at which address and under which name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cap_plugins.expose.mcp.tool_names import assign_names, prefixed_name

TOKEN = {"type": "bearer", "token": "in-the-document"}


@pytest.fixture
def two(kit):
    """Two capabilities with one clashing tool name; the second is guarded."""
    open_ = kit.capability(kit.entry(kit.tool("list"), kit.tool("find")), name="open")
    shut = kit.capability(kit.entry(kit.tool("list"), kit.tool("drop"), authentication=TOKEN), name="shut")
    return kit.face(open_, shut, passwords={"shut/shop-mcp": "t0ken"})


def listed(face, path="/mcp", token=None):
    headers = [("authorization", f"Bearer {token}")] if token else []
    modern = [tool["name"] for tool in face.modern("tools/list", path=path, headers=headers).result["tools"]]
    legacy = [tool["name"] for tool in face.legacy("tools/list", path=path, headers=headers).result["tools"]]
    assert modern == legacy
    return modern


def test_addresses_are_one_for_each_capability_and_one_for_all(two):
    addresses = [(route.method, route.template, route.prefix) for route in two.face.routes if not route.fallback]
    assert addresses == [("*", path + slash, "") for path in ("/mcp/open", "/mcp/shut", "/mcp") for slash in ("", "/")]
    assert two.face.addresses == {"MCP open": "/mcp/open", "MCP shut": "/mcp/shut", "MCP": "/mcp"}
    assert two.face.tools == 4


def test_a_capability_of_an_odd_name_has_an_escaped_address(kit):
    face = kit.face(kit.capability(kit.entry(kit.tool("list")), name="my {shop}"))

    addresses = [route.template for route in face.face.routes if not route.fallback]
    assert addresses == ["/mcp/my%20%7Bshop%7D", "/mcp/my%20%7Bshop%7D/", "/mcp", "/mcp/"]


def test_tools_of_an_exposure_that_refuses_the_caller_do_not_exist_for_them(two):
    assert listed(two) == ["open_list", "find"]
    assert listed(two, token="wrong") == ["open_list", "find"]

    got = two.call("drop")
    assert (got.status, got.code) == (400, -32602)
    assert "drop" not in got.json["error"]["message"].removeprefix("Unknown tool: 'drop'")


def test_tools_of_an_exposure_that_accepts_the_caller_are_there(two):
    assert listed(two, token="t0ken") == ["open_list", "find", "shut_list", "drop"]

    got = two.call("drop", headers=[("authorization", "Bearer t0ken")])
    assert "isError" not in got.result


def test_the_caller_is_the_one_the_tools_own_exposure_let_in(kit):
    seen = []

    async def run(values, context):
        seen.append(context.caller)
        return await kit.reply(b"{}")(values, context)

    face = kit.face(
        kit.capability(kit.entry(kit.tool("a", run)), name="open"),
        kit.capability(kit.entry(kit.tool("b", run), authentication=TOKEN), name="shut"),
        passwords={"shut/shop-mcp": "t0ken"},
    )
    for name in ("a", "b"):
        face.call(name, headers=[("authorization", "Bearer t0ken")])

    assert [caller and caller.name for caller in seen] == [None, "ann"]


def test_a_clashing_name_is_an_error_that_names_the_candidates(two):
    got = two.call("list", headers=[("authorization", "Bearer t0ken")])

    assert (got.status, got.code) == (400, -32602)
    assert got.json["error"]["message"] == "Ambiguous tool: 'list' means several here; call 'open_list' or 'shut_list'"


def test_a_clashing_name_names_no_candidate_the_caller_may_not_see(two):
    got = two.call("list")

    assert "'open_list'" in got.json["error"]["message"]
    assert "shut" not in got.json["error"]["message"]


def test_a_prefixed_name_is_always_callable(two):
    assert "isError" not in two.call("open_find").result


def test_a_name_close_to_one_is_told(two):
    assert two.call("fnd").json["error"]["message"] == "Unknown tool: 'fnd'; did you mean 'find'?"


def test_a_name_close_to_one_is_found_among_many(kit):
    tools = [kit.tool(f"{verb}-{noun}") for verb in ("get", "list", "drop", "make") for noun in map(str, range(40))]
    face = kit.face(kit.capability(kit.entry(*tools, kit.tool("retrieves-batch"))))

    assert "did you mean 'retrieves-batch'?" in face.call("retrieve-batches").json["error"]["message"]


def test_a_name_close_to_none_points_to_the_list(two):
    assert two.call("zzzz").json["error"]["message"] == "Unknown tool: 'zzzz'; tools/list names those there are"


def test_at_its_own_address_a_capability_keeps_its_names(two):
    assert listed(two, "/mcp/open") == ["list", "find"]
    assert "isError" not in two.call("list", path="/mcp/open").result


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize("body", [b'{"jsonrpc":"2.0","id":1,"method":"ping"}', b"no json"])
def test_a_caller_whom_nobody_lets_in_gets_401_with_the_challenge(two, kit, token, body):
    headers = [kit.json_header] + ([("authorization", f"Bearer {token}")] if token else [])
    got = two.send(body, headers, path="/mcp/shut")

    assert (got.status, got.headers["www-authenticate"]) == (401, 'Bearer realm="shut/shop-mcp"')
    assert got.headers["content-type"] == "application/problem+json"


def test_a_caller_who_is_known_and_may_not_gets_403(two):
    got = two.modern("tools/list", path="/mcp/shut", headers=[("authorization", "Bearer known")])

    assert got.status == 403


def test_where_every_exposure_is_guarded_the_union_asks_for_any_of_them(kit):
    face = kit.face(
        kit.capability(kit.entry(kit.tool("a"), authentication=TOKEN), name="one"),
        kit.capability(kit.entry(kit.tool("b"), authentication=TOKEN), name="two"),
        passwords={"one/shop-mcp": "1", "two/shop-mcp": "2"},
    )

    assert listed(face, token="1") == ["a"]
    assert listed(face, token="2") == ["b"]
    assert listed(face, token="1+2") == ["a", "b"]
    assert face.modern("tools/list").status == 401


def test_no_guard_is_asked_twice_for_one_request(two):
    two.guards.asked.clear()
    two.modern("tools/list", headers=[("authorization", "Bearer t0ken")])

    assert two.guards.asked == ["open/shop-mcp", "shut/shop-mcp"]


def test_instructions_of_a_guarded_exposure_are_not_told_to_strangers(kit):
    face = kit.face(
        kit.capability(kit.entry(kit.tool("a"), description="Open."), name="one"),
        kit.capability(kit.entry(kit.tool("b"), description="Secret.", authentication=TOKEN), name="two"),
        passwords={"two/shop-mcp": "2"},
    )

    assert face.modern("server/discover").result["instructions"] == "Open."
    assert "Secret." in face.modern("server/discover", headers=[("authorization", "Bearer 2")]).result["instructions"]


def test_several_exposures_of_a_capability_share_its_address(kit):
    shop = kit.capability(
        kit.entry(kit.tool("list"), kit.tool("find"), namespace="a"), kit.entry(kit.tool("drop"), namespace="b")
    )
    face = kit.face(shop)

    assert listed(face, "/mcp/shop") == ["list", "find", "drop"]
    assert listed(face) == ["list", "find", "drop"]


def test_an_unforeseen_failure_of_a_guard_is_no_traceback(kit):
    face = kit.face(kit.capability(kit.entry(kit.tool("list"))))

    async def authenticate(exposure, scope, headers):
        raise KeyError("inner")

    face.guards.authenticate = authenticate
    got = face.modern("tools/list")

    assert (got.status, got.code, got.json["id"]) == (200, -32603, None)


def test_one_name_in_two_exposures_of_a_capability_is_told_apart_by_namespace():
    found = assign_names([("list", "a_list"), ("list", "b_list"), ("find", "a_find")])

    assert found.listed == ("a_list", "b_list", "find")
    assert found.owners["list"] == (0, 1)


def test_a_tool_with_no_name_of_its_own_is_not_listed():
    assert assign_names([("x", "a_x"), ("x", "a_x"), ("y",)]).listed == ("", "", "y")


_spellings = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("def"), st.sampled_from("abcdef")), max_size=6)


@given(_spellings, st.tuples(st.sampled_from("abc"), st.sampled_from("def"), st.sampled_from("abcdef")))
def test_another_tool_never_moves_a_name_to_itself(some, another):
    before, after = assign_names(some), assign_names([*some, another])

    for name, tools in before.owners.items():
        if len(tools) == 1:
            assert after.owners[name] in (tools, (*tools, len(some)))


@given(st.lists(st.text(min_size=1, max_size=80), min_size=2, max_size=3))
def test_a_prefixed_name_is_legal(parts):
    name = prefixed_name(*parts)

    assert len(name) <= 64
    assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def test_names_that_were_cut_or_altered_stay_apart():
    long = "x" * 70
    different = {
        prefixed_name("a b", "t"),
        prefixed_name("a.b", "t"),
        prefixed_name("a-b", "t"),
        prefixed_name(long, "t"),
        prefixed_name(long, "u"),
    }

    assert len(different) == 5
