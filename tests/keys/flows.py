"""Steps, and what they see of the answers before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keys.case import GET, LIST, LIST_TOOL, SAME, Case, key
from keys.seen import Sees, answered, checked, count_sent, last_line, result

QUERY = {f"{LIST}.inputParameters.0": {"name": "q", "in": "query"}}
FOUND = {"name": "found", "type": "call", "call": "api.list-things"}
SHOWN = {"name": "shown", "call": "api.list-things", "with": {"q": "found.items[0].name"}}
FIRST = "GET /base/things?q=Lamp"
OUTPUT = f"{LIST}.outputParameters.0"


def flow(operation: str, *steps: dict[str, Any]) -> dict[str, object]:
    return {**QUERY, f"{operation}.call": "", f"{operation}.steps": list(steps)}


def in_steps(operation: str, line: Sees, what: str) -> Iterator[Case]:
    """The keys of a step."""
    at, also = f"{operation}.steps", flow(operation, FOUND, SHOWN)
    yield key(
        at,
        SAME,
        "Operations that are called one after the other, instead of one `call`; later ones can name what earlier ones"
        " gave.",
        count_sent(line),
        2,
        also=also,
    )
    yield key(f"{at}.0.name", SAME, "The name by which later steps know its result.", line, FIRST, also=also)
    yield key(
        f"{at}.1.call", SAME, "The operation it calls, as in `call` of an operation or a tool.", line, FIRST, also=also
    )
    yield key(
        f"{at}.1.with",
        SAME,
        "What it is sent; beside inputs (`rest.x`, `tools.x`), results of earlier steps (`step.x`).",
        line,
        FIRST,
        also=also,
    )
    yield key(
        f"{at}.0.type",
        "lookup",
        "`call`, which needs no saying. Not built yet: `lookup` and `script`. What has them is left out.",
        checked("not-built-steps"),
        [f"{what}: steps that look something up are not run yet; it is left out"],
        also=also,
    )


def seen_by_steps() -> Iterator[Case]:
    """The outputs of a consumed operation."""
    line = last_line(answered("status"))
    whole = {"name": "first", "type": "string", "value": "$.items[0].name"}
    also = flow(GET, FOUND, {**SHOWN, "with": {"q": "found.first"}})
    at = f"{LIST}.outputParameters"
    yield key(
        at,
        [whole],
        "What steps see of the answer; without it, all of it. Other calls are read as the exposed outputs say, and"
        " `cap check` says once that it has no effect.",
        line,
        FIRST,
        also=also,
    )
    yield key(f"{OUTPUT}.name", SAME, "By which a later step names it.", line, FIRST, also={**also, at: [whole]})
    yield key(f"{OUTPUT}.value", SAME, "A JSONPath to the value.", line, FIRST, also={**also, at: [whole]})
    mapping = {"name": "first", "mapping": "$.items[0].name"}
    yield key(f"{OUTPUT}.mapping", SAME, "Another spelling of `value`.", line, FIRST, also={**also, at: [mapping]})
    yield key(
        f"{OUTPUT}.type",
        SAME,
        "The type that the value gets, or `null`.",
        line,
        "GET /base/things",
        also={**also, at: [{**whole, "type": "integer"}]},
    )
    yield key(
        f"{OUTPUT}.items",
        SAME,
        "What each element of a list becomes.",
        line,
        FIRST,
        also={**also, at: [{"name": "first", "value": "$.items", "items": {"value": "$.name"}}]},
    )
    yield key(
        f"{OUTPUT}.properties",
        SAME,
        "The members that an object keeps.",
        line,
        "GET /base/things?q=%7B%22n%22:%22Lamp%22%7D",
        also={
            **also,
            at: [{"name": "first", "value": "$.items[0]", "properties": [{"name": "n", "value": "$.name"}]}],
        },
    )
    yield key(
        f"{OUTPUT}.description",
        SAME,
        "No effect: nobody is shown it. `cap check` says so once.",
        checked("not-acted-on"),
        ["'description' of what a step sees of an answer has no effect; nobody is shown it"],
        also={**also, at: [{**whole, "description": "The first."}]},
    )


CASES = [
    *seen_by_steps(),
    *in_steps(GET, last_line(answered("status")), "'list-things'"),
    *in_steps(LIST_TOOL, last_line(result("content")), "tool 'list-things'"),
]
