"""MCP: tools, and what is said of them."""

from __future__ import annotations

from cap_core.testing import Answered
from keys.case import LIST, LIST_TOOL, MAKE_TOOL, MCP, REST, SAME, key
from keys.seen import FREE, OTHER, checked, listens, mcp, result, sent_by_tool, tool

COLOUR = {f"{LIST}.inputParameters.0": {"name": "colour", "in": "query"}}
BYTES = Answered(headers=((b"content-type", b"application/zip"),), body=b"PK" + bytes(60))
HINTS = f"{LIST_TOOL}.hints"

CASES = [
    key(f"{MCP}.type", SAME, "`mcp`: the exposure is an MCP server.", tool("name"), "list-things"),
    key(
        f"{MCP}.namespace",
        SAME,
        "Tells tools of one name apart, and is in the address of binary results.",
        lambda it: result("content", 0, "resource", "uri")(it).rpartition("/")[0],
        "cap://things/things-mcp/list-things",
        answer=BYTES,
    ),
    key(
        f"{MCP}.port",
        FREE,
        "Where it listens, unless `--port` says otherwise; 9090 without it, with a warning.",
        listens(),
        True,
        also={f"{REST}.port": OTHER},
    ),
    key(
        f"{MCP}.address",
        "192.0.2.1",
        "Has no effect: `--host` decides. One that is not of this machine alone is a warning.",
        checked("foreign-address"),
        ["the address 192.0.2.1 is not on this machine alone; --host decides where to listen"],
    ),
    key(
        f"{MCP}.description",
        "For shops.",
        "The server's instructions.",
        mcp("initialize", "instructions"),
        "For shops.",
    ),
    key(
        f"{MCP}.transport",
        "stdio",
        "Only `http` is served; another is `not-built-stdio`, and the tools are served over HTTP.",
        checked("not-built-stdio"),
        ["'things-mcp': the transport stdio is not served yet; the tools are, over HTTP"],
    ),
    key(f"{MCP}.tools", SAME, "The tools.", tool("name"), "list-things"),
    *(
        key(
            f"{MCP}.{name}",
            [{"name": "a", "uri": "a://b"}],
            "Not built yet: MCP resources. The tools are served.",
            checked("not-built-resources"),
            ["'things-mcp': MCP resources are not served yet; the tools are"],
        )
        for name in ("resources", "resourceTemplates")
    ),
    key(
        f"{MCP}.prompts",
        [{"name": "a"}],
        "Not built yet: MCP prompts.",
        checked("not-built-prompts"),
        ["'things-mcp': MCP prompts are not served yet; the tools are"],
    ),
    key(
        f"{MCP}.maxBinarySize",
        "16B",
        "The largest binary answer that its tools hand on.",
        result("isError"),
        True,
        answer=BYTES,
    ),
    key(f"{MCP}.ttlMs", 5000, "How long clients may keep lists.", mcp("tools/list", "ttlMs", modern=True), 5000),
    key(
        f"{MCP}.cacheScope",
        "private",
        "Whether lists may be kept for others too (`public`), or not (`private`).",
        mcp("tools/list", "cacheScope", modern=True),
        "private",
    ),
    key(f"{LIST_TOOL}.name", SAME, "The name that models call.", tool("name"), "list-things"),
    key(f"{LIST_TOOL}.label", "List them", "Its title.", tool("title"), "List them"),
    key(f"{LIST_TOOL}.description", "Lists.", "What models choose it by.", tool("description"), "Lists."),
    key(
        f"{LIST_TOOL}.call",
        SAME,
        "The consumed operation behind it: `namespace.operation`.",
        sent_by_tool("line"),
        "GET /base/things",
    ),
    key(
        f"{LIST_TOOL}.with",
        {"colour": "tools.tint"},
        "Where parameters of the consumed operation come from.",
        sent_by_tool("line", tint="red"),
        "GET /base/things?colour=red",
        also=COLOUR,
    ),
    key(HINTS, {"openWorld": False}, "What it does to the world.", tool("annotations", "openWorldHint"), False),
    key(
        f"{HINTS}.title",
        "List them",
        "A title for clients that look among the hints.",
        tool("annotations", "title"),
        "List them",
    ),
    *(
        key(f"{place}.hints.{name}", value, does, tool("annotations", f"{name}Hint", name=named), value)
        for place, named, name, value, does in (
            (MAKE_TOOL, "make-thing", "readOnly", True, "Whether it changes nothing."),
            (LIST_TOOL, "list-things", "destructive", False, "Whether it may destroy."),
            (MAKE_TOOL, "make-thing", "idempotent", True, "Whether calling it again does no more."),
            (LIST_TOOL, "list-things", "openWorld", False, "Whether it reaches beyond a closed set of things."),
        )
    ),
    key(f"{LIST_TOOL}.tags", ["stock"], "Words to choose it by, below `_meta`.", tool("_meta", "tags"), ["stock"]),
    *(
        key(
            f"{LIST_TOOL}.{name}",
            value,
            f"Not built yet: {does}. The tool is left out.",
            checked(f"not-built-{name}"),
            [f"tool 'list-things': {said} yet; it is left out"],
        )
        for name, value, does, said in (
            (
                "mappings",
                [{"targetName": "a"}],
                "the answer from what steps gave",
                "mappings of what steps gave are not applied",
            ),
            ("ref", "shop.list", "takes the tool from an aggregate", "a reference to an aggregate is not followed"),
        )
    ),
]
