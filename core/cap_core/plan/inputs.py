"""The inputs of one exposed call: their names, where a request carries them, and their JSON Schema."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from cap_core.errors import Mark
from cap_core.plan.input_types import InputType
from cap_core.plan.upstream import FieldPlace

Place = Literal["path", "query", "header", "cookie", "member", "body", "argument"]
"""Where a request carries an input. `member` is a top-level field of a JSON or form body, `body` the whole body,
`argument` an argument of a tool."""

PASSED_BODY = ""
"""The name of a body among the values of a call that passes as it is, instead of its members; or `EMPTY_BODY`. No input
has it."""
EMPTY_BODY = "{}"
"""What stands for a JSON object in which a caller gave no member."""

_ANY = ("object", "array", "string", "number", "boolean")
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One input of an exposed call.

    `name` is the input's name for callers, `wire` its name at its `place` (a placeholder, a header). `alias` is the
    property name for MCP clients if they would refuse `name`. `opaque` marks a body that is passed through unread.
    """

    name: str
    place: Place
    wire: str
    also: tuple[Place, ...] = ()
    """Where a request may carry it instead, tried in order after `place`."""
    of: InputType
    """What its values may be."""
    required: bool
    note: str = ""
    """What callers are told where the document has no description."""
    alias: str = ""
    opaque: bool = False
    text: frozenset[FieldPlace] = frozenset()
    """Where an input without a type is sent, if each of these places takes text alone; else empty."""
    filled: bool = False
    """Whether an empty text is refused, as it would name another resource in a path."""
    raw: bool = False
    """Whether nothing but JSON takes it, and all of it: it is then sent in the spelling of the caller's JSON."""
    media_type: str = ""
    """The media type, other than JSON, of bodies that pass as they are; "" if there is none."""
    at: Mark
    declared: bool = False
    """Whether the exposed operation declares it; otherwise the called operation or `with` makes it an input."""
    named: tuple[Mark, ...] = ()
    """The places in `with` that name it."""

    @property
    def type(self) -> str | None:
        """The type of its values, None for any."""
        return self.of.type

    @property
    def description(self) -> str:
        """What it is, for people and models."""
        return self.of.description

    @property
    def property_name(self) -> str:
        """The name in the JSON Schema."""
        return self.alias or self.name

    def where(self, place: Place | None = None) -> str:
        """What messages call it, by the place where a request has it: `query limit`, `body`, `argument limit`."""
        place = place or self.place
        if place == "body":
            return "body"
        if place == "argument":
            return f"argument {self.property_name}"
        return f"body member {self.wire}" if place == "member" else f"{place} {self.wire}"

    def schema(self) -> dict[str, object]:
        """The JSON Schema of this input. What has no type and is sent as text is a string; a number is accepted too."""
        out = self.of.schema()
        if self.opaque and self.type is None:  # some clients cannot use a property without a type, or with a list
            out = {"anyOf": [{"type": type_} for type_ in _ANY], **out}
        elif self.type is None and self.text and all(isinstance(item, str) for item in self.of.enum or ()):
            out = {"type": ["string", "null"] if self.of.nullable else "string", **out}
        if self.note and not self.description:
            out["description"] = self.note
        # What stands in a path, a query or a header is text, item by item.
        if self.type == "array" and self.of.items is None and self.place not in ("member", "body", "argument"):
            out["items"] = {"type": "string"}
        return {"minLength": 1, **out} if self.filled and out.get("type") == "string" else out


class Inputs(msgspec.Struct, frozen=True):
    """The inputs of one call, in order."""

    items: tuple[Input, ...] = ()

    def schema(self) -> dict[str, object]:
        """The closed, flat JSON Schema of all inputs (`docs/semantics.md`, MCP)."""
        return {
            "type": "object",
            "properties": {item.property_name: item.schema() for item in self.items},
            **({"required": required} if (required := [i.property_name for i in self.items if i.required]) else {}),
            "additionalProperties": False,
        }


def aliases(names: list[str]) -> dict[str, str]:
    """Property names for those of `names` that MCP clients refuse: other characters become `_`, `_2` on a clash."""
    taken = {name for name in names if _PROPERTY.fullmatch(name)}
    out: dict[str, str] = {}
    for name in names:
        if name in taken or name in out:
            continue
        stem = re.sub(r"[^A-Za-z0-9_.-]", "_", name).strip("_")[:60] or "input"
        alias, n = stem, 1
        while alias in taken:
            n += 1
            alias = f"{stem}_{n}"
        taken.add(alias)
        out[name] = alias
    return out


def whole(value: float) -> int | float:
    """An integral float as an int, if floats of its size are exact; else the float itself."""
    return int(value) if abs(value) < 2**53 else value
