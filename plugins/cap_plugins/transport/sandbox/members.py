"""What the sandbox itself says in an item: its identifier, what it is, whom it belongs to, how it is."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from cap_core.names import match
from cap_plugins.transport.sandbox import words

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.database import Item
    from cap_plugins.transport.sandbox.resources import Collection

_OURS: Final = ("id", "object", "created_at")
_LONGEST: Final = 200


def given(collection: Collection, ids: Sequence[str], id: str) -> Item:
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


def status(collection: Collection) -> Item:
    """How a new item is, where its collection's items have a status."""
    return {"status": words.participle("create")} if collection.lives else {}


def fixed(collection: Collection, item: Item) -> Item:
    """What no request changes."""
    names = {*_OURS, collection.slot, *(name for name, _ in _references(collection, ("",) * collection.depth))}
    return {name: value for name, value in item.items() if name in names}


def chosen(collection: Collection, members: Mapping[str, object]) -> str | None:
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
