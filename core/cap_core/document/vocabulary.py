"""Words of documents that several modules use: methods, places, types of parameters and bodies, keys."""

from __future__ import annotations

from cap_core.plan.upstream import FieldPlace

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
"""The methods whose callers may send a body (`docs/semantics.md`, bodies)."""
KNOWN_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
"""The methods of the published schemas, and HEAD and OPTIONS, which every resource has."""

PLACES: dict[str, FieldPlace] = {
    "path": "path",
    "query": "query",
    "header": "header",
    "cookie": "cookie",
    "body": "body",
}
"""Where a consumed parameter is sent, by its `in`."""
TYPES = ("string", "integer", "number", "boolean", "array", "object")
"""The types of parameters and outputs."""

BODY_TYPES = {
    "json": "json",
    "formurlencoded": "form",
    "form": "form",
    "text": "text",
    "xml": "xml",
    "sparql": "sparql",
    "multipart": "multipart",
    "multipartform": "multipart",
    "multipartformdata": "multipart",
    "yaml": "yaml",
}
"""The encoding of each body type, by the type's letters and digits in lower case."""
PUBLISHED_BODIES = ("json", "text", "xml", "sparql", "formUrlEncoded", "multipartForm", "form", "multipart")
"""The spellings of the published schemas, and the two that these documents are written with."""
BODY_KEYS = ("type", "data")
"""The keys of a `body:` block."""
OUTPUT_KEYS = ("outputSchema", "outputMediaType", "maxBinarySize")
"""The keys that a document may have beside `outputRawFormat`."""
