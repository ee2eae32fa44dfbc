"""What lives at each address, told by structure: what is below it, which methods it takes, what surrounds it.

| what                | how it is told                                                                                 |
|---------------------|------------------------------------------------------------------------------------------------|
| item                | a placeholder                                                                                  |
| collection          | a name with a placeholder below it; GET with POST; GET of a plural or with paging; POST alone  |
| single              | any other GET; PUT, PATCH or DELETE of a name without a placeholder                            |
| act                 | POST alone, nothing below, below an item, and no noun; `{item}:verb`; a verb below a single    |
| content             | GET alone, nothing below, right below an item, and a noun for what a thing holds               |
| compound            | POST alone right below a collection, under the name of a collection that its items have        |
| creation            | POST alone of a verb below a collection or a name                                              |
| search              | a verb that looks for things, not right below an item                                          |

English decides only where structure leaves a choice: `POST /things/{id}/notes` makes a note, because a plural is no
verb; `POST /things/{id}/submit_notes` is an act, because its first word is one, and so is `PUT /things/{id}/publish`,
while `PUT /things/{id}/avatar` is a single.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cap_plugins.transport.sandbox import words

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.tree import Node

Kind = Literal["item", "collection", "single", "act", "content", "compound", "creation", "search", "path"]
"""`path` is a step on the way to something, which has nothing itself."""

_WRITES = frozenset({"PUT", "PATCH", "DELETE"})


def kind(node: Node) -> Kind:
    """What lives at a node. The tree is whole by the time anybody asks, so it is found out once."""
    if node.told is None:
        node.told = _tell(node)
    return node.told


def _tell(node: Node) -> Kind:
    if node.kind == "slot":
        return "item"
    if node.slots:
        return "collection"
    if not node.methods:
        return "path"
    if _is_search(node):
        return "search"
    if node.kind == "verb":
        return _of_verb(node)
    if "GET" in node.methods:
        return _of_get(node)
    return _of_post(node) if "POST" in node.methods else _of_write(node)


def around(node: Node) -> Node | None:
    """The nearest item, collection or single that a node is below; names that have nothing are passed over."""
    return next((above for above in node.above if kind(above) in ("item", "collection", "single")), None)


def twin(node: Node) -> Node | None:
    """The collection of the same name that the items beside a node have, if any."""
    parent = node.parent
    for slot in parent.slots if parent else ():
        child = slot.children.get(node.step.key if node.step else "")
        if child is not None and kind(child) == "collection":
            return child
    return None


def _is_search(node: Node) -> bool:
    if node.children or not words.is_read(node.text) or (node.parent and node.parent.kind == "slot"):
        return False
    alone = len(words.words(node.text)) == 1
    return bool(node.methods & {"GET", "POST"}) and (alone or _below_collection(node))


def _below_collection(node: Node) -> bool:
    """Whether the nearest thing that a node is below is a collection."""
    found = around(node)
    return found is not None and kind(found) == "collection"


def _of_verb(node: Node) -> Kind:
    return "creation" if _below_collection(node) or around(node) is None else "act"


def _of_get(node: Node) -> Kind:
    many = words.is_plural(node.text) or node.paged
    if words.is_one(node.text):
        many = False
    elif "POST" in node.methods:
        many = many or not node.methods & {"PUT", "PATCH"}
    elif node.methods & _WRITES:
        many = many and node.methods == {"GET", "DELETE"}
    elif _is_content(node):
        return "content"
    return "collection" if many else "single"


def _is_content(node: Node) -> bool:
    below_item = node.parent is not None and node.parent.kind == "slot"
    last = words.words(node.text)[-1:]
    return below_item and not node.children and not node.paged and bool(last) and last[0] in words.CONTENT


def _of_post(node: Node) -> Kind:
    """POST without GET."""
    if node.methods & {"PUT", "PATCH"}:
        return "collection" if words.is_plural(node.text) else "single"
    if node.children or words.is_noun(node.text):
        return "compound" if not node.children and twin(node) else "collection"
    found = around(node)
    if found is not None and kind(found) == "item":
        return "act"
    if found is not None and kind(found) == "single":
        return "act" if words.is_verb(node.text) else "collection"
    if found is not None and found is node.parent:
        return "compound" if twin(node) else "creation"
    return "creation" if words.is_verb(node.text) else "collection"


def _of_write(node: Node) -> Kind:
    """PUT, PATCH or DELETE alone."""
    found = around(node)
    if words.is_verb(node.text) and found is not None and kind(found) == "item" and "DELETE" not in node.methods:
        return "act"
    return "collection" if words.is_plural(node.text) and node.methods == {"DELETE"} else "single"
