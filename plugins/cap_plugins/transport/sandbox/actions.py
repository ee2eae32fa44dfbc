"""The action of a method at an address, chosen by the kind of the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from cap_core.runtime.values import as_text
from cap_plugins.transport.sandbox.database import Item, State
from cap_plugins.transport.sandbox.english import participle
from cap_plugins.transport.sandbox.items import (
    Found,
    clear,
    create,
    create_at,
    delete,
    find,
    find_named_in_body,
    find_or_none,
    merge,
    open_shelf,
    replace,
)
from cap_plugins.transport.sandbox.paging import list_page, list_parameters, with_body
from cap_plugins.transport.sandbox.request import SandboxRequest
from cap_plugins.transport.sandbox.responses import JsonLines

if TYPE_CHECKING:
    from cap_core.plan.upstream import Operation
    from cap_plugins.transport.sandbox.collection import Collection
    from cap_plugins.transport.sandbox.path_tree import PathNode
    from cap_plugins.transport.sandbox.resources import Resources


Action = Callable[[State, SandboxRequest], Item | JsonLines]
"""Reads or changes the state, and returns the content of the response. Raises `RequestError`."""


def action_of(node: PathNode, method: str, resources: Resources) -> Action:
    """The action of a method at a node."""
    kind = resources.kinds.of(node)
    if kind == "item":
        return _on_item(resources.of(node), method)
    if kind == "collection":
        return _on_collection(resources.of(node), method, node)
    if kind == "search":
        return _search(node, method, resources)
    if kind == "compound":
        return _compound(node, resources)
    if kind == "creation":
        return _create(resources.creation_target(node), participle(node.text))
    around = resources.around(node)
    if kind == "content" and around is not None:
        return _content(around, node.noun)
    if kind == "action" and around is not None and method != "GET":
        return _change(merge, around, {"status": participle(node.text)})
    return _on_item(around if kind == "action" and around is not None else resources.of(node), method)


# --- items and singles --------------------------------------------------------------------------------------------


def _on_item(collection: Collection, method: str) -> Action:
    if method == "DELETE":
        return lambda state, request: delete(state, find(state, collection, request.ids))
    change = _CHANGERS.get(method)
    if change is None:
        return lambda state, request: find(state, collection, request.ids).item
    # Where no other operation creates an item, the request that names it does.
    if method != "PATCH" and (collection.single or collection.origin != "made"):
        return _change_or_create(change, collection)
    return _change(change, collection)


_Changer = Callable[[State, "Collection", tuple[str, ...], Found, Mapping[str, object]], Found]
_CHANGERS: Final[Mapping[str, _Changer]] = {"POST": merge, "PATCH": merge, "PUT": replace}


def _change(change: _Changer, collection: Collection, status: Mapping[str, object] | None = None) -> Action:
    """Change an item; a status in the body takes precedence over the action's."""

    def change_item(state: State, request: SandboxRequest) -> Item:
        found = find(state, collection, request.ids)
        return change(state, collection, request.ids, found, {**(status or {}), **request.members}).item

    return change_item


def _change_or_create(change: _Changer, collection: Collection) -> Action:
    def change_or_create(state: State, request: SandboxRequest) -> Item:
        found = find_or_none(state, collection, request.ids)
        if found is None:
            return create_at(state, collection, request.ids, request.members).item
        return change(state, collection, request.ids, found, request.members).item

    return change_or_create


def _content(collection: Collection, noun: str) -> Action:
    """The content of an item: a JSON line for each of its members."""

    def content(state: State, request: SandboxRequest) -> JsonLines:
        item = find(state, collection, request.ids).item
        facts = [{"name": name, "value": value} for name, value in item.items() if name not in ("id", "object")]
        name = f"{collection.noun}.{noun}"
        lines = [{"object": name, "index": n, f"{collection.noun}_id": item["id"], **f} for n, f in enumerate(facts)]
        return JsonLines(tuple(lines))

    return content


# --- collections --------------------------------------------------------------------------------------------------


def _on_collection(collection: Collection, method: str, node: PathNode) -> Action:
    if method == "GET":
        return _list(collection, node.operations_of(method))
    if method == "DELETE":
        return _clear(collection)
    return _create(collection) if method == "POST" else _upsert(collection)


def _list(collection: Collection, operations: list[Operation]) -> Action:
    parameters = list_parameters(operations)

    def list_items(state: State, request: SandboxRequest) -> Item:
        shelf = open_shelf(state, collection, request.ids)
        return list_page(state.all(shelf), parameters, request.query)

    return list_items


def _create(collection: Collection, status: str | None = None) -> Action:
    initial = {} if status is None else {"status": status}
    return lambda state, request: create(state, collection, request.ids, {**initial, **request.members}).item


def _upsert(collection: Collection) -> Action:
    """PUT or PATCH of a whole collection: changes the item that the body names, else creates one."""

    def upsert(state: State, request: SandboxRequest) -> Item:
        found = find_named_in_body(state, collection, request.ids, request.members)
        if found is None:
            return create(state, collection, request.ids, request.members).item
        return merge(state, collection, request.ids, found, request.members).item

    return upsert


def _clear(collection: Collection) -> Action:
    """DELETE of a whole collection: deletes every item."""

    def clear_collection(state: State, request: SandboxRequest) -> Item:
        open_shelf(state, collection, request.ids)
        deleted = clear(state, collection, request.ids)
        return {"object": "list", "data": deleted, "deleted": True}

    return clear_collection


def _compound(node: PathNode, resources: Resources) -> Action:
    """`POST /things/parts`, where things have parts: creates a thing and a part of it.

    The body's member with the item's name (`thing`) has the item's members; the others are those of the part, which is
    also the answer.
    """
    twin, parent = resources.kinds.twin(node), node.parent
    assert twin is not None
    assert parent is not None
    outer, inner = resources.of(parent), resources.of(twin)

    def compound(state: State, request: SandboxRequest) -> Item:
        own = request.members.get(outer.noun)
        created = create(state, outer, request.ids, own if isinstance(own, dict) else {})
        rest = {name: value for name, value in request.members.items() if name != outer.noun}
        return create(state, inner, (*request.ids, created.id), rest).item

    return compound


def _search(node: PathNode, method: str, resources: Resources) -> Action:
    """A list of the matching items, filtered by the declared query and by the members of the body."""
    collection, own = resources.search_target(node), resources.search_results(node)
    declared = list_parameters(node.operations_of(method))

    def search(state: State, request: SandboxRequest) -> Item:
        found = state.all(open_shelf(state, collection, request.ids)) if collection else state.everything()
        if not found and collection is None:
            found = state.all(open_shelf(state, own, request.ids))
        given = {name: as_text(value) for name, value in request.members.items()} | dict(request.query)
        return list_page(found, with_body(declared, request.members), given)

    return search
