"""REST: resources and operations."""

from __future__ import annotations

from keys.case import GET, LIST, MCP, REST, ROUTE, SAME, key
from keys.seen import FREE, OTHER, answered, checked, listens, openapi, sent

OPERATION = ("paths", "/things", "get")
COLOUR = {f"{LIST}.inputParameters.0": {"name": "colour", "in": "query"}}

CASES = [
    key(f"{REST}.type", SAME, "`rest`: the exposure is a REST API.", answered("status"), 200),
    key(
        f"{REST}.namespace",
        SAME,
        "Another name for `rest` in the `with` of its operations.",
        sent("line", target="/things?tint=red"),
        "GET /base/things?colour=red",
        also={**COLOUR, f"{GET}.with": {"colour": "things-rest.tint"}},
    ),
    key(
        f"{REST}.port",
        FREE,
        "Where it listens, unless `--port` says otherwise; 8080 without it, with a warning.",
        listens(),
        True,
        also={f"{MCP}.port": OTHER},
    ),
    key(
        f"{REST}.address",
        "192.0.2.1",
        "Has no effect: `--host` decides. One that is not of this machine alone is a warning.",
        checked("foreign-address"),
        ["the address 192.0.2.1 is not on this machine alone; --host decides where to listen"],
    ),
    key(
        f"{REST}.description",
        "For shops.",
        "Follows the description of the capability in OpenAPI.",
        openapi("tags", "things", "description"),
        "Things\n\nFor shops.",
    ),
    key(f"{REST}.resources", SAME, "The paths that callers see.", answered("status"), 200),
    key(f"{ROUTE}.path", SAME, "The path; `{x}` in it is a placeholder.", answered("status"), 200),
    key(
        f"{ROUTE}.name",
        SAME,
        "Its name in OpenAPI, without a label.",
        openapi("paths", "/things", "summary"),
        "stock",
        also={f"{ROUTE}.name": "stock"},
    ),
    key(
        f"{ROUTE}.label",
        "Things to buy",
        "Its name in OpenAPI.",
        openapi("paths", "/things", "summary"),
        "Things to buy",
    ),
    key(
        f"{ROUTE}.description",
        "On stock.",
        "Its description in OpenAPI.",
        openapi("paths", "/things", "description"),
        "On stock.",
    ),
    key(f"{ROUTE}.tags", ["a"], "Tags of all its operations in OpenAPI.", openapi(*OPERATION, "tags"), ["things", "a"]),
    key(f"{ROUTE}.operations", SAME, "What callers can do there.", answered("status"), 200),
    key(
        f"{ROUTE}.forward",
        {"targetNamespace": "api"},
        "Not built yet: hands every request through. The path answers 501.",
        checked("not-built-forward"),
        ["the resource '/things': requests are not forwarded yet; it is left out"],
    ),
    key(f"{GET}.method", SAME, "The HTTP method that callers use.", answered("status"), 200),
    key(
        f"{GET}.name",
        SAME,
        "Its name: the `operationId` in OpenAPI, and for `cap explain`.",
        openapi(*OPERATION, "operationId"),
        "things.list-things",
    ),
    key(
        f"{GET}.path",
        "/own",
        "A path of its own, below the resource's; no published schema has it.",
        answered("status", target="/things/own"),
        200,
    ),
    key(
        f"{REST}.maxBinarySize",
        "1MiB",
        "Not built yet: a limit for binary answers.",
        checked("not-built-binary-limit"),
        ["'things-rest': REST does not keep to a limit for binary answers yet"],
    ),
    key(f"{GET}.label", "List them", "Its title in OpenAPI.", openapi(*OPERATION, "summary"), "List them"),
    key(f"{GET}.description", "Lists.", "Its description in OpenAPI.", openapi(*OPERATION, "description"), "Lists."),
    key(f"{GET}.tags", ["b"], "Its tags in OpenAPI.", openapi(*OPERATION, "tags"), ["things", "b"]),
    key(
        f"{GET}.call",
        SAME,
        "The consumed operation behind it: `namespace.operation`.",
        sent("line"),
        "GET /base/things",
    ),
    key(
        f"{GET}.with",
        {"colour": "rest.tint"},
        "Where parameters of the consumed operation come from.",
        sent("line", target="/things?tint=red"),
        "GET /base/things?colour=red",
        also=COLOUR,
    ),
    *(
        key(
            f"{GET}.{name}",
            value,
            f"Not built yet: {does}. The operation is left out.",
            checked(f"not-built-{'response-binary' if name == 'responseBinary' else name}"),
            [f"'list-things': {said} yet; it is left out"],
        )
        for name, value, does, said in (
            (
                "ref",
                "shop.list",
                "takes the operation from an aggregate",
                "a reference to an aggregate is not followed",
            ),
            (
                "mappings",
                [{"targetName": "a", "value": "$.b"}],
                "the answer from what steps gave",
                "mappings of what steps gave are not applied",
            ),
            ("responses", [{"status": 200}], "answers by status", "declared responses are not kept to"),
            ("responseBinary", True, "an answer of bytes", "a declared binary response is not kept to"),
        )
    ),
]
