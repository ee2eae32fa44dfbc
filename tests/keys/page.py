"""The table of all keys, for `docs/keys.md`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from cap_core.plugins import loader
from keys.accepted import accepted
from keys.cases import MODULES

_API = "capability.consumes[]"
_CALLED = f"{_API}.resources[].operations[]"
_REST = "capability.exposes[rest]"
_FORMAT = " with a format"
_MCP = "capability.exposes[mcp]"
_ROUTE = f"{_REST}.resources[].operations[]"

SECTIONS = {
    "The document": ("", "capability"),
    "What it says of itself": ("info",),
    "Stakeholders": ("info.stakeholders[]",),
    "Bindings": ("binds[]", "capability.binds[]"),
    "APIs": (_API,),
    "Resources of an API": (f"{_API}.resources[]",),
    "Operations of an API": (_CALLED,),
    "Parameters of an API": (
        f"{_API}.inputParameters[]",
        f"{_API}.resources[].inputParameters[]",
        f"{_CALLED}.inputParameters[]",
    ),
    "Outputs of an API": (f"{_CALLED}.outputParameters[]",),
    "Bodies": (f"{_CALLED}.body",),
    "Parts of a multipart body": (f"{_CALLED}.body.data[]",),
    "Formats of answers": (f"{_CALLED}{_FORMAT}",),
    "Credentials for an API": (f"{_API}.authentication(type)",),
    "Headers of an `apikey`": tuple(f"{face}.authentication(apikey).headers[]" for face in (_API, _REST, _MCP)),
    "REST": (_REST,),
    "Resources": (f"{_REST}.resources[]",),
    "Operations": (_ROUTE,),
    "MCP": (_MCP,),
    "Tools": (f"{_MCP}.tools[]",),
    "Hints of a tool": (f"{_MCP}.tools[].hints",),
    "Steps": (f"{_ROUTE}.steps[]", f"{_MCP}.tools[].steps[]"),
    "Inputs": (
        f"{_REST}.inputParameters[]",
        f"{_REST}.resources[].inputParameters[]",
        f"{_ROUTE}.inputParameters[]",
        f"{_MCP}.tools[].inputParameters[]",
    ),
    "Outputs": (f"{_ROUTE}.outputParameters[]", f"{_MCP}.tools[].outputParameters[]"),
    "Callers": (f"{_REST}.authentication(type)", f"{_MCP}.authentication(type)"),
}
"""The headings of the page, and the places whose keys stand below each."""


def tables() -> str:
    """All of them, with their headings."""
    return "\n\n".join(_section(title, places) for title, places in SECTIONS.items())


class Row(msgspec.Struct, frozen=True):
    """A case, as a line of the page."""

    place: str
    """What its key stands below."""
    shown: str
    does: str
    module: str


def _section(title: str, places: tuple[str, ...]) -> str:
    rows = [row for row in ROWS if row.place in places]
    where = [f"`{place.removesuffix(_FORMAT)}`" for place in places if place]
    below = "Below " + " and ".join(filter(None, (", ".join(where[:-1]), where[-1]))) + "."
    intro = "At the root, and below `capability`." if title == "The document" else below
    lines = [line for shown in dict.fromkeys(row.shown for row in rows) for line in _lines(shown, rows, places)]
    return "\n".join([f"## {title}", "", intro, "", "| key | what it does | test |", "|---|---|---|", *lines])


def _lines(shown: str, rows: list[Row], places: tuple[str, ...]) -> Iterator[str]:
    """The lines of a key; where it does not do the same everywhere, each says where."""
    of_key = [row for row in rows if row.shown == shown]
    for does in dict.fromkeys(row.does for row in of_key):
        same = [row for row in of_key if row.does == does]
        everywhere = {row.place for row in same} >= {row.place for row in of_key}
        where = "" if everywhere else " (MCP)" if all(_MCP in row.place for row in same) else " (REST)"
        yield f"| {shown}{where} | {does} | [{same[0].module}](../tests/keys/{same[0].module}.py) |"


def _rows() -> Iterator[Row]:
    """Every case that says what its key does, in the order of the models."""
    order = {key: i for i, key in enumerate(accepted(loader.load()))}
    known = [
        (order.get(case.key, len(order)), module, case) for module in MODULES for case in module.CASES if case.does
    ]
    for _, module, case in sorted(known, key=lambda one: one[0]):
        above, _, last = case.key.rpartition(".")
        kind = re.search(r"authentication\((\w+)\)$", above) or re.search(r"\((\w+)\)$", last)
        name = case.key if above == "capability" else re.sub(r"\(.*", "", last)
        place = re.sub(r"authentication\(\w+\)$", "authentication(type)", above) + (_FORMAT if last[-1] == ")" else "")
        shown = f"`{name}`" + (f" of `{kind[1]}`" if kind else "")
        yield Row(place, shown, case.does.replace("|", "\\|"), module.__name__.rpartition(".")[2])


ROWS = tuple(_rows())
