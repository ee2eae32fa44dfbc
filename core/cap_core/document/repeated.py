"""Entries of `consumes` that stand in a document twice: equal ones are one."""

from __future__ import annotations

from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark
from cap_core.syntax.yaml_tree import Map, Seq, plain


def without_repeated(tree: Map, report: Reporter) -> Map:
    """A document in the internal shape in which no entry of `consumes` equals an earlier one; each is reported."""
    found = next((key for key in tree if key == "capability"), None)
    part = tree[found] if found is not None else None
    key = next((key for key in part if key == "consumes"), None) if isinstance(part, Map) else None
    entries = part[key] if isinstance(part, Map) and key is not None else None
    if not isinstance(entries, Seq) or len(entries) < 2 or found is None or key is None:
        return tree
    kept = Seq()
    kept.mark = entries.mark
    first: dict[str, Mark] = {}
    for entry in entries:
        text = repr(plain(entry))
        if text in first:
            what = f"this entry of 'consumes' is the one in line {first[text].line} again; it is read once"
            report("repeated-entry", entry.mark, what)
        else:
            first[text] = entry.mark
            kept.append(entry)
    return _replaced(tree, found, _replaced(part, key, kept))  # type: ignore[arg-type]  # a mapping, by `key`


def _replaced(node: Map, key: object, value: Map | Seq) -> Map:
    out = Map({one: value if one is key else old for one, old in node.items()})
    out.mark = node.mark
    return out
