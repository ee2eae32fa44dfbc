"""The collection or single that each address of a path tree belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cap_plugins.transport.sandbox.collection import Collection, Origin, Trail
from cap_plugins.transport.sandbox.resource_kinds import ResourceKinds

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.path_tree import PathNode


class Resources:
    """The collections and singles of a complete tree, each created when it is first used."""

    def __init__(self, root: PathNode) -> None:
        self.kinds = ResourceKinds()
        self._root = root
        self._known: dict[PathNode, Collection] = {}

    def of(self, node: PathNode) -> Collection:
        """The collection of an item, or the collection or single that a node is."""
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._item(node) if node.kind == "slot" else self._place(node)
        return known

    def around(self, node: PathNode) -> Collection | None:
        """The collection or single that a node is below, or the collection of the item that it is below."""
        found = self.kinds.around(node)
        return self.of(found) if found else None

    def creation_target(self, node: PathNode) -> Collection:
        """The collection that a creation adds its items to: the one around it, unless that one takes POST itself.

        In that case, and outside of any collection, the items have a collection of their own.
        """
        above = self.kinds.around(node)
        if above is not None and self.kinds.of(above) == "collection" and "POST" not in above.methods:
            return self.of(above)
        return Collection(trail=_trail(node), noun=_subject(node).noun, owner=self._owner(node), has_status=True)

    def search_target(self, node: PathNode) -> Collection | None:
        """The collection that a search covers: the one around it, else that of the name before it; None for all."""
        above = self.kinds.around(node)
        if above is not None and self.kinds.of(above) == "collection":
            return self.of(above)
        if _subject(node) is node:
            return None
        return self.search_results(node)

    def search_results(self, node: PathNode) -> Collection:
        """A collection of a search's own, for items that no other address has."""
        return Collection(trail=_trail(node), noun=_subject(node).noun, owner=self._owner(node), origin="seeded")

    def _item(self, slot: PathNode) -> Collection:
        parent = slot.parent
        assert parent is not None
        if parent.slots[0] is slot and parent.kind != "slot":
            return self.of(parent)
        # A second placeholder at one place, or one right below another: a collection that no operation lists.
        return self._collection(slot, slot, _trail(slot)[:-1], "assumed")

    def _place(self, node: PathNode) -> Collection:
        trail = _trail(node)
        if self.kinds.of(node) == "single":
            has_status = any(self.kinds.of(child) == "action" for child in node.children.values())
            return Collection(trail=trail, noun=node.noun, owner=self._owner(node), has_status=has_status, single=True)
        slot = node.slots[0] if node.slots else None
        return self._collection(node, slot, trail, self._origin(node))

    def _collection(self, node: PathNode, slot: PathNode | None, trail: Trail, origin: Origin) -> Collection:
        return Collection(
            trail=trail,
            noun=node.noun,
            owner=self._owner(node),
            slot=slot.text if slot else "",
            numeric=slot is not None and slot.numeric,
            has_status=slot is not None and any(self.kinds.of(n) in ("action", "content") for n in _below_item(slot)),
            origin=origin,
        )

    def _owner(self, node: PathNode) -> Collection | None:
        """The collection of the nearest item above."""
        slot = next((above for above in node.above if above.kind == "slot"), None)
        return self.of(slot) if slot else None

    def _origin(self, node: PathNode) -> Origin:
        if "POST" in node.methods or any(self._creates_in(other, node) for other in _walk(self._root)):
            return "made"
        is_searched = any(self.kinds.of(n) == "search" and self.kinds.around(n) is node for n in _walk(self._root))
        if "GET" in node.methods or is_searched:
            return "seeded"
        noun = _subject(node).noun
        creators = (
            n for n in _walk(self._root) if n is not node and "POST" in n.methods and self.kinds.of(n) == "collection"
        )
        return "elsewhere" if any(_subject(n).noun == noun for n in creators) else "assumed"

    def _creates_in(self, other: PathNode, node: PathNode) -> bool:
        """Whether an address other than the collection's own creates items in it."""
        kind = self.kinds.of(other)
        if kind == "compound":
            return other.parent is node or self.kinds.twin(other) is node
        return kind == "creation" and self.kinds.around(other) is node


def _subject(node: PathNode) -> PathNode:
    """The node whose noun a verb refers to: the name before it, unless that is a version or absent; else itself."""
    parent = node.parent
    return parent if parent is not None and parent.kind == "name" and parent.is_named else node


def _trail(node: PathNode) -> Trail:
    return tuple(step for one in (*reversed(list(node.above)), node) for step in _trail_steps(one))


def _trail_steps(node: PathNode) -> Trail:
    if node.step is None:
        return ()
    if node.kind != "slot":
        return (node.step.key,)
    assert node.parent is not None
    return (None,) if node.parent.slots[0] is node else (node.step.key, None)


def _below_item(slot: PathNode) -> Iterator[PathNode]:
    """The nodes below an item, up to the next identifier."""
    for child in slot.children.values():
        if child.kind != "slot":
            yield child
            yield from _below_item(child)


def _walk(node: PathNode) -> Iterator[PathNode]:
    yield node
    for child in node.children.values():
        yield from _walk(child)
