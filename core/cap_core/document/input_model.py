"""What a document may say of the values of an input: on both sides, and of the parts of lists and objects within."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from cap_core.document.reader import ModelNode
from cap_core.document.values import Allowed, Names, Number, Requirement, Size
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredType
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, resolve


class InputNode(ModelNode, frozen=True, kw_only=True):
    """The keys of an input that say what its values may be, as JSON Schema has them."""

    unrestricted: ClassVar[frozenset[str]] = frozenset({"mapping"})
    remedies: ClassVar[dict[str, str]] = {"mapping": "say in 'with' of what calls it where the input goes"}

    name: str
    type: Names | None = None
    required: Requirement | None = None
    description: str | None = None
    pattern: str | None = None
    enum: Allowed | None = None
    values: Allowed | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    minLength: Size | None = None
    maxLength: Size | None = None
    format: str | None = None
    default: Node | None = None
    example: Node | None = None
    examples: Node | None = None
    nullable: bool | None = None
    items: InputPart | None = None
    properties: tuple[InputPart, ...] = ()

    @property
    def needed(self) -> bool | None:
        """Whether it has to be given; None if the document does not say. A list of names is about its members."""
        return self.required if isinstance(self.required, bool) else None

    def declared_type(self) -> DeclaredType:
        """What the core compiles of it."""
        members = self.required if isinstance(self.required, tuple) else ()
        marked = (part.name for part in self.properties if part.needed)
        return DeclaredType(
            at=self.at,
            types=tuple(word.lower() for word in self.type or ()),
            nullable=self.nullable,
            description=self.description or "",
            pattern=self.pattern,
            enum=_listed(self.values if self.enum is None else self.enum),
            minimum=self.minimum,
            maximum=self.maximum,
            min_length=self.minLength,
            max_length=self.maxLength,
            format=self.format or "",
            default=self.default,
            examples=self._examples(),
            items=self.items.declared_type() if self.items is not None else None,
            properties=tuple((part.name, part.declared_type()) for part in self.properties),
            required=tuple(dict.fromkeys((*members, *marked))),
            marks=self.marks,
        )

    def _examples(self) -> tuple[Node, ...]:
        """Those by both keys. OpenAPI names several: `examples: {short: {value: 1}}`."""
        listed: Iterable[Node] = self.examples if isinstance(self.examples, Seq) else ()
        if isinstance(self.examples, Map):
            found = (item.get(_VALUE) for item in self.examples.values() if isinstance(item, Map))
            listed = (item for item in found if item is not None)
        return tuple(([self.example] if self.example is not None else []) + list(listed))


class InputPart(InputNode, frozen=True, kw_only=True):
    """A part of an input: the items of a list, or a member of an object."""

    name: str = ""


_VALUE = Scalar("value", Mark("", 0, 0))


def _listed(node: object) -> tuple[Node, ...] | None:
    """The items of a list, or a single scalar; None for anything else."""
    if isinstance(node, Scalar) and resolve(node) is not None:
        return (node,)
    return tuple(node) if isinstance(node, Seq) else None
