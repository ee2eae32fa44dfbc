"""The root of a document, and what it says of itself."""

from __future__ import annotations

from keys.case import SAME, key
from keys.seen import answered, checked, mcp, openapi


def about(*where: str | int):
    return openapi("x-cap-capabilities", 0, *where)


SERVED = (answered("status"), 200)
PERSON = "info.stakeholders.0"

CASES = [
    key("naftiko", SAME, "Makes the file a capability document, and says in which version of this dialect.", *SERVED),
    key(
        "ikanos",
        "1.0.0-beta5",
        "The same in the newer dialect.",
        *SERVED,
        also={"naftiko": None},
    ),
    key("capability", SAME, "Holds what is consumed and what is exposed.", *SERVED),
    key("capability.consumes", SAME, "Lists the APIs that are called.", *SERVED),
    key("capability.exposes", SAME, "Lists the faces that callers see.", *SERVED),
    key(
        "import",
        ["./more.yaml"],
        "Not built yet: other files to take things from.",
        lambda it: len(checked("not-built-import")(it)),
        1,
    ),
    *(
        key(
            name,
            [{"namespace": "more"}],
            "Not built yet: what the file offers for others to import. Only what stands below `capability` is served.",
            lambda it: len(checked("not-built-standalone")(it)),
            1,
        )
        for name in ("consumes", "exposes")
    ),
    *(
        key(
            place,
            [{"namespace": "flows", "functions": [{"name": "f", "call": "api.list-things"}]}],
            "Not built yet: functions for several faces. What refers to them is left out.",
            lambda it: len(checked("not-built-aggregates")(it)),
            1,
        )
        for place in ("aggregates", "capability.aggregates")
    ),
    key("info", SAME, "Says what the capability is, for people.", openapi("info", "title"), "Things"),
    key(
        "info.label",
        SAME,
        "The title: in OpenAPI, in `cap list`, of the MCP server.",
        openapi("info", "title"),
        "Things",
    ),
    key(
        "info.label",
        SAME,
        "",
        mcp("initialize", "serverInfo", "title"),
        "Things",
        aspect="for MCP",
    ),
    key(
        "info.description",
        "All about things.",
        "The description in OpenAPI.",
        openapi("info", "description"),
        "All about things.",
    ),
    key(
        "info.version",
        "2.1",
        "The version of the API in OpenAPI, and of the MCP server.",
        openapi("info", "version"),
        "2.1",
    ),
    key("info.version", "2.1", "", mcp("initialize", "serverInfo", "version"), "2.1", aspect="for MCP"),
    key(
        "info.tags",
        ["stock", "shop"],
        "Words to find it by; in OpenAPI below `x-cap-capabilities`.",
        about("tags"),
        ["stock", "shop"],
    ),
    key("info.created", "2026-01-02", "When it was made; shown beside the tags.", about("created"), "2026-01-02"),
    key("info.modified", "2026-03-04", "When it was last changed; shown there too.", about("modified"), "2026-03-04"),
    key(
        "info.stakeholders",
        [{"role": "owner", "fullName": "Ada L.", "email": "ada@example.com"}],
        "Whom it matters to; shown there too.",
        about("stakeholders"),
        [{"role": "owner", "fullName": "Ada L.", "email": "ada@example.com"}],
    ),
    key(f"{PERSON}.role", "owner", "What they have to do with it.", about("stakeholders", 0, "role"), "owner"),
    key(f"{PERSON}.fullName", "Ada L.", "Their name.", about("stakeholders", 0, "fullName"), "Ada L."),
    key(f"{PERSON}.email", "a@example.com", "Their address.", about("stakeholders", 0, "email"), "a@example.com"),
]
