"""What values of an input may be: its type, its limits and its parts, as JSON Schema has them."""

from __future__ import annotations

import msgspec


class InputType(msgspec.Struct, frozen=True, kw_only=True):
    """The type of an input or of a part of one. Where it is silent, any value is taken.

    What limits a text or a number stands with a list's `items`, never with the list.
    """

    type: str | None = None
    nullable: bool = False
    """Whether an explicit `null` is a value of its own; otherwise it means that there is none."""
    description: str = ""
    pattern: str | None = None
    portable: bool = True
    """Whether clients can compile the pattern (ECMA-262); it is not shown to them otherwise."""
    enum: tuple[object, ...] | None = None
    """The allowed values, each of `type` and once."""
    minimum: int | float | None = None
    maximum: int | float | None = None
    min_length: int | None = None
    """The least characters of a text."""
    max_length: int | None = None
    """The most characters of a text."""
    format: str = ""
    default: object = msgspec.UNSET
    """What counts if nothing is given, as callers see it. Whether it is sent is the business of `InputRef.default`."""
    examples: tuple[object, ...] = ()
    items: InputType | None = None
    """The type of each item of a list."""
    properties: tuple[tuple[str, InputType], ...] = ()
    """The types of members of an object; others are taken too."""
    required: tuple[str, ...] = ()
    """The members that an object has to have."""

    def schema(self) -> dict[str, object]:
        """Its JSON Schema; a list always has `items`, because some clients refuse it without."""
        out: dict[str, object] = {}
        if self.type:
            out["type"] = [self.type, "null"] if self.nullable else self.type
        if self.type == "array":
            out["items"] = self.items.schema() if self.items is not None else {}
        if self.properties:
            out["properties"] = {name: member.schema() for name, member in self.properties}
        if self.required:
            out["required"] = list(self.required)
        if self.type == "object":
            out["additionalProperties"] = True
        if self.enum is not None:
            out["enum"] = [*self.enum, *([None] if self.nullable else [])]
        shown = {
            "description": self.description,
            "pattern": self.pattern if self.portable else None,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "minLength": self.min_length,
            "maxLength": self.max_length,
            "format": self.format,
            "examples": list(self.examples),
        }
        out |= {key: value for key, value in shown.items() if value not in (None, "", [])}
        if self.default is msgspec.UNSET:
            return out
        written = self.default
        return {**out, "default": msgspec.json.decode(written) if isinstance(written, msgspec.Raw) else written}

    def over(self, other: InputType) -> InputType:
        """The same, with what `other` says where this says nothing."""
        blank = InputType()
        silent = [name for name in self.__struct_fields__ if getattr(self, name) == getattr(blank, name)]
        return msgspec.structs.replace(self, **{name: getattr(other, name) for name in silent})
