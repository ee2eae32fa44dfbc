"""What a document's `type: mcp` entry declares, and what is said about the rest."""

from __future__ import annotations

import pytest


def codes(compiled):
    return [(d.code, d.message) for d in compiled.diagnostics if d.severity != "info"]


def names(compiled):
    return [call.exposed.name for exposure in compiled.plan.exposures for call in exposure.calls]


@pytest.mark.parametrize(
    ("name", "code", "served"),
    [
        ("a" * 48, None, True),
        ("a" * 49, "long-tool-name", True),
        ("a" * 64, "long-tool-name", True),
        ("a" * 65, "bad-tool-name", False),
        ("get.it", "bad-tool-name", False),
        ("get it", "bad-tool-name", False),
        ("gét", "bad-tool-name", False),
        ("", "bad-tool-name", False),
        ("Get_it-2", None, True),
    ],
)
def test_a_name_that_clients_refuse_is_left_out(kit, name, code, served):
    compiled = kit.compiled(kit.entry(kit.tool("good"), kit.tool(name)))

    assert (["good", name] if served else ["good"]) == names(compiled)
    assert ([code] if code else []) == [c for c, _ in codes(compiled)]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("steps", [{"name": "a", "type": "lookup"}]),
        ("ref", "shop.flow"),
        ("mappings", [{"targetName": "a", "value": "b"}]),
    ],
)
def test_a_tool_that_is_more_than_a_call_is_left_out(kit, key, value):
    compiled = kit.compiled(kit.entry(kit.tool("good"), kit.tool("more", **{key: value})))

    assert names(compiled) == ["good"]
    assert [code for code, _ in codes(compiled)] == [f"not-built-{key}"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"transport": "http"}, []),
        ({"transport": "stdio"}, ["not-built-stdio"]),
        ({"transport": "carrier-pigeon"}, ["unknown-transport"]),
        ({"resources": [{"name": "r", "uri": "x://y"}]}, ["not-built-resources"]),
        ({"prompts": [{"name": "p"}]}, ["not-built-prompts"]),
        ({"maxBinarySize": "10MiB", "ttlMs": 5, "cacheScope": "private"}, []),
        ({"surprise": 1}, ["unknown-key"]),
    ],
)
def test_what_an_entry_asks_for_and_does_not_get_is_reported_and_its_tools_are_served(kit, keys, expected):
    compiled = kit.compiled(kit.entry(kit.tool("good"), **keys))

    assert expected == [code for code, _ in codes(compiled)]
    assert names(compiled) == ["good"]


@pytest.mark.parametrize(
    "keys", [{"maxBinarySize": "huge"}, {"maxBinarySize": "-1"}, {"ttlMs": -1}, {"cacheScope": "mine"}]
)
def test_a_value_that_cannot_be_meant_is_reported_and_the_tools_are_served_without_it(kit, keys):
    compiled = kit.compiled(kit.entry(kit.tool("good"), **keys))

    assert names(compiled) == ["good"]
    assert [code for code, _ in codes(compiled)] == ["wrong-type"]


def test_a_tool_tells_the_core_what_it_declares(kit):
    tool = kit.tool(
        "find",
        inputs=[{"name": "q", "type": "string"}],
        description="Finds.",
        label="Find it",
        inputParameters=[{"name": "text", "type": "string", "required": True, "description": "What."}],
        outputParameters=[{"type": "string", "mapping": "$.id"}],
        **{"with": {"q": "tools.text"}},
    )
    (exposure,) = kit.compiled(kit.entry(tool)).plan.exposures
    (call,) = exposure.calls

    assert [item.name for item in call.inputs.items] == ["text"]
    assert call.inputs.items[0].required
    assert call.outputs[0].mapping == "$.id"
    assert call.exposed.detail.title == "Find it"


def test_tags_and_an_absent_description_are_nothing_to_report(kit):
    assert codes(kit.compiled(kit.entry(kit.tool("good", tags=["a"])))) == []


def test_an_entry_without_a_port_gets_the_usual_one(kit):
    compiled = kit.compiled(kit.entry(kit.tool("good"), port=None))

    assert [exposure.port for exposure in compiled.plan.exposures] == [9090]
