"""Parameters of consumed operations and inputs of exposed ones, at every level where they may be declared."""

from __future__ import annotations

from collections.abc import Iterator

from keys.case import API, GET, LIST, LIST_TOOL, MAKE_TOOL, REST, ROUTE, THINGS, Case, key
from keys.seen import answered, checked, openapi, result, sent, sent_by_tool, tool

RED, BLUE = "/things?colour=red", "/things?colour=blue"


def consumed(level: str) -> Iterator[Case]:
    at = f"{level}.inputParameters"
    one = f"{at}.0"
    base = {f"{one}.name": "colour", f"{one}.in": "query"}
    yield key(
        at,
        [{"name": "colour", "in": "query"}],
        "Declares parameters; the nearest declaration of a name counts.",
        sent("line", target=RED),
        "GET /base/things?colour=red",
    )
    yield key(
        f"{one}.name",
        "colour",
        "What it is called, upstream and as an input.",
        sent("line", target=RED),
        "GET /base/things?colour=red",
        also={f"{one}.in": "query"},
    )
    yield key(
        f"{one}.in",
        "header",
        "Where the request carries it: `path`, `query`, `header`, `cookie` or `body`.",
        sent("x-colour", target="/things?X-Colour=red"),
        "red",
        also={f"{one}.name": "X-Colour"},
    )
    yield key(
        f"{one}.type",
        "integer",
        "The type its value has to have.",
        answered("status", target=RED),
        400,
        also=base,
    )
    yield key(f"{one}.required", True, "Whether it has to be there.", answered("status"), 400, also=base)
    yield key(
        f"{one}.description",
        "Its colour.",
        "Describes the input, where the exposed side does not.",
        tool("inputSchema", "properties", "colour", "description"),
        "Its colour.",
        also=base,
    )
    yield key(
        f"{one}.value",
        "red",
        "A fixed value or a template; then it is no input.",
        sent("line"),
        "GET /base/things?colour=red",
        also=base,
    )
    yield key(
        f"{one}.pattern", "^r", "A pattern that texts have to match.", answered("status", target=BLUE), 400, also=base
    )
    yield key(f"{one}.enum", ["red"], "The values that are allowed.", answered("status", target=BLUE), 400, also=base)
    yield key(f"{one}.values", ["red"], "The same as `enum`.", answered("status", target=BLUE), 400, also=base)
    yield key(
        f"{one}.maxLength", 3, "The most characters it may have.", answered("status", target=BLUE), 400, also=base
    )


def exposed(level: str) -> Iterator[Case]:
    at = f"{level}.inputParameters"
    one = f"{at}.0"
    base = {f"{one}.name": "colour"}
    yield key(
        at,
        [{"name": "colour"}],
        "Declares inputs; the nearest declaration of a name counts.",
        sent("line", target=RED),
        "GET /base/things?colour=red",
    )
    yield key(
        f"{one}.name",
        "colour",
        "What callers call it.",
        sent("line", target=RED),
        "GET /base/things?colour=red",
        also={f"{one}.type": "string"},
    )
    yield key(
        f"{one}.in",
        "header",
        "Where callers put it: `path`, `query`, `header`, `cookie` or `body`.",
        sent("line", headers={"X-Colour": "red"}),
        "GET /base/things?X-Colour=red",
        also={f"{one}.name": "X-Colour"},
    )
    yield key(
        f"{one}.type", "integer", "The type its value has to have.", answered("status", target=RED), 400, also=base
    )
    yield key(f"{one}.required", True, "Whether it has to be there.", answered("status"), 400, also=base)
    yield key(
        f"{one}.description",
        "Its colour.",
        "Describes it in OpenAPI and in a tool's schema.",
        openapi("paths", "/things", "get", "parameters", "colour", "description"),
        "Its colour.",
        also=base,
    )
    yield key(
        f"{one}.pattern", "^r", "A pattern that texts have to match.", answered("status", target=BLUE), 400, also=base
    )
    yield key(f"{one}.enum", ["red"], "The values that are allowed.", answered("status", target=BLUE), 400, also=base)
    yield key(f"{one}.values", ["red"], "The same as `enum`.", answered("status", target=BLUE), 400, also=base)
    yield key(
        f"{one}.maxLength", 3, "The most characters it may have.", answered("status", target=BLUE), 400, also=base
    )
    yield key(
        f"{one}.value",
        "red",
        "Not built yet: a fixed value. The operation is left out.",
        lambda it: len(checked("not-built-input-value")(it)) > 0,
        True,
        also=base,
    )


TOOL = f"{LIST_TOOL}.inputParameters"
ONE = f"{TOOL}.0"
COLOUR = {f"{ONE}.name": "colour"}
WHOLE = f"{MAKE_TOOL}.inputParameters.0"

CASES = [
    *(case for level in (API, THINGS, LIST) for case in consumed(level)),
    *(case for level in (REST, ROUTE, GET) for case in exposed(level)),
    key(
        TOOL,
        [{"name": "colour"}],
        "Declares arguments of the tool.",
        sent_by_tool("line", colour="red"),
        "GET /base/things?colour=red",
    ),
    key(
        f"{ONE}.name",
        "colour",
        "What models call it.",
        sent_by_tool("line", colour="red"),
        "GET /base/things?colour=red",
        also={f"{ONE}.type": "string"},
    ),
    key(
        f"{WHOLE}.in",
        "body",
        "With `body` and the name `body`, the argument is the whole body.",
        sent_by_tool("json", "make-thing", body={"a": 1}),
        {"a": 1},
        also={f"{WHOLE}.name": "body"},
    ),
    key(
        f"{ONE}.in",
        "query",
        "Any other place has no effect, and `cap check` says so once.",
        checked("not-acted-on"),
        ["'in' of the tool input 'colour' has no effect; inputs of tools are arguments"],
        also=COLOUR,
        aspect="elsewhere",
    ),
    key(
        f"{ONE}.type", "integer", "The type its value has to have.", result("isError", colour="red"), True, also=COLOUR
    ),
    key(f"{ONE}.required", True, "Whether it has to be there.", result("isError"), True, also=COLOUR),
    key(
        f"{ONE}.description",
        "Its colour.",
        "Tells a model what it is.",
        tool("inputSchema", "properties", "colour", "description"),
        "Its colour.",
        also=COLOUR,
    ),
    key(
        f"{ONE}.pattern",
        "^r",
        "A pattern that texts have to match.",
        result("isError", colour="blue"),
        True,
        also=COLOUR,
    ),
    key(f"{ONE}.enum", ["red"], "The values that are allowed.", result("isError", colour="blue"), True, also=COLOUR),
    key(f"{ONE}.values", ["red"], "The same as `enum`.", result("isError", colour="blue"), True, also=COLOUR),
    key(f"{ONE}.maxLength", 3, "The most characters it may have.", result("isError", colour="blue"), True, also=COLOUR),
    key(
        f"{ONE}.value",
        "red",
        "Not built yet: a fixed value. The tool is left out.",
        lambda it: len(checked("not-built-input-value")(it)),
        1,
        also=COLOUR,
    ),
]
