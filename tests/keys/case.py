"""A key of a document, and what shows that it does something."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec
import yaml

from cap_core.document.vocabulary import OUTPUT_KEYS
from cap_core.testing import Answered

if TYPE_CHECKING:
    from keys.seen import Seen

SAME: Any = object()
"""The value of a key that the base document already has."""

BASE = """\
naftiko: 1.0.0-alpha2
info: {label: Things}
capability:
  consumes:
  - namespace: api
    type: http
    baseUri: UPSTREAM/base
    resources:
    - path: /things
      name: things
      operations:
      - name: list-things
        method: GET
      - name: make-thing
        method: POST
  exposes:
  - type: rest
    namespace: things-rest
    port: 8080
    resources:
    - path: /things
      name: things
      operations:
      - {name: list-things, method: GET, call: api.list-things}
      - {name: make-thing, method: POST, call: api.make-thing}
  - type: mcp
    namespace: things-mcp
    port: 9090
    tools:
    - {name: list-things, call: api.list-things}
    - {name: make-thing, call: api.make-thing}
"""
"""What every case starts from; `UPSTREAM` is the address of a server that records what it is sent."""

# Places in it.
API = "capability.consumes.0"
THINGS = f"{API}.resources.0"
LIST = f"{THINGS}.operations.0"
MAKE = f"{THINGS}.operations.1"
REST = "capability.exposes.0"
ROUTE = f"{REST}.resources.0"
GET = f"{ROUTE}.operations.0"
POST = f"{ROUTE}.operations.1"
MCP = "capability.exposes.1"
LIST_TOOL = f"{MCP}.tools.0"
MAKE_TOOL = f"{MCP}.tools.1"


_BASE = yaml.safe_load(BASE)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One key: where it stands, what it says, and what is seen then and only then."""

    path: str
    """Its place in the document: `capability.consumes.0.baseUri`."""
    value: Any = SAME
    does: str
    """What it does, for the page about keys."""
    sees: Callable[[Seen], object]
    expected: object
    also: Mapping[str, object] = {}
    """What else differs from the base document, by place; None removes."""
    answer: Answered = Answered(body=b'{"items": [{"id": 1, "name": "Lamp"}]}')
    """What the upstream says to every request."""
    files: Mapping[str, str | bytes] = {}
    """Files beside the document."""
    aspect: str = ""
    """What tells several cases of one key apart."""

    @property
    def document(self) -> dict[str, Any]:
        """The document with the key in it."""
        out: dict[str, Any] = copy.deepcopy(_BASE)
        for place, value in self.also.items():
            if value is not None:
                put(out, place, copy.deepcopy(value))
        if self.value is not SAME:
            put(out, self.path, copy.deepcopy(self.value))
        # Last, so that the places of what follows in a list stay the same until here.
        for place in [place for place, value in self.also.items() if value is None]:
            remove(out, place)
        return out

    @property
    def key(self) -> str:
        """The key as the page names it: `capability.consumes[].authentication(basic).username`."""
        return named(self.document, self.path)

    @property
    def name(self) -> str:
        """How pytest calls it."""
        return f"{self.key}{f' {self.aspect}' if self.aspect else ''}"


def key(path: str, value: Any, does: str, sees: Callable[[Seen], object], expected: object, **rest: Any) -> Case:
    """A case, in the order of a table's columns."""
    return Case(path=path, value=value, does=does, sees=sees, expected=expected, **rest)


def steps(path: str) -> list[str | int]:
    """The parts of a place."""
    return [int(part) if part.isdigit() else part for part in path.split(".")]


def put(document: Any, path: str, value: object) -> None:
    """Set what stands at a place; mappings and lists on the way are made."""
    *way, last = steps(path)
    for step, below in pairwise([*way, last]):
        empty: Any = [] if isinstance(below, int) else {}
        if isinstance(document, list):
            if step == len(document):
                document.append(empty)
        elif step not in document:
            document[step] = empty
        document = document[step]
    if isinstance(document, list) and last == len(document):
        document.append(value)
    else:
        document[last] = value


def at(document: Any, path: str) -> Any:
    """What stands at a place."""
    for step in steps(path):
        document = document[step]
    return document


def remove(document: Any, path: str) -> None:
    """Delete what stands at a place."""
    *way, last = steps(path)
    for step in way:
        document = document[step]
    del document[last]


def named(document: Any, path: str) -> str:
    """A place without numbers; where `type` or a format decides what keys there are, with it."""
    out = ""
    for step in steps(path):
        if isinstance(step, int):
            document = document[step]
            out += f"[{document.get('type', '') if out.endswith('exposes') else ''}]"
            continue
        out += f".{step}" if out else step
        if step in OUTPUT_KEYS and "outputRawFormat" in document:
            out += f"({document['outputRawFormat']})"
        document = document[step]
        if step in ("authentication", "auth") and isinstance(document, dict):
            out += f"({document['type']})" if "type" in document else ""
    return re.sub(r"\.(auth|authentication)(\([a-z]+\))?$", r".\1", out)
