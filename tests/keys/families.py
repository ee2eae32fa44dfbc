"""A case in every way to write it: lists or maps of named things, and other spellings of its key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cap_core.document.dialects import ALIASES, KEYED, RENAMED
from keys.case import Case, at, steps

_OWN = frozenset({"with", "body", "value", "keys", "enum", "hints", "authentication", "auth"})
"""Keys below which a document has data of its own, where no list of named things is."""


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """A case in one way to write it."""

    case: Case
    maps: bool
    spelling: str = ""
    """The other spelling of its key."""

    @property
    def name(self) -> str:
        """How pytest calls it."""
        family = "-in-maps" if self.maps else ""
        return f"{self.case.name}{f'-as-{self.spelling}' if self.spelling else ''}{family}"

    def document(self) -> Any:
        """The document, written this way."""
        return self._written()[0]

    @property
    def path(self) -> str:
        """The place of the key in it."""
        return self._written()[1]

    def _written(self) -> tuple[Any, str]:
        document = self.case.document
        way = steps(self.case.path)
        if self.spelling:
            place = document
            for step in way[:-1]:
                place = place[step]
            place[self.spelling] = place.pop(way[-1])
            way = [*way[:-1], self.spelling]
        if self.maps:
            document, way = in_maps(document, way)
            document = {{"naftiko": "ikanos"}.get(key, key): value for key, value in document.items()}
            document["ikanos"] = "1.0.0-beta5"
            way = ["ikanos"] if way == ["naftiko"] else way
        return document, ".".join(map(str, way))


def spelled(case: Case) -> Iterator[Variant]:
    """Every way to write a case: in lists, in maps where that changes the key's place or its value, respelled."""
    yield Variant(case=case, maps=False)
    in_lists, path = Variant(case=case, maps=False), case.path
    in_maps = Variant(case=case, maps=True)
    if (path, at(in_lists.document(), path)) != (in_maps.path, at(in_maps.document(), in_maps.path)):
        yield in_maps
    *way, key = steps(path)
    if _OWN.isdisjoint(way):
        yield from (Variant(case=case, maps=False, spelling=old) for old, new in ALIASES.items() if new == key)
        yield from (Variant(case=case, maps=True, spelling=old) for old, new in RENAMED.items() if new == key)


def in_maps(node: Any, way: list[Any] | None) -> tuple[Any, list[Any]]:
    """A tree in which lists of named things are maps, and the way to a place in it.

    A list stays one where its things have no names of their own, or where the name is the key that matters.
    """
    if isinstance(node, list):
        pairs = [in_maps(item, way[1:] if way and way[0] == i else None) for i, item in enumerate(node)]
        below = next((pairs[i][1] for i in range(len(node)) if way and way[0] == i), [])
        return [pair[0] for pair in pairs], [*(way or [])[:1], *below]
    if not isinstance(node, dict):
        return node, way or []
    out: dict[str, Any] = {}
    new = list(way or [])
    for key, value in node.items():
        mine = way[1:] if way and way[0] == key else None
        if key in _OWN:
            out[key] = value
        elif key in KEYED and isinstance(value, list) and _mappable(value, mine):
            entries = {}
            for i, item in enumerate(value):
                at = mine[1:] if mine and mine[0] == i else None
                entry, below = in_maps({k: v for k, v in item.items() if k != "name"}, at)
                entries[item["name"]] = entry
                if at is not None:
                    new = [key, item["name"], *below]
            out[key] = entries
        else:
            out[key], below = in_maps(value, mine)
            if mine is not None:
                new = [key, *below]
    return out, new


def _mappable(things: list[Any], way: list[Any] | None) -> bool:
    names = [thing.get("name") for thing in things if isinstance(thing, dict)]
    named = len(names) == len(things) == len(set(names)) and all(isinstance(name, str) for name in names)
    return named and not (way and len(way) == 2 and way[1] in ("name", *(o for o, n in ALIASES.items() if n == "name")))
