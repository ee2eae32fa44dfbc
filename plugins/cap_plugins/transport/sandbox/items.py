"""Make items, find them, change them: what every collection has in common."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from cap_core.names import match
from cap_plugins.transport.sandbox import words
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
_OURS: Final = ("id", "object", "created_at")
_LONGEST: Final = 200


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
            _keep(state, collection, ids, {"name": f"Sample {collection.noun.replace('_', ' ')} {n}"})
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
    return _elsewhere(state, collection, ids) if collection.origin == "assumed" else None


def meant(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found | None:
    """The item that a body names, if it is there."""
    shelf = enter(state, collection, ids)
    chosen = _chosen(collection, members)
    item = state.get(shelf, chosen) if chosen is not None else None
    return Found(shelf, chosen, shelf + address_of(chosen), item) if chosen is not None and item is not None else None


def make(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found:
    """A new item with these members. Raises `Wrong` 404 where its owner is unknown, 409 where its id is taken."""
    shelf = enter(state, collection, ids)
    chosen = _chosen(collection, members)
    if chosen is not None and state.get(shelf, chosen) is not None:
        raise Wrong(409, "already_exists", f"there is a {_spoken(collection)} with the id {chosen!r} already")
    return _keep(state, collection, ids, members, chosen)


def place(state: State, collection: Collection, ids: Sequence[str], members: Members) -> Found:
    """A new item under the identifier that its address has."""
    enter(state, collection, ids)
    return _keep(state, collection, ids, members, SELF if collection.single else ids[collection.depth])


def merge(state: State, collection: Collection, ids: Sequence[str], found: Found, members: Members) -> Found:
    """Change the members that are given, and keep the others."""
    fixed = _fixed(collection, found.item)
    return _save(state, found, {**found.item, **{k: v for k, v in members.items() if k not in fixed}})


def replace(state: State, collection: Collection, ids: Sequence[str], found: Found, members: Members) -> Found:
    """Give an item other members; what the sandbox gave it stays."""
    fixed = _fixed(collection, found.item)
    if "status" in found.item and "status" not in members:
        fixed["status"] = found.item["status"]
    return _save(state, found, {**fixed, **{k: v for k, v in members.items() if k not in fixed}})


def delete(state: State, found: Found) -> Item:
    """Forget an item and all that is below it; what is answered says so."""
    state.remove(found.shelf, found.id, found.shelf + address_of(found.id))
    state.remove(found.shelf, found.id, found.address)
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
    given = _given(collection, ids, id)
    item = {**given, **_status(collection), **members, **given}
    return _save(state, Found(shelf, id, shelf + address_of(id), item), item)


def _save(state: State, found: Found, item: Item) -> Found:
    state.put(found.shelf, found.id, item)
    return msgspec.structs.replace(found, item=item)


def _given(collection: Collection, ids: Sequence[str], id: str) -> Item:
    """The members that the sandbox gives an item."""
    shown = collection.noun if collection.single else _typed(id, collection.numeric)
    out: Item = {"id": shown, "object": collection.noun, "created_at": int(time.time())}
    out |= _alias(collection, shown)
    return out | dict(_references(collection, ids))


def _alias(collection: Collection, shown: object) -> Item:
    """The identifier under its placeholder's name too, where that is not just some id: `{order_number}`, `{slug}`."""
    last = words.words(collection.slot)[-1:]
    return {} if last in ([], ["id"], ["uuid"]) or collection.slot in _OURS else {collection.slot: shown}


def _references(collection: Collection, ids: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Which items it belongs to, under the names that the path has for them."""
    for owner in collection.owners:
        telling = words.words(owner.slot) not in ([], ["id"], ["name"], ["key"])
        yield owner.slot if telling else f"{owner.noun}_id", _typed(ids[owner.depth], owner.numeric)


def _status(collection: Collection) -> Item:
    return {"status": words.participle("create")} if collection.lives else {}


def _fixed(collection: Collection, item: Item) -> Item:
    """What no request changes."""
    names = {*_OURS, collection.slot, *(name for name, _ in _references(collection, ("",) * collection.depth))}
    return {name: value for name, value in item.items() if name in names}


def _chosen(collection: Collection, members: Members) -> str | None:
    """The identifier that a caller gives a new item: in the member that the placeholder is named after, or in `id`."""
    tail = words.words(collection.slot)[-1:]
    names = [match(name, members) for name in (collection.slot, *(tail if tail != ["id"] else ()), "id") if name]
    for value in (members[name] for name in names if name is not None):
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        fits = text.isdecimal() or not collection.numeric
        # A segment that is one or two dots names another resource, and is never sent.
        if fits and text.isprintable() and 0 < len(text) <= _LONGEST and text not in (".", ".."):
            return text
    return None


def _typed(id: str, numeric: bool) -> str | int:
    """An identifier as its type has it; one that a number would spell otherwise (`007`) stays text."""
    return int(id) if numeric and id.isdecimal() and len(id) < 19 and str(int(id)) == id else id


def _spoken(collection: Collection) -> str:
    return collection.noun.replace("_", " ")
