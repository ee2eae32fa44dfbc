"""Outputs that are read from an answer."""

from __future__ import annotations

from collections.abc import Iterator

from keys.case import GET, LIST_TOOL, SAME, Case, key
from keys.seen import Sees, answered, checked, openapi, result

SCHEMA = ("paths", "/things", "get", "responses", "2XX", "content", "application/json", "schema")
FIRST = {"name": "first", "type": "string", "mapping": "$.items[0].name"}
NUMBER = {"name": "id", "type": "string", "mapping": "$.items[0].id"}
NAMES = {"name": "names", "type": "array", "mapping": "$.items", "items": {"mapping": "$.name"}}
SHORT = {"name": "first", "type": "string", "mapping": "$.items[0].name", "maxLength": 2}
BY_NAME = {"name": "thing", "type": "object", "mapping": "$.items[0]", "values": {"type": "string"}}
THING = {"name": "thing", "type": "object", "mapping": "$.items[0]", "properties": [{"name": "name"}]}


def outputs(operation: str, sees: Sees) -> Iterator[Case]:
    at = f"{operation}.outputParameters"
    yield key(at, [FIRST], "What of the answer callers get, and how it is named.", sees, {"first": "Lamp"})
    yield key(
        f"{at}.0.name",
        SAME,
        "The name of the member; without one, the answer is the value.",
        sees,
        {"first": "Lamp"},
        also={at: [FIRST]},
    )
    yield key(f"{at}.0.type", SAME, "The type that the value gets, or `null`.", sees, {"id": "1"}, also={at: [NUMBER]})
    yield key(
        f"{at}.0.mapping",
        SAME,
        "A JSONPath to the value; without one, the member of its name, or for nested outputs the element itself.",
        sees,
        {"first": "Lamp"},
        also={at: [FIRST]},
    )
    yield key(
        f"{at}.0.items", SAME, "What each element of a list becomes.", sees, {"names": ["Lamp"]}, also={at: [NAMES]}
    )
    yield key(
        f"{at}.0.properties",
        SAME,
        "The members that an object keeps.",
        sees,
        {"thing": {"name": "Lamp"}},
        also={at: [THING]},
    )
    yield key(
        f"{at}.0.values",
        SAME,
        "What every member of an object becomes, whatever it is called.",
        sees,
        {"thing": {"id": "1", "name": "Lamp"}},
        also={at: [BY_NAME]},
    )
    yield key(f"{at}.0.maxLength", SAME, "Longer text is cut.", sees, {"first": "La"}, also={at: [SHORT]})
    yield key(
        f"{at}.0.value",
        "always",
        "A fixed answer, where nothing is called. Beside a call it is not built yet, and what has it is left out.",
        sees,
        {"first": "always"},
        also={at: [{"name": "first", "type": "string"}], at.replace("outputParameters", "call"): ""},
    )
    yield key(
        f"{at}.0.const",
        "Lamp",
        "Not built yet: what the value has to be. Without a `mapping`, another spelling of `value`.",
        lambda it: len(checked("not-built-const")(it)),
        1,
        also={at: [FIRST]},
    )


CASES = [
    *outputs(GET, answered("json")),
    key(
        f"{GET}.outputParameters.0.description",
        "Its name.",
        "Describes it in OpenAPI.",
        openapi(*SCHEMA, "properties", "first", "description"),
        "Its name.",
        also={f"{GET}.outputParameters": [FIRST]},
    ),
    *outputs(LIST_TOOL, result("structuredContent")),
    key(
        f"{LIST_TOOL}.outputParameters.0.description",
        "Its name.",
        "No effect: listings of tools have no place for it. `cap check` says so once.",
        checked("not-acted-on"),
        ["'description' of the output of a tool has no effect; say it in the tool's own description"],
        also={f"{LIST_TOOL}.outputParameters": [FIRST]},
    ),
]
