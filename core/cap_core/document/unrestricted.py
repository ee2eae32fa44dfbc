"""Parts of a document in which some of the keys that restrict have nothing to restrict."""

from __future__ import annotations

from typing import ClassVar

from cap_core.document.reader import ModelNode
from cap_core.document.restrictions import RESTRICTING


class DescriptiveNode(ModelNode, frozen=True, kw_only=True):
    """A part that no operation is made of."""

    unrestricted: ClassVar[frozenset[str]] = frozenset(RESTRICTING)
