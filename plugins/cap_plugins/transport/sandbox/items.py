"""Creates, finds, changes and deletes the items of collections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from cap_plugins.transport.sandbox.collection import address_of
from cap_plugins.transport.sandbox.generated_members import chosen_id, generated, initial_status, unchangeable
from cap_plugins.transport.sandbox.responses import RequestError

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.collection import Collection
    from cap_plugins.transport.sandbox.database import Item, State

Members = Mapping[str, object]

SINGLE_ID: Final = ""
"""The identifier under which a single is kept."""

_SEEDS: Final = 3
_DELETED: Final = "!gone"


class Found(msgspec.Struct, frozen=True):
    """An item, and where it is kept. `address` is the one that the request named it by."""

    shelf: str
    id: str
    address: str
    item: Item


def open_shelf(state: State, collection: Collection, ids: Sequence[str]) -> str:
    """The shelf of a collection, seeded if it starts with items. Raises `RequestError` 404 for an unknown owner."""
    if collection.owner is not None:
        find(state, collection.owner, ids)
    shelf = collection.shelf(ids)
    if collection.origin == "seeded" and _is_first_visit(state, shelf):
        for n in range(1, _SEEDS + 1):
            _store_new(state, collection, ids, {"name": f"Sample {_display_name(collection)} {n}"})
    return shelf


def find(state: State, collection: Collection, ids: Sequence[str]) -> Found:
    """The item of these identifiers. Raises `RequestError` 404."""
    found = find_or_none(state, collection, ids)
    if found is not None:
        return found
    if collection.single:
        raise RequestError(404, "not_found", f"there is no {_display_name(collection)} any more")
    id = ids[collection.depth]
    if collection.origin != "assumed" or state.is_marked(_address(collection, ids) + _DELETED):
        raise RequestError(404, "not_found", f"there is no {_display_name(collection)} with the id {id!r}")
    return _store_new(state, collection, ids, {}, id)


def find_or_none(state: State, collection: Collection, ids: Sequence[str]) -> Found | None:
    """The item of these identifiers, or None. Raises `RequestError` 404 for an unknown owner."""
    shelf = open_shelf(state, collection, ids)
    id = SINGLE_ID if collection.single else ids[collection.depth]
    if collection.single and _is_first_visit(state, shelf):
        return _store_new(state, collection, ids, {}, SINGLE_ID)
    item = state.get(shelf, id)
    if item is not None:
        return Found(shelf, id, _address(collection, ids), item)
    return _find_in_other_collection(state, collection, ids) if collection.origin in ("elsewhere", "assumed") else None


def find_named_in_body(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found | None:
    """The item whose identifier the body has, or None."""
    shelf = open_shelf(state, collection, ids)
    chosen = chosen_id(collection, members)
    item = state.get(shelf, chosen) if chosen is not None else None
    return Found(shelf, chosen, shelf + address_of(chosen), item) if chosen is not None and item is not None else None


def create(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found:
    """A new item with these members. Raises `RequestError` 404 for an unknown owner, 409 for an id that is taken."""
    shelf = open_shelf(state, collection, ids)
    chosen = chosen_id(collection, members)
    if chosen is not None and state.get(shelf, chosen) is not None:
        raise RequestError(
            409, "already_exists", f"there is a {_display_name(collection)} with the id {chosen!r} already"
        )
    return _store_new(state, collection, ids, members, chosen)


def create_at(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found:
    """A new item under the identifier that its address has."""
    open_shelf(state, collection, ids)
    return _store_new(state, collection, ids, members, SINGLE_ID if collection.single else ids[collection.depth])


def merge(state: State, collection: Collection, ids: Sequence[str], found: Found, members: Members) -> Found:
    """Change the members that are given, and keep the others."""
    fixed = unchangeable(collection, found.item)
    return _save(state, found, {**found.item, **{k: v for k, v in members.items() if k not in fixed}})


def replace(state: State, collection: Collection, ids: Sequence[str], found: Found, members: Members) -> Found:
    """Give an item other members; those that the sandbox generated stay."""
    fixed = unchangeable(collection, found.item)
    if "status" in found.item and "status" not in members:
        fixed["status"] = found.item["status"]
    return _save(state, found, {**fixed, **{k: v for k, v in members.items() if k not in fixed}})


def delete(state: State, found: Found) -> Item:
    """Delete an item and everything below it; returns the answer to the request."""
    for address in {found.shelf + address_of(found.id), found.address}:
        state.remove(found.shelf, found.id, address)
    # An assumed item must not come back when it is named again.
    state.mark(found.address + _DELETED)
    return {"id": found.item["id"], "object": found.item["object"], "deleted": True}


def clear(state: State, collection: Collection, ids: Sequence[str]) -> list[Item]:
    """Delete every item of a collection."""
    shelf = open_shelf(state, collection, ids)
    kept = [(str(item["id"]), item) for item in state.all(shelf)]
    return [delete(state, Found(shelf, id, shelf + address_of(id), item)) for id, item in kept]


def _find_in_other_collection(state: State, collection: Collection, ids: Sequence[str]) -> Found | None:
    """An item with this identifier that another address created: `/things` creates it, `/thing/{id}` returns it."""
    id = ids[collection.depth]
    for shelf, item in state.with_id(id):
        # Without a name before the identifier, the item may be of any collection.
        if item["object"] == collection.noun or collection.trail[-1:] in ((), (None,)):
            return Found(shelf, id, _address(collection, ids), item)
    return None


def _address(collection: Collection, ids: Sequence[str]) -> str:
    """The address of an item, which everything below it begins with."""
    return collection.shelf(ids) + address_of(SINGLE_ID if collection.single else ids[collection.depth])


def _is_first_visit(state: State, shelf: str) -> bool:
    """Whether a shelf that starts with items is opened for the first time."""
    name = shelf + "/!seen"
    first = not state.is_marked(name)
    if first:
        state.mark(name)
    return first


def _store_new(
    state: State, collection: Collection, ids: Sequence[str], members: Members, chosen: str | None = None
) -> Found:
    """Store a new item. A generated identifier that a caller has chosen for another item is skipped."""
    shelf = collection.shelf(ids)
    id = chosen
    while id is None or (chosen is None and state.get(shelf, id) is not None):
        number = state.count(collection.noun)
        id = str(number) if collection.numeric else f"{collection.noun}_{number}"
    own = generated(collection, ids, id)
    item = {**own, **initial_status(collection), **members, **own}
    return _save(state, Found(shelf, id, shelf + address_of(id), item), item)


def _save(state: State, found: Found, item: Item) -> Found:
    state.put(found.shelf, found.id, item)
    return msgspec.structs.replace(found, item=item)


def _display_name(collection: Collection) -> str:
    return collection.noun.replace("_", " ")
