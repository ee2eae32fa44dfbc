"""Which consumed operation a call means; one that several rules leave undecided means none."""

from __future__ import annotations

import re

from oracle import paths
from oracle.document import Consumed, Document, Exposed
from oracle.expressions import variables


def called(exposed: Exposed, document: Document) -> Consumed | None:
    """The operation, or None."""
    found = [op for op in document.operations if f"{op.entry.namespace}.{op.name}" == exposed.call]
    rules = [_by_description] if exposed.path is None else [_by_route, _by_description]
    rules.insert(len(rules) - 1, _by_with)
    for rule in rules:
        if len(found) > 1:
            found = [op for op in found if rule(exposed, op)] or found
    return found[0] if len(found) == 1 else None


def _plain(path: str) -> str:
    path = re.sub(r"^/?v\d+(?=/|$)", "", path.partition("?")[0])
    return re.sub("[-_]", "", paths.shape(path).lower()).strip("/")


def _by_route(exposed: Exposed, op: Consumed) -> bool:
    return exposed.method == op.method and _plain(exposed.path or "") == _plain(op.path)


def _by_with(exposed: Exposed, op: Consumed) -> bool:
    own = {p.name for p in op.params} | set(paths.holes(op.bare)) | variables(op.body)
    return exposed.with_ is not None and set(exposed.with_) == own


def _by_description(exposed: Exposed, op: Consumed) -> bool:
    return bool(exposed.description) and exposed.description == op.description
