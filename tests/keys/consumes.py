"""What is consumed: APIs, their resources, their operations."""

from __future__ import annotations

from cap_core.testing import Answered
from keys.case import API, GET, LIST, LIST_TOOL, MAKE, ROUTE, SAME, THINGS, key
from keys.seen import answered, checked, mcp, openapi, result, sent, tool

OTHER = "capability.consumes.1"
NAMED = {f"{OTHER}.namespace": "other", f"{OTHER}.baseUri": "https://other.example"}
IMPORTED = ["the namespace 'other': what stands in another file is not read yet; it is left out"]
PICTURE = Answered(headers=((b"content-type", b"image/png"),), body=b"\x89PNG" + bytes(60))
UNTOLD = {f"{LIST_TOOL}.description": None, f"{GET}.description": None}


CASES = [
    key(
        f"{API}.namespace",
        SAME,
        "The name of the API; `call` names it before the dot.",
        sent("line"),
        "GET /base/things",
    ),
    key(
        f"{API}.type",
        "soap",
        "The kind of API. Only `http`, which needs no saying, is consumed.",
        lambda it: checked("unknown-protocol")(it)[:1],
        ["'api' is of type 'soap', and only http is consumed; what calls it is left out"],
    ),
    *(
        key(
            f"{OTHER}.{name}",
            "other.yaml",
            "Not built yet: takes the entry from another file.",
            checked("not-built-import"),
            IMPORTED,
            also=NAMED,
        )
        for name in ("import", "location", "from", "ref")
    ),
    key(
        f"{OTHER}.as",
        "other",
        "Not built yet: what an imported entry is called here.",
        checked("not-built-import"),
        IMPORTED,
        also={f"{OTHER}.import": "some.yaml"},
    ),
    key(
        f"{API}.tunnel",
        {"type": "ziti", "service": "s"},
        "Not built yet: a tunnel to the API. What calls it is left out.",
        lambda it: checked("not-built-tunnel")(it)[:1],
        ["the namespace 'api': requests do not go through a tunnel yet; it is left out"],
    ),
    key(f"{API}.baseUri", SAME, "The address of the API, in front of every path.", sent("line"), "GET /base/things"),
    key(
        f"{API}.description",
        "The things of a shop.",
        "Stands in for the description of an exposure that has none.",
        mcp("initialize", "instructions"),
        "The things of a shop.",
    ),
    key(f"{API}.resources", SAME, "Its paths.", sent("line"), "GET /base/things"),
    key(
        f"{THINGS}.path",
        SAME,
        "The path, below the base URI; `{x}` in it is a placeholder.",
        sent("line"),
        "GET /base/things",
    ),
    key(
        f"{THINGS}.name",
        "the-things",
        "Its name in OpenAPI, where nothing else gives it one.",
        openapi("paths", "/things", "summary"),
        "the-things",
        also={f"{ROUTE}.name": None},
    ),
    key(
        f"{THINGS}.label",
        "All things",
        "Its name in OpenAPI, where the exposed resource has neither label nor name.",
        openapi("paths", "/things", "summary"),
        "All things",
        also={f"{ROUTE}.name": None},
    ),
    key(
        f"{THINGS}.description",
        "Things on stock.",
        "The description of its operations that have none.",
        tool("description"),
        "Things on stock.",
    ),
    key(
        f"{THINGS}.tags",
        ["stock"],
        "Tags of its operations in OpenAPI, and of its tools, unless the exposed side has some.",
        openapi("paths", "/things", "get", "tags"),
        ["things", "stock"],
    ),
    key(f"{THINGS}.operations", SAME, "What can be called on the path.", sent("line"), "GET /base/things"),
    key(
        f"{LIST}.name",
        SAME,
        "The name of the operation; `call` names it after the dot.",
        sent("line"),
        "GET /base/things",
    ),
    key(
        f"{MAKE}.method",
        SAME,
        "The HTTP method of the request; `GET` without it, with a warning.",
        sent("line", "POST"),
        "POST /base/things",
    ),
    key(
        f"{LIST}.path",
        "/old",
        "Follows the path of the resource, or replaces it.",
        sent("line"),
        "GET /base/things/old",
    ),
    key(
        f"{LIST}.label", "List things", "The title of a tool or operation that has none.", tool("title"), "List things"
    ),
    key(
        f"{LIST}.label",
        "List things",
        "",
        openapi("paths", "/things", "get", "summary"),
        "List things",
        aspect="for REST",
    ),
    key(
        f"{LIST}.description",
        "Lists them.",
        "The description of a tool or operation that has none.",
        tool("description"),
        "Lists them.",
    ),
    key(
        f"{LIST}.tags",
        ["stock"],
        "Tags in OpenAPI, and of the tool, unless the exposed side has some.",
        openapi("paths", "/things", "get", "tags"),
        ["things", "stock"],
    ),
    key(f"{LIST}.tags", ["stock"], "", tool("_meta", "tags"), ["stock"], aspect="for MCP"),
    key(
        f"{LIST}.outputRawFormat",
        "csv",
        "The format that mapped answers are read from; `json` unless it says otherwise.",
        answered("json"),
        {"name": "Lamp"},
        also={f"{GET}.outputParameters": [{"name": "name", "mapping": "$[0].name"}]},
        answer=Answered(headers=((b"content-type", b"text/csv"),), body=b"id,name\n1,Lamp\n"),
    ),
    key(
        f"{LIST}.outputSchema",
        "things.json",
        "What a format needs to know; see the formats. It means nothing to others, and `cap check` says so.",
        checked("bad-format-option"),
        ["'outputSchema' means nothing to the format 'json'"],
        also={f"{GET}.outputParameters": [{"name": "name", "mapping": "$.name"}]},
    ),
    key(
        f"{LIST}.outputMediaType",
        "text/csv",
        "The content type of untouched successes, whatever the upstream says.",
        answered("content-type"),
        "text/csv",
    ),
    key(
        f"{LIST}.maxBinarySize",
        "16B",
        "The largest binary answer that a tool hands on.",
        result("isError"),
        True,
        answer=PICTURE,
    ),
    key(
        f"{MAKE}.body",
        {"type": "json", "data": {"source": "web"}},
        "The template of the request's body.",
        sent("json", "POST", "/things"),
        {"source": "web"},
    ),
]
