"""Make items, find them, change them: what every collection has in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from cap_plugins.transport.sandbox import members as own
from cap_plugins.transport.sandbox.answers import Wrong
from cap_plugins.transport.sandbox.resources import address_of

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.database import Item, State
    from cap_plugins.transport.sandbox.resources import Collection

Members = Mapping[str, object]

SELF: Final = ""
"""The identifier under which a single is kept."""

_SEEDS: Final = 3
_GONE: Final = "!gone"


class Found(msgspec.Struct, frozen=True):
    """An item, and where it is kept. `address` is the one that it was asked for under."""

    shelf: str
    id: str
    address: str
    item: Item


def enter(state: State, collection: Collection, ids: Sequence[str]) -> str:
    """The shelf of a collection, filled if it starts with something. Raises `Wrong` 404 where its owner is unknown."""
    if collection.owner is not None:
        find(state, collection.owner, ids)
    shelf = collection.shelf(ids)
    if collection.origin == "seeded" and _first(state, shelf):
        for n in range(1, _SEEDS + 1):
            _keep(state, collection, ids, {"name": f"Sample {_spoken(collection)} {n}"})
    return shelf


def find(state: State, collection: Collection, ids: Sequence[str]) -> Found:
    """The item that identifiers lead to. Raises `Wrong` 404."""
    found = known(state, collection, ids)
    if found is not None:
        return found
    if collection.single:
        raise Wrong(404, "not_found", f"there is no {_spoken(collection)} any more")
    id = ids[collection.depth]
    if collection.origin != "assumed" or state.marked(_address(collection, ids) + _GONE):
        raise Wrong(404, "not_found", f"there is no {_spoken(collection)} with the id {id!r}")
    return _keep(state, collection, ids, {}, id)


def known(state: State, collection: Collection, ids: Sequence[str]) -> Found | None:
    """The item that identifiers lead to, if it is there. Raises `Wrong` 404 where its owner is unknown."""
    shelf = enter(state, collection, ids)
    id = SELF if collection.single else ids[collection.depth]
    if collection.single and _first(state, shelf):
        return _keep(state, collection, ids, {}, SELF)
    item = state.get(shelf, id)
    if item is not None:
        return Found(shelf, id, _address(collection, ids), item)
    return _elsewhere(state, collection, ids) if collection.origin in ("elsewhere", "assumed") else None


def meant(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found | None:
    """The item that a body names, if it is there."""
    shelf = enter(state, collection, ids)
    chosen = own.chosen(collection, members)
    item = state.get(shelf, chosen) if chosen is not None else None
    return Found(shelf, chosen, shelf + address_of(chosen), item) if chosen is not None and item is not None else None


def make(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found:
    """A new item with these members. Raises `Wrong` 404 where its owner is unknown, 409 where its id is taken."""
    shelf = enter(state, collection, ids)
    chosen = own.chosen(collection, members)
    if chosen is not None and state.get(shelf, chosen) is not None:
        raise Wrong(409, "already_exists", f"there is a {_spoken(collection)} with the id {chosen!r} already")
    return _keep(state, collection, ids, members, chosen)


def place(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found:
    """A new item under the identifier that its address has."""
    enter(state, collection, ids)
    return _keep(state, collection, ids, members, SELF if collection.single else ids[collection.depth])


def merge(state: State, collection: Collection, ids: Sequence[str], found: Found, members: Members) -> Found:
    """Change the members that are given, and keep the others."""
    fixed = own.fixed(collection, found.item)
    return _save(state, found, {**found.item, **{k: v for k, v in members.items() if k not in fixed}})


def replace(state: State, collection: Collection, ids: Sequence[str], found: Found, members: Members) -> Found:
    """Give an item other members; what the sandbox gave it stays."""
    fixed = own.fixed(collection, found.item)
    if "status" in found.item and "status" not in members:
        fixed["status"] = found.item["status"]
    return _save(state, found, {**fixed, **{k: v for k, v in members.items() if k not in fixed}})


def delete(state: State, found: Found) -> Item:
    """Forget an item and all that is below it; what is answered says so."""
    for address in {found.shelf + address_of(found.id), found.address}:
        state.remove(found.shelf, found.id, address)
    # What is there because somebody names it must not be there again.
    state.mark(found.address + _GONE)
    return {"id": found.item["id"], "object": found.item["object"], "deleted": True}


def clear(state: State, collection: Collection, ids: Sequence[str]) -> list[Item]:
    """Delete every item of a collection."""
    shelf = enter(state, collection, ids)
    kept = [(str(item["id"]), item) for item in state.all(shelf)]
    return [delete(state, Found(shelf, id, shelf + address_of(id), item)) for id, item in kept]


def _elsewhere(state: State, collection: Collection, ids: Sequence[str]) -> Found | None:
    """An item of that identifier which another address made: `/things` makes it and `/thing/{id}` gives it."""
    id = ids[collection.depth]
    for shelf, item in state.named(id):
        # Where no name stands before the identifier, it may be one of anything.
        if item["object"] == collection.noun or collection.trail[-1:] in ((), (None,)):
            return Found(shelf, id, _address(collection, ids), item)
    return None


def _address(collection: Collection, ids: Sequence[str]) -> str:
    """The address of an item, which everything below it begins with."""
    return collection.shelf(ids) + address_of(SELF if collection.single else ids[collection.depth])


def _first(state: State, shelf: str) -> bool:
    """Whether a place that starts with something is seen for the first time."""
    name = shelf + "/!seen"
    first = not state.marked(name)
    if first:
        state.mark(name)
    return first


def _keep(
    state: State, collection: Collection, ids: Sequence[str], members: Members, chosen: str | None = None
) -> Found:
    """Make an item and keep it. An identifier that was made up before and chosen by a caller since is passed over."""
    shelf = collection.shelf(ids)
    id = chosen
    while id is None or (chosen is None and state.get(shelf, id) is not None):
        number = state.count(collection.noun)
        id = str(number) if collection.numeric else f"{collection.noun}_{number}"
    given = own.given(collection, ids, id)
    item = {**given, **own.status(collection), **members, **given}
    return _save(state, Found(shelf, id, shelf + address_of(id), item), item)


def _save(state: State, found: Found, item: Item) -> Found:
    state.put(found.shelf, found.id, item)
    return msgspec.structs.replace(found, item=item)


def _spoken(collection: Collection) -> str:
    return collection.noun.replace("_", " ")
