"""Parts of a document in which some of the keys that restrict have nothing to restrict."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from cap_core.document.reader import ModelNode
from cap_core.document.restrictions import RESTRICTING


class DescriptiveNode(ModelNode, frozen=True, kw_only=True):
    """A part that no operation is made of."""

    unrestricted: ClassVar[frozenset[str]] = frozenset(RESTRICTING)


class InputNode(ModelNode, frozen=True, kw_only=True):
    """An input: nothing maps it, and some words of JSON Schema are not built for it yet."""

    unrestricted: ClassVar[frozenset[str]] = frozenset(
        {"mapping", "items", "properties", "minLength", "minimum", "maximum"}
    )
    remedies: ClassVar[Mapping[str, str]] = {"mapping": "say in 'with' of what calls it where the input goes"}
