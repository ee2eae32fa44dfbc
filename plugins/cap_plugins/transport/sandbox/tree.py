"""The consumed paths of a namespace as one tree: what is below what, and what each address takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cap_core.names import norm
from cap_plugins.transport.sandbox import words
from cap_plugins.transport.sandbox.paging import is_paging

if TYPE_CHECKING:
    from cap_core.plan import Operation
    from cap_plugins.transport.sandbox.paths import Path, Step


class Node:
    """One step of some path. It is only added to while the tree grows."""

    __slots__ = ("children", "names", "operations", "parent", "step")

    def __init__(self, step: Step | None = None, parent: Node | None = None) -> None:
        self.step = step
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.operations: list[Operation] = []
        self.names = {norm(step.text)} if step else set()

    @property
    def kind(self) -> str:
        """`name`, `slot` or `verb`; the root is a name without text."""
        return self.step.kind if self.step else "name"

    @property
    def text(self) -> str:
        """The step as the path has it: a name, a verb, a slot's placeholder."""
        return self.step.text if self.step else ""

    @property
    def methods(self) -> frozenset[str]:
        """The methods that end here; HEAD is a GET."""
        return frozenset("GET" if o.method == "HEAD" else o.method for o in self.operations)

    @property
    def slots(self) -> list[Node]:
        """The items of a collection: its whole segment first (`{id}`), then partial ones (`act_{id}`)."""
        found = [child for child in self.children.values() if child.kind == "slot"]
        return sorted(found, key=lambda child: child.step is not None and child.step.key != "{}")

    @property
    def above(self) -> Iterator[Node]:
        """Every node from the parent up to the root."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    @property
    def paged(self) -> bool:
        """Whether a GET here declares how much it gives, or from where on."""
        return any(
            p.place == "query" and is_paging(p.name) for o in self.operations if o.method == "GET" for p in o.parameters
        )

    @property
    def numeric(self) -> bool:
        """Whether some operation declares the identifier in this slot to be a number."""
        paths = (p for o in self._below() for p in o.parameters if p.place == "path")
        declared = {p.type for p in paths if norm(p.name) in self.names}
        return bool(declared & {"integer", "number"})

    @property
    def noun(self) -> str:
        """What one thing here is called, after the nearest name that is not a version."""
        if self.kind != "slot" and self.text and not words.is_version(self.text):
            return words.noun(self.text) or "item"
        for node in self.above:
            if node.kind == "slot":
                break
            if node.text and not words.is_version(node.text):
                return words.noun(node.text) or "item"
        return _named_after(self.slots[0].text) if self.slots else "item"

    def _below(self) -> Iterator[Operation]:
        yield from self.operations
        for child in self.children.values():
            yield from child._below()


def grow(paths: Iterable[tuple[Path, Operation]]) -> Node:
    """The tree of some operations' paths."""
    root = Node()
    for path, operation in paths:
        end_of(root, path).operations.append(operation)
    return root


def end_of(root: Node, path: Path) -> Node:
    """The node that a path ends at."""
    node = root
    for step in path.steps:
        node = node.children.setdefault(step.key, Node(step, node))
        node.names.add(norm(step.text))
    return node


def _named_after(placeholder: str) -> str:
    """`{campaign_id}` holds the identifier of a campaign; `{id}` does not say of what."""
    found = words.words(placeholder)
    if found and found[-1] in ("id", "ids", "uuid", "key", "name", "code", "number", "slug"):
        found = found[:-1]
    return "_".join(found) or "item"
