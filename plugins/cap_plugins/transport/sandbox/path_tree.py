"""The consumed paths of a namespace as one tree, with the operations of each address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from cap_core.syntax.names import norm
from cap_plugins.transport.sandbox.english import is_version, noun, split_words

if TYPE_CHECKING:
    from cap_core.plan.upstream import Operation
    from cap_plugins.transport.sandbox.paths import Path, PathStep


class PathNode:
    """One step of some path. Nothing is added to it once the tree is built."""

    __slots__ = ("children", "names", "operations", "parent", "step")

    def __init__(self, step: PathStep | None = None, parent: PathNode | None = None) -> None:
        self.step = step
        self.parent = parent
        self.children: dict[str, PathNode] = {}
        self.operations: list[Operation] = []
        self.names = {norm(step.text)} if step else set()

    @property
    def kind(self) -> str:
        """`name`, `slot` or `verb`; the root is a name without text."""
        return self.step.kind if self.step else "name"

    @property
    def text(self) -> str:
        """The text of the step: a name, a verb, or a slot's placeholder."""
        return self.step.text if self.step else ""

    @property
    def methods(self) -> frozenset[str]:
        """The methods of this address; HEAD is a GET."""
        return frozenset(_method(o) for o in self.operations)

    def operations_of(self, method: str) -> list[Operation]:
        """The operations of one method; there are several where a document has one address twice."""
        return [operation for operation in self.operations if _method(operation) == method]

    @property
    def slots(self) -> list[PathNode]:
        """The items of a collection: its whole segment first (`{id}`), then partial ones (`act_{id}`)."""
        found = [child for child in self.children.values() if child.kind == "slot"]
        return sorted(found, key=lambda child: child.step is not None and child.step.key != "{}")

    @property
    def above(self) -> Iterator[PathNode]:
        """Every node from the parent up to the root."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    @property
    def numeric(self) -> bool:
        """Whether some operation declares the identifier in this slot to be a number."""
        paths = (p for o in self._below() for p in o.parameters if p.place == "path")
        declared = {p.type for p in paths if norm(p.name) in self.names}
        return bool(declared & {"integer", "number"})

    @property
    def noun(self) -> str:
        """The noun for one item here: of the nearest name that is not a version, else of the placeholder."""
        if self.kind == "slot":
            return _noun_of_placeholder(self.text)
        for node in (self, *self.above):
            if node.kind == "slot":
                break
            if node.is_named:
                return noun(node.text)
        return _noun_of_placeholder(self.slots[0].text) if self.slots else "item"

    @property
    def is_named(self) -> bool:
        """Whether the step names a resource: a version does not."""
        return bool(noun(self.text)) and not is_version(self.text)

    def _below(self) -> Iterator[Operation]:
        yield from self.operations
        for child in self.children.values():
            yield from child._below()


def _method(operation: Operation) -> str:
    return "GET" if operation.method == "HEAD" else operation.method


def build_tree(paths: Iterable[tuple[Path, Operation]]) -> PathNode:
    """The tree of some operations' paths; its root is the empty path."""
    root = PathNode()
    for path, operation in paths:
        end_of(root, path).operations.append(operation)
    return root


def end_of(root: PathNode, path: Path) -> PathNode:
    """The node that a path ends at."""
    node = root
    for step in path.steps:
        node = node.children.setdefault(step.key, PathNode(step, node))
        node.names.add(norm(step.text))
    return node


def _noun_of_placeholder(placeholder: str) -> str:
    """`{campaign_id}` is the identifier of a campaign; `{id}` names nothing, so its item is an `item`."""
    found = split_words(placeholder)
    if found and found[-1] in ("id", "ids", "uuid", "key", "name", "code", "number", "slug"):
        found = found[:-1]
    return "_".join(found) or "item"
