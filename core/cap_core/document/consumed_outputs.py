"""The outputs that a consumed operation declares, nested ones included, which later steps of a flow can read.

Published documents have values of any kind below `items` and `properties`, which have no effect on ordinary calls. What
is not an output there is ignored, and the value is read whole.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from cap_core.document.model import ConsumedOutput
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredOutput
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq

_KEYS = frozenset(field.encode_name for field in msgspec.structs.fields(ConsumedOutput)) - {"at", "marks"}


def declared(output: ConsumedOutput) -> DeclaredOutput:
    """Its name, its type, the path that `mapping` or `value` has, and what is within it."""
    return DeclaredOutput(
        at=output.mark("value"),
        name=output.name,
        type=output.type,
        mapping=output.mapping or _text(output.value),
        items=_nested(output.items),
        properties=_properties(output.properties),
    )


def unknown_keys(output: ConsumedOutput) -> Iterator[Scalar]:
    """The keys within it, below `items` and `properties`, that no output has."""
    return (key for node in (output.items, output.properties) if node is not None for key in _unknown(node))


def _unknown(node: Node) -> Iterator[Scalar]:
    if isinstance(node, Seq):
        for entry in node:
            yield from _unknown(entry)
    elif isinstance(node, Map):
        for key, value in node.items():
            if str(key) not in _KEYS:
                yield key
            elif key in ("items", "properties"):
                yield from _unknown(value)


def _nested(node: Node | None) -> DeclaredOutput | None:
    """An output as it stands in the document, or None for what is none."""
    if not isinstance(node, Map):
        return None
    values = {str(key): value for key, value in node.items()}
    found = values.get("mapping", values.get("value"))
    at: Mark = found.mark if isinstance(found, Scalar) else node.mark
    return DeclaredOutput(
        at=at,
        name=_text(values.get("name")),
        type=_text(values.get("type")),
        mapping=_text(found),
        items=_nested(values.get("items")),
        properties=_properties(values.get("properties")),
    )


def _properties(node: Node | None) -> tuple[DeclaredOutput, ...]:
    entries = node if isinstance(node, Seq) else ()
    return tuple(found for entry in entries if (found := _nested(entry)) is not None and found.name)


def _text(node: Node | None) -> str | None:
    return str(node) if isinstance(node, Scalar) and node else None
