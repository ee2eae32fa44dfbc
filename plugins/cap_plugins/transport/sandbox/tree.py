"""The consumed paths of a namespace as one tree: what is below what, and what each address takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cap_core.names import norm
from cap_plugins.transport.sandbox import words
from cap_plugins.transport.sandbox.paging import wanted

if TYPE_CHECKING:
    from cap_core.plan import Operation
    from cap_plugins.transport.sandbox.kinds import Kind
    from cap_plugins.transport.sandbox.paths import Path, Step


class Node:
    """One step of some path. It is only added to while the tree grows."""

    __slots__ = ("children", "names", "operations", "parent", "step", "told")

    def __init__(self, step: Step | None = None, parent: Node | None = None) -> None:
        self.step = step
        self.parent = parent
        self.children: dict[str, Node] = {}
        self.operations: list[Operation] = []
        self.names = {norm(step.text)} if step else set()
        self.told: Kind | None = None
        """What lives here, once somebody has asked (`kinds`)."""

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
        return frozenset(_method(o) for o in self.operations)

    def taking(self, method: str) -> list[Operation]:
        """The operations of one method; there are several where a document has one address twice."""
        return [operation for operation in self.operations if _method(operation) == method]

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
        return bool(wanted(self.taking("GET")).roles)

    @property
    def numeric(self) -> bool:
        """Whether some operation declares the identifier in this slot to be a number."""
        paths = (p for o in self._below() for p in o.parameters if p.place == "path")
        declared = {p.type for p in paths if norm(p.name) in self.names}
        return bool(declared & {"integer", "number"})

    @property
    def noun(self) -> str:
        """What one thing here is called, after the nearest name that is not a version, else after its placeholder."""
        if self.kind == "slot":
            return _named_after(self.text)
        for node in (self, *self.above):
            if node.kind == "slot":
                break
            if node.named:
                return words.noun(node.text)
        return _named_after(self.slots[0].text) if self.slots else "item"

    @property
    def named(self) -> bool:
        """Whether the step says what is here: a version does not."""
        return bool(words.noun(self.text)) and not words.is_version(self.text)

    def _below(self) -> Iterator[Operation]:
        yield from self.operations
        for child in self.children.values():
            yield from child._below()


def _method(operation: Operation) -> str:
    return "GET" if operation.method == "HEAD" else operation.method


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
