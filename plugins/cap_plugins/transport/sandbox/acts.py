"""What a method does at an address: each kind of address has its own few acts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from cap_core.values import as_text
from cap_plugins.transport.sandbox import items, kinds, paging, words
from cap_plugins.transport.sandbox.answers import Lines
from cap_plugins.transport.sandbox.database import Item, State

if TYPE_CHECKING:
    from cap_core.plan import Operation
    from cap_plugins.transport.sandbox.resources import Collection, Resources
    from cap_plugins.transport.sandbox.tree import Node


class Asked(msgspec.Struct, frozen=True):
    """A request, read: the identifiers in its path, its query, and the members of its body."""

    ids: tuple[str, ...]
    query: Mapping[str, str]
    members: Mapping[str, object]


Act = Callable[[State, Asked], Item | Lines]
"""Raises `Wrong`."""


def act(node: Node, method: str, resources: Resources) -> Act:
    """What a method does at a node."""
    kind = kinds.kind(node)
    if kind == "item":
        return _on_item(resources.of(node), method)
    if kind == "collection":
        return _on_collection(resources.of(node), method, node)
    if kind == "search":
        return _searching(node, method, resources)
    if kind == "compound":
        return _compound(node, resources)
    if kind == "creation":
        return _creating(resources.makes(node), words.participle(node.text))
    around = resources.around(node)
    if kind == "content" and around is not None:
        return _content(around, node.noun)
    if kind == "act" and around is not None and method != "GET":
        return _changing(items.merge, around, {"status": words.participle(node.text)})
    return _on_item(around if kind == "act" and around is not None else resources.of(node), method)


# --- items and singles --------------------------------------------------------------------------------------------


def _on_item(collection: Collection, method: str) -> Act:
    if method == "DELETE":
        return lambda state, asked: items.delete(state, items.find(state, collection, asked.ids))
    change = _CHANGES.get(method)
    if change is None:
        return lambda state, asked: items.find(state, collection, asked.ids).item
    # Where nothing else makes an item, the request that names it does.
    if method != "PATCH" and (collection.single or collection.origin != "made"):
        return _making_or(change, collection)
    return _changing(change, collection)


_Change = Callable[[State, "Collection", tuple[str, ...], items.Found, Mapping[str, object]], items.Found]
_CHANGES: Final[Mapping[str, _Change]] = {"POST": items.merge, "PATCH": items.merge, "PUT": items.replace}


def _changing(change: _Change, collection: Collection, status: Mapping[str, object] | None = None) -> Act:
    """Change the item; the body's own word on its status counts more than what is said of it."""

    def changing(state: State, asked: Asked) -> Item:
        found = items.find(state, collection, asked.ids)
        return change(state, collection, asked.ids, found, {**(status or {}), **asked.members}).item

    return changing


def _making_or(change: _Change, collection: Collection) -> Act:
    def writing(state: State, asked: Asked) -> Item:
        found = items.known(state, collection, asked.ids)
        if found is None:
            return items.place(state, collection, asked.ids, asked.members).item
        return change(state, collection, asked.ids, found, asked.members).item

    return writing


def _content(collection: Collection, noun: str) -> Act:
    """What an item holds: a line for each thing that is known of it."""

    def content(state: State, asked: Asked) -> Lines:
        item = items.find(state, collection, asked.ids).item
        facts = [{"name": name, "value": value} for name, value in item.items() if name not in ("id", "object")]
        name = f"{collection.noun}.{noun}"
        lines = [{"object": name, "index": n, f"{collection.noun}_id": item["id"], **f} for n, f in enumerate(facts)]
        return Lines(tuple(lines))

    return content


# --- collections --------------------------------------------------------------------------------------------------


def _on_collection(collection: Collection, method: str, node: Node) -> Act:
    if method == "GET":
        return _listing(collection, node.taking(method))
    if method == "DELETE":
        return _clearing(collection)
    return _creating(collection) if method == "POST" else _upserting(collection)


def _listing(collection: Collection, operations: list[Operation]) -> Act:
    wanted = paging.wanted(operations)

    def listing(state: State, asked: Asked) -> Item:
        shelf = items.enter(state, collection, asked.ids)
        return paging.envelope(state.all(shelf), wanted, asked.query)

    return listing


def _creating(collection: Collection, status: str | None = None) -> Act:
    done = {} if status is None else {"status": status}
    return lambda state, asked: items.make(state, collection, asked.ids, {**done, **asked.members}).item


def _upserting(collection: Collection) -> Act:
    """PUT or PATCH of a whole collection: the item that the body names, else a new one."""

    def upsert(state: State, asked: Asked) -> Item:
        found = items.meant(state, collection, asked.ids, asked.members)
        if found is None:
            return items.make(state, collection, asked.ids, asked.members).item
        return items.merge(state, collection, asked.ids, found, asked.members).item

    return upsert


def _clearing(collection: Collection) -> Act:
    """DELETE of a whole collection."""

    def clear(state: State, asked: Asked) -> Item:
        items.enter(state, collection, asked.ids)
        gone = items.clear(state, collection, asked.ids)
        return {"object": "list", "data": gone, "deleted": True}

    return clear


def _compound(node: Node, resources: Resources) -> Act:
    """`POST /things/parts`, where things have parts: a new thing, and a part of it.

    The member of the body that is called like the item (`thing`) has the item's own members; the others are those of
    what is made below it, which is also the answer.
    """
    twin, parent = kinds.twin(node), node.parent
    assert twin is not None
    assert parent is not None
    outer, inner = resources.of(parent), resources.of(twin)

    def compound(state: State, asked: Asked) -> Item:
        own = asked.members.get(outer.noun)
        made = items.make(state, outer, asked.ids, own if isinstance(own, dict) else {})
        rest = {name: value for name, value in asked.members.items() if name != outer.noun}
        return items.make(state, inner, (*asked.ids, made.id), rest).item

    return compound


def _searching(node: Node, method: str, resources: Resources) -> Act:
    """A list of what fits: by the declared query, and by the members of the body that items have as well."""
    collection, own = resources.searched(node), resources.own(node)
    declared = paging.wanted(node.taking(method))

    def search(state: State, asked: Asked) -> Item:
        found = state.all(items.enter(state, collection, asked.ids)) if collection else state.everything()
        if not found and collection is None:
            found = state.all(items.enter(state, own, asked.ids))
        given = {name: as_text(value) for name, value in asked.members.items()} | dict(asked.query)
        return paging.envelope(found, paging.also(declared, asked.members), given)

    return search
