"""Credentials towards an API, and what callers have to show."""

from __future__ import annotations

from collections.abc import Iterator

from keys.case import API, MCP, REST, SAME, Case, key
from keys.seen import Seen, Sees, checked, sent

AT = f"{API}.authentication"
LEFT_OUT = {REST: 501, MCP: "no tools"}
"""What callers see of an exposure that nobody can enter."""

ENTRY = {"name": "The name of a header.", "value": "What it holds."}


def towards(
    scheme: str, name: str, value: object, does: str, sees: Sees, expected: object, /, **beside: object
) -> Case:
    """A case of an option of an API's authentication."""
    also = {f"{AT}.type": scheme, **{f"{AT}.{option}": it for option, it in beside.items()}}
    return key(f"{AT}.{name}", value, does, sees, expected, also=also)


def entered(face: str, **headers: str) -> Sees:
    """The status of a caller's request through a face."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}

    def see(it: Seen) -> object:
        if face == MCP:
            answer = it.rest("POST", "/mcp/things", json=message, headers=given)
            tools = answer.status_code != 200 or answer.json()["result"]["tools"]
            return answer.status_code if tools else "no tools"
        return it.rest("GET", "/things", headers=given).status_code

    return see


def callers(face: str) -> Iterator[Case]:
    at = f"{face}.authentication"

    def option(
        scheme: str, name: str, value: object, does: str, sees: Sees, expected: object, /, **beside: object
    ) -> Case:
        also = {f"{at}.type": scheme, **{f"{at}.{option}": it for option, it in beside.items()}}
        return key(f"{at}.{name}", value, does, sees, expected, also=also)

    known = (entered(face, x_key="s3cret"), 200)
    yield key(
        at,
        {"type": "bearer", "token": "s3cret"},
        "What callers have to show; without it nobody is asked.",
        entered(face),
        401,
    )
    yield option("bearer", "type", SAME, "The header `Authorization: Bearer`.", entered(face), 401, token="s3cret")
    bearer = (entered(face, authorization="Bearer s3cret"), 200)
    yield option("bearer", "token", "s3cret", "The token that lets callers in.", *bearer)
    yield option("bearer", "value", "s3cret", "Another spelling of `token`.", *bearer)
    yield option(
        "bearer",
        "placement",
        "query",
        "Can only be `header`; with another, nobody is let in and nothing served.",
        entered(face),
        LEFT_OUT[face],
        token="s3cret",
    )
    yield option(
        "apikey", "type", SAME, "A header of the document's choice.", entered(face), 401, key="X-Key", value="s3cret"
    )
    yield option("apikey", "key", "X-Key", "The name of the header.", *known, value="s3cret")
    yield option("apikey", "value", "s3cret", "The key that lets callers in.", *known, key="X-Key")
    yield option("apikey", "token", "s3cret", "Another spelling of `value`.", *known, key="X-Key")
    yield option(
        "apikey",
        "placement",
        "query",
        "Can only be `header`; with another, nobody is let in and nothing served.",
        entered(face),
        LEFT_OUT[face],
        key="X-Key",
        value="s3cret",
    )
    yield option("apikey", "name", "X-Key", "Another spelling of `key`.", *known, value="s3cret")
    yield option(
        "apikey",
        "in",
        "query",
        "Another spelling of `placement`.",
        entered(face),
        LEFT_OUT[face],
        name="X-Key",
        value="s3cret",
    )
    yield option(
        "apikey", "header", "X-Key", "The name of the header, where `key` is the secret.", *known, key="s3cret"
    )
    yield option("apikey", "headers", {"X-Key": "s3cret"}, "Name and key as a mapping, or in a list of one.", *known)
    for name, does in ENTRY.items():
        yield option("apikey", f"headers.0.{name}", SAME, does, *known, headers=[{"name": "X-Key", "value": "s3cret"}])


CASES = [
    key(
        AT,
        {"type": "bearer", "token": "s3cret"},
        "The credentials that every request carries.",
        sent("authorization"),
        "Bearer s3cret",
    ),
    towards(
        "bearer", "type", SAME, "A token in `Authorization: Bearer`.", sent("authorization"), "Bearer t", token="t"
    ),
    towards("bearer", "token", "t", "The token.", sent("authorization"), "Bearer t"),
    towards("bearer", "value", "t", "Another spelling of `token`.", sent("authorization"), "Bearer t"),
    towards(
        "bearer",
        "placement",
        "query",
        "Can only be `header`.",
        lambda it: checked("bad-auth")(it)[:1],
        ["a bearer stands in the Authorization header"],
        token="t",
    ),
    towards(
        "basic",
        "type",
        SAME,
        "A user name and a password.",
        sent("authorization"),
        "Basic dTpw",
        username="u",
        password="p",
    ),
    towards("basic", "username", "u", "The user name.", sent("authorization"), "Basic dTpw", password="p"),
    towards(
        "basic", "password", "p", "The password; empty without it.", sent("authorization"), "Basic dTpw", username="u"
    ),
    towards("apikey", "type", SAME, "A key under a name of its own.", sent("x-key"), "k", key="X-Key", value="k"),
    towards("apikey", "key", "X-Key", "The name it is sent under.", sent("x-key"), "k", value="k"),
    towards("apikey", "value", "k", "The key itself.", sent("x-key"), "k", key="X-Key"),
    towards("apikey", "token", "k", "Another spelling of `value`.", sent("x-key"), "k", key="X-Key"),
    towards(
        "apikey",
        "placement",
        "query",
        "Where it is sent: `header`, `query`, `cookie` or `body`.",
        sent("line"),
        "GET /base/things?key=k",
        key="key",
        value="k",
    ),
    towards("apikey", "name", "X-Key", "Another spelling of `key`.", sent("x-key"), "k", value="k"),
    towards(
        "apikey",
        "in",
        "query",
        "Another spelling of `placement`.",
        sent("line"),
        "GET /base/things?key=k",
        name="key",
        value="k",
    ),
    towards(
        "apikey", "header", "X-Key", "The name of the header, where `key` is the secret.", sent("x-key"), "k", key="k"
    ),
    towards("apikey", "headers", {"X-Key": "k"}, "Several headers, as a mapping or a list.", sent("x-key"), "k"),
    *(
        towards(
            "apikey", f"headers.0.{name}", SAME, does, sent("x-key"), "k", headers=[{"name": "X-Key", "value": "k"}]
        )
        for name, does in ENTRY.items()
    ),
    *callers(REST),
    *callers(MCP),
]
