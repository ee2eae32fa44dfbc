"""What a document says of itself, of which no operation is made."""

from __future__ import annotations

from typing import ClassVar

from cap_core.document.unrestricted import DescriptiveNode
from cap_core.syntax.yaml_tree import Node


class Person(DescriptiveNode, frozen=True, kw_only=True):
    """An entry of `stakeholders`."""

    describing: ClassVar[frozenset[str]] = frozenset({"role", "fullName", "email"})

    role: str | None = None
    fullName: str | None = None
    email: str | None = None


class Info(DescriptiveNode, frozen=True, kw_only=True):
    """What a document says of itself."""

    describing: ClassVar[frozenset[str]] = frozenset(
        {"label", "description", "version", "tags", "created", "modified", "stakeholders"}
    )

    label: str | None = None
    description: str | None = None
    version: str | None = None
    tags: Node | None = None
    created: str | None = None
    modified: str | None = None
    stakeholders: tuple[Person, ...] = ()
