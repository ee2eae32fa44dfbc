"""Determines the kind of each address by its methods and by the addresses above and below it.

| kind                | how it is recognized                                                                           |
|---------------------|------------------------------------------------------------------------------------------------|
| item                | a placeholder                                                                                  |
| collection          | a name with a placeholder below it; GET with POST; GET of a plural or with paging; POST alone  |
| single              | any other GET; PUT, PATCH or DELETE of a name without a placeholder                            |
| action              | POST alone, nothing below, below an item, and no noun; `{item}:verb`; a verb below a single    |
| content             | GET alone, nothing below, right below an item, and a noun for a resource's content             |
| compound            | POST alone right below a collection, under the name of a collection that its items have        |
| creation            | POST alone of a verb below a collection or a name                                              |
| search              | a verb that looks for resources, not right below an item                                       |

English decides only where structure leaves a choice: `POST /things/{id}/notes` creates a note, because a plural is no
verb; `POST /things/{id}/submit_notes` is an action, because its first word is a verb, and so is
`PUT /things/{id}/publish`, while `PUT /things/{id}/avatar` is a single.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cap_plugins.transport.sandbox.english import (
    CONTENT_NOUNS,
    is_noun,
    is_plural,
    is_search_verb,
    is_uncountable,
    is_verb,
    split_words,
)
from cap_plugins.transport.sandbox.paging import list_parameters

if TYPE_CHECKING:
    from cap_plugins.transport.sandbox.path_tree import PathNode

Kind = Literal["item", "collection", "single", "action", "content", "compound", "creation", "search", "path"]
"""`path` is a step on the way to other addresses, which takes no method itself."""

_WRITES = frozenset({"PUT", "PATCH", "DELETE"})


class ResourceKinds:
    """The kind of each node of a complete tree, determined once. Kinds depend on those of the nodes around."""

    def __init__(self) -> None:
        self._known: dict[PathNode, Kind] = {}

    def of(self, node: PathNode) -> Kind:
        """The kind of a node."""
        known = self._known.get(node)
        if known is None:
            known = self._known[node] = self._determine(node)
        return known

    def around(self, node: PathNode) -> PathNode | None:
        """The nearest item, collection or single that a node is below."""
        return next((above for above in node.above if self.of(above) in ("item", "collection", "single")), None)

    def is_in_collection(self, node: PathNode) -> bool:
        """Whether the nearest item, collection or single that a node is below is a collection."""
        found = self.around(node)
        return found is not None and self.of(found) == "collection"

    def twin(self, node: PathNode) -> PathNode | None:
        """The collection of the same name that the items beside a node have, if any."""
        parent = node.parent
        for slot in parent.slots if parent else ():
            child = slot.children.get(node.step.key if node.step else "")
            if child is not None and self.of(child) == "collection":
                return child
        return None

    def _determine(self, node: PathNode) -> Kind:
        if node.kind == "slot":
            return "item"
        if node.slots:
            return "collection"
        if not node.methods:
            return "path"
        if self._is_search(node):
            return "search"
        if node.kind == "verb":
            return "creation" if self.is_in_collection(node) or self.around(node) is None else "action"
        if "GET" in node.methods:
            return _with_get(node)
        return self._with_post(node) if "POST" in node.methods else self._with_other_writes(node)

    def _is_search(self, node: PathNode) -> bool:
        if node.children or not is_search_verb(node.text) or (node.parent and node.parent.kind == "slot"):
            return False
        alone = len(split_words(node.text)) == 1
        return bool(node.methods & {"GET", "POST"}) and (alone or self.is_in_collection(node))

    def _with_post(self, node: PathNode) -> Kind:
        """POST without GET."""
        if node.methods & {"PUT", "PATCH"}:
            return "collection" if is_plural(node.text) else "single"
        if node.children or is_noun(node.text):
            return "compound" if not node.children and self.twin(node) else "collection"
        found = self.around(node)
        if found is not None and self.of(found) == "item":
            return "action"
        if found is not None and self.of(found) == "single":
            return "action" if is_verb(node.text) else "collection"
        if found is not None and found is node.parent:
            return "compound" if self.twin(node) else "creation"
        return "creation" if is_verb(node.text) else "collection"

    def _with_other_writes(self, node: PathNode) -> Kind:
        """PUT, PATCH or DELETE alone."""
        found = self.around(node)
        below_item = found is not None and self.of(found) == "item"
        if below_item and is_verb(node.text) and "DELETE" not in node.methods:
            return "action"
        return "collection" if is_plural(node.text) and node.methods == {"DELETE"} else "single"


def _with_get(node: PathNode) -> Kind:
    """GET, alone or with other methods."""
    many = is_plural(node.text) or _is_paged(node)
    if is_uncountable(node.text):
        many = False
    elif "POST" in node.methods:
        many = many or not node.methods & {"PUT", "PATCH"}
    elif node.methods & _WRITES:
        many = many and node.methods == {"GET", "DELETE"}
    elif _is_content(node):
        return "content"
    return "collection" if many else "single"


def _is_content(node: PathNode) -> bool:
    below_item = node.parent is not None and node.parent.kind == "slot"
    last = split_words(node.text)[-1:]
    return below_item and not node.children and not _is_paged(node) and bool(last) and last[0] in CONTENT_NOUNS


def _is_paged(node: PathNode) -> bool:
    """Whether a GET here declares paging parameters."""
    return bool(list_parameters(node.operations_of("GET")).roles)
