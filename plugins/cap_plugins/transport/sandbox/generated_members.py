"""The members that the sandbox gives an item: its identifier, type, creation time, owners and status."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from cap_core.syntax.names import match
from cap_plugins.transport.sandbox.english import participle, split_words

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.collection import Collection
    from cap_plugins.transport.sandbox.database import Item

_GENERATED: Final = ("id", "object", "created_at")
_MAX_ID_LENGTH: Final = 200


def generated(collection: Collection, ids: Sequence[str], id: str) -> Item:
    """The identifier, type, creation time and owners of a new item."""
    shown = collection.noun if collection.single else _typed(id, collection.numeric)
    out: Item = {"id": shown, "object": collection.noun, "created_at": int(time.time())}
    out |= _alias(collection, shown)
    return out | dict(_references(collection, ids))


def _alias(collection: Collection, shown: object) -> Item:
    """The identifier under its placeholder's name too, unless that is `id`: `{order_number}`, `{slug}`."""
    last = split_words(collection.slot)[-1:]
    return {} if last in ([], ["id"], ["uuid"]) or collection.slot in _GENERATED else {collection.slot: shown}


def _references(collection: Collection, ids: Sequence[str]) -> Iterator[tuple[str, object]]:
    """The identifiers of the items it belongs to, under the names that the path has for them."""
    for owner in collection.owners:
        specific = split_words(owner.slot) not in ([], ["id"], ["name"], ["key"])
        yield owner.slot if specific else f"{owner.noun}_id", _typed(ids[owner.depth], owner.numeric)


def initial_status(collection: Collection) -> Item:
    """The status of a new item, where its collection's items have one."""
    return {"status": participle("create")} if collection.has_status else {}


def unchangeable(collection: Collection, item: Item) -> Item:
    """The members of an item that no request changes."""
    names = {*_GENERATED, collection.slot, *(name for name, _ in _references(collection, ("",) * collection.depth))}
    return {name: value for name, value in item.items() if name in names}


def chosen_id(collection: Collection, members: Mapping[str, object]) -> str | None:
    """The identifier that a caller gives a new item: in the member that the placeholder is named after, or in `id`."""
    tail = split_words(collection.slot)[-1:]
    names = [match(name, members) for name in (collection.slot, *(tail if tail != ["id"] else ()), "id") if name]
    for value in (members[name] for name in names if name is not None):
        text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
        fits = text.isdecimal() or not collection.numeric
        # A segment that is one or two dots names another resource, and is never sent.
        if fits and text.isprintable() and 0 < len(text) <= _MAX_ID_LENGTH and text not in (".", ".."):
            return text
    return None


def _typed(id: str, numeric: bool) -> str | int:
    """An identifier as its type has it; text that a number would not reproduce (`007`) stays text."""
    return int(id) if numeric and id.isdecimal() and len(id) < 19 and str(int(id)) == id else id
