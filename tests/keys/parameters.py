"""Parameters of consumed operations and inputs of exposed ones, at every level where they may be declared."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from keys.case import API, GET, LIST, LIST_TOOL, MAKE_TOOL, REST, ROUTE, THINGS, Case, key
from keys.seen import Sees, answered, checked, openapi, result, sent, sent_by_tool, tool

RED, BLUE = "/things?colour=red", "/things?colour=blue"


PARTS = {"r": {"type": "integer"}}
NO_PARTS = "/things?colour=%7B%22r%22:%22x%22%7D"


def limits(one: str, refused: Callable[..., Sees], shown: Callable[..., Sees]) -> Iterator[Case]:
    """The words of JSON Schema; `refused` sees that a value is, `shown` what callers are shown."""

    def case(name: str, value: object, does: str, sees: Sees, expected: object, **also: object) -> Case:
        named = {f"{one}.name": "colour", **{f"{one}.{key}": item for key, item in also.items()}}
        return key(f"{one}.{name}", value, does, sees, expected, also=named)

    yield case("minimum", 5, "The least number it may be.", *refused("1"), type="number")
    yield case("maximum", 5, "The greatest number it may be.", *refused("9"), type="number")
    yield case("minLength", 4, "The least characters it may have.", *refused("red"))
    yield case("format", "uuid", "What kind of text it is; shown, and not checked.", shown("format"), "uuid")
    yield case("example", "red", "An example, which callers are shown.", shown("examples"), ["red"])
    yield case("examples", ["red", "blue"], "Examples, which callers are shown.", shown("examples"), ["red", "blue"])
    yield case(
        "nullable",
        True,
        "Whether `null` is a value of its own, and not the same as nothing. So does `type: [string, 'null']`.",
        shown("type"),
        ["string", "null"],
        type="string",
    )
    yield case("items", {"enum": ["red"]}, "What each item of a list may be.", *refused(["blue"]), type="array")
    yield case("properties", PARTS, "What members of an object may be.", *refused({"r": "x"}), type="object")


def over_http(in_: str = "") -> Callable[[str], Iterator[Case]]:
    def refused(value: object) -> tuple[Sees, object]:
        target = BLUE if value == ["blue"] else NO_PARTS if isinstance(value, dict) else f"/things?colour={value}"
        return answered("status", target=target), 400

    def shown(word: str) -> Sees:
        return openapi("paths", "/things", "get", "parameters", "colour", "schema", word)

    def cases(one: str) -> Iterator[Case]:
        for case in limits(one, refused, shown):
            yield msgspec.structs.replace(case, also={**case.also, **({f"{one}.in": in_} if in_ else {})})

    return cases


def by_tool(one: str) -> Iterator[Case]:
    def refused(value: object) -> tuple[Sees, object]:
        given = int(value) if isinstance(value, str) and value.isdigit() else value
        return result("isError", colour=given), True

    return limits(one, refused, lambda word: tool("inputSchema", "properties", "colour", word))


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
    yield from over_http("query")(one)
    listed = {**base, f"{one}.type": "array"}
    twice = sent("line", target="/things?colour=red&colour=blue")
    yield key(
        f"{one}.style",
        "pipeDelimited",
        "How a list or an object is written in a query or a form: `form`, `spaceDelimited`, `pipeDelimited`, `deepObject`.",
        twice,
        "GET /base/things?colour=red%7Cblue",
        also=listed,
    )
    yield key(
        f"{one}.explode",
        False,
        "Whether each item or member is a pair of its own; `false` joins them with commas.",
        twice,
        "GET /base/things?colour=red,blue",
        also=listed,
    )
    yield key(
        f"{one}.default",
        "red",
        "Shown; and sent where nothing is given, if it is `required` in a query or a header.",
        sent("line"),
        "GET /base/things?colour=red",
        also=base | {f"{one}.required": True},
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
    yield from over_http()(one)
    yield key(
        f"{one}.default",
        "red",
        "What is sent where nothing is given.",
        sent("line"),
        "GET /base/things?colour=red",
        also=base,
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
    *by_tool(ONE),
    key(
        f"{ONE}.default",
        "red",
        "What is sent where nothing is given.",
        sent_by_tool("line"),
        "GET /base/things?colour=red",
        also=COLOUR,
    ),
    key(
        f"{ONE}.value",
        "red",
        "Not built yet: a fixed value. The tool is left out.",
        lambda it: len(checked("not-built-input-value")(it)),
        1,
        also=COLOUR,
    ),
]
