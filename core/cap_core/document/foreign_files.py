"""Names a file that is no capability document, and says what makes one of it."""

from __future__ import annotations

from collections.abc import Iterable

from cap_core.errors import Mark, SpecError
from cap_core.syntax.names import closest
from cap_core.syntax.yaml_tree import Map, Node, Scalar

_IMPORT = "'cap import FILE' makes a capability document of it"
_START = "start it with 'naftiko: 1.0.0-alpha2' or 'ikanos: 1.0.0-beta5'"
_NONE = "name a capability document instead"

_BY_KEYS: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"openapi"}), "an OpenAPI document", _IMPORT),
    (frozenset({"swagger"}), "a Swagger (OpenAPI 2) document", _IMPORT),
    (frozenset({"asyncapi"}), "an AsyncAPI document", _NONE),
    (frozenset({"arazzo"}), "an Arazzo document", _NONE),
    (frozenset({"info", "item"}), "a Postman collection", _IMPORT),
    (frozenset({"collection"}), "a Postman collection", _IMPORT),
    (frozenset({"apiVersion", "kind"}), "a Kubernetes manifest", _NONE),
    (frozenset({"mcpServers"}), "the settings of an MCP client", _NONE),
    (frozenset({"services"}), "a Compose file", _NONE),
    (frozenset({"$schema", "properties"}), "a JSON Schema", _NONE),
)
"""Other kinds of files, by keys that are at their root."""


def not_a_capability(root: Node, dialects: Iterable[str]) -> SpecError:
    """The error for a parsed file without any of the keys of `dialects` at its root."""
    if not isinstance(root, Map):
        what = "the document is not a mapping"
        if isinstance(root, Scalar) and root.lstrip().startswith("<"):
            return _error(root.mark, "this is a page or another file of markup, and no capability document", _NONE)
        return _error(root.mark, what, _START)
    at = Mark(root.mark.file, 1, 1)
    for keys, kind, hint in _BY_KEYS:
        if keys <= root.keys():
            return _error(root.key(min(keys)).mark, f"this is {kind}, and no capability document", hint)
    named = ", ".join(map(str, list(root)[:4]))
    what = f"the document has no dialect key; its keys are: {named}"
    return _error(at, what, _near(root, dialects) or _START)


def _near(keys: Iterable[str], dialects: Iterable[str]) -> str:
    known = tuple(dialects)
    meant = (closest(key.lower(), known, cutoff=0.75) for key in keys)
    return next((f"did you mean {found!r}?" for found in meant if found is not None), "")


def _error(at: Mark, what: str, hint: str) -> SpecError:
    return SpecError(what, at=at, code="not-a-capability", hint=hint)
