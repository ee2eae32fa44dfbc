"""Collections and singles: what the items of an address are called, who they belong to, how they come to be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import msgspec

from cap_plugins.transport.sandbox import kinds

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.tree import Node

Trail = tuple[str | None, ...]
"""The steps to an address; None is where an identifier stands."""

Origin = Literal["made", "seeded", "elsewhere", "assumed"]
"""`made` items are created by callers; `seeded` ones are there from the start, because no operation creates any;
`elsewhere` ones are created at another address (`/users/{u}/meetings` for `/meetings/{m}`), and found from here too;
`assumed` ones are there once somebody names them, because no operation creates or lists any, so nobody could know."""


class Collection(msgspec.Struct, frozen=True, kw_only=True):
    """Where items are, or the one place of a single (`single`)."""

    trail: Trail
    noun: str
    owner: Collection | None
    """The collection of the item that this one belongs to."""
    slot: str = ""
    """The placeholder for an item's identifier."""
    numeric: bool = False
    lives: bool = False
    """Whether things are done to its items, or they put things out: then they have a status."""
    origin: Origin = "made"
    single: bool = False

    @property
    def depth(self) -> int:
        """How many identifiers its address has."""
        return self.trail.count(None)

    @property
    def owners(self) -> Iterator[Collection]:
        """The collections of the items around it, the nearest first."""
        above = self.owner
        while above is not None:
            yield above
            above = above.owner

    def shelf(self, ids: Sequence[str]) -> str:
        """Its address, with identifiers filled in and marked, so that none looks like a name."""
        given = iter(ids)
        return "".join(
            f"/{quote(step, safe='')}" if step is not None else address_of(next(given)) for step in self.trail
        )


def address_of(id: str) -> str:
    """The step of an address that is an identifier."""
    return "/=" + quote(id, safe="")


class Resources:
    """The collections and singles of a tree, each made when first asked for."""

    def __init__(self, root: Node) -> None:
        self._root = root
        self._made: dict[int, Collection] = {}

    def of(self, node: Node) -> Collection:
        """The collection of an item, or the collection or single that a node is."""
        known = self._made.get(id(node))
        if known is None:
            known = self._made[id(node)] = self._item(node) if node.kind == "slot" else self._place(node)
        return known

    def around(self, node: Node) -> Collection | None:
        """The collection or single that a node is below, or the collection of the item that it is below."""
        found = kinds.around(node)
        return self.of(found) if found else None

    def makes(self, node: Node) -> Collection:
        """Where a creation puts its items: into the collection around it, unless that takes a POST for this itself.

        Then, and below a mere name, they have a place of their own.
        """
        above = kinds.around(node)
        if above is not None and kinds.kind(above) == "collection" and "POST" not in above.methods:
            return self.of(above)
        return Collection(trail=_trail(node), noun=_subject(node).noun, owner=self._owner(node), lives=True)

    def searched(self, node: Node) -> Collection | None:
        """What a search goes through: the collection around it, else what the name before it says, else everything."""
        above = kinds.around(node)
        if above is not None and kinds.kind(above) == "collection":
            return self.of(above)
        if _subject(node) is node:
            return None
        return self.own(node)

    def own(self, node: Node) -> Collection:
        """A collection of a search's own, for what is nowhere else."""
        return Collection(
            trail=_trail(node), noun=_subject(node).noun, owner=self._owner(node), origin="seeded", lives=False
        )

    def _item(self, slot: Node) -> Collection:
        parent = slot.parent
        assert parent is not None
        if parent.slots[0] is slot and parent.kind != "slot":
            return self.of(parent)
        # A second kind of placeholder in one place, or one right below another: a collection that nothing lists.
        return self._collection(slot, slot, _trail(slot)[:-1], "assumed")

    def _place(self, node: Node) -> Collection:
        trail = _trail(node)
        if kinds.kind(node) == "single":
            lives = any(kinds.kind(child) == "act" for child in node.children.values())
            return Collection(trail=trail, noun=node.noun, owner=self._owner(node), lives=lives, single=True)
        slot = node.slots[0] if node.slots else None
        return self._collection(node, slot, trail, self._origin(node))

    def _collection(self, node: Node, slot: Node | None, trail: Trail, origin: Origin) -> Collection:
        return Collection(
            trail=trail,
            noun=node.noun,
            owner=self._owner(node),
            slot=slot.text if slot else "",
            numeric=slot is not None and slot.numeric,
            lives=slot is not None and any(kinds.kind(n) in ("act", "content") for n in _near(slot)),
            origin=origin,
        )

    def _owner(self, node: Node) -> Collection | None:
        """The collection of the nearest item above."""
        slot = next((above for above in node.above if above.kind == "slot"), None)
        return self.of(slot) if slot else None

    def _origin(self, node: Node) -> Origin:
        if "POST" in node.methods or any(self._fills(other, node) for other in _all(self._root)):
            return "made"
        searched = any(kinds.kind(n) == "search" and kinds.around(n) is node for n in _all(self._root))
        if "GET" in node.methods or searched:
            return "seeded"
        noun = _subject(node).noun
        makers = (
            n for n in _all(self._root) if n is not node and "POST" in n.methods and kinds.kind(n) == "collection"
        )
        return "elsewhere" if any(_subject(n).noun == noun for n in makers) else "assumed"

    def _fills(self, other: Node, node: Node) -> bool:
        """Whether something is created in a collection under another address than its own."""
        kind = kinds.kind(other)
        if kind == "compound":
            return other.parent is node or kinds.twin(other) is node
        return kind == "creation" and kinds.around(other) is node


def _subject(node: Node) -> Node:
    """What a verb is about: the name before it, if it has one that says anything, else itself."""
    parent = node.parent
    return parent if parent is not None and parent.kind == "name" and parent.named else node


def _trail(node: Node) -> Trail:
    return tuple(step for one in (*reversed(list(node.above)), node) for step in _steps(one))


def _steps(node: Node) -> Trail:
    if node.step is None:
        return ()
    if node.kind != "slot":
        return (node.step.key,)
    assert node.parent is not None
    return (None,) if node.parent.slots[0] is node else (node.step.key, None)


def _near(slot: Node) -> Iterator[Node]:
    """What is below an item, up to the next identifier."""
    for child in slot.children.values():
        if child.kind != "slot":
            yield child
            yield from _near(child)


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children.values():
        yield from _all(child)
