"""Brings a document of any published dialect to one internal shape (`docs/semantics.md`, dialects).

The root key and the version of a document name its dialect. In the internal shape named things are always in lists; no
other module knows that there are dialects.
"""

from __future__ import annotations

import re

from cap_core.diagnostics.reporter import Reporter
from cap_core.document.foreign_files import not_a_capability
from cap_core.errors import Mark, SpecError
from cap_core.syntax.names import near
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq

VERSIONS = {
    "naftiko": ("1.0.0-alpha1", "1.0.0-alpha2", "1.0.0-alpha3"),
    "ikanos": (
        "1.0.0-alpha3",
        "1.0.0-alpha4",
        "1.0.0-beta1",
        "1.0.0-beta2",
        "1.0.0-beta3",
        "1.0.0-beta4",
        "1.0.0-beta5",
    ),
}
"""The published versions of each root key, oldest first."""
_READ_AS = {("ikanos", "1.0.0-alpha1"): "1.0.0-alpha3", ("ikanos", "1.0.0-alpha2"): "1.0.0-alpha3"}
"""Versions that texts about a dialect name and that were never published, and what they mean."""

KEYED = frozenset(
    {"resources", "operations", "tools", "inputParameters", "outputParameters", "properties", "skills", "steps"}
)
"""Keys of named things: lists in the alpha dialects, maps by name in later ones; both are accepted in all."""
RENAMED = {"display": "label"}
"""Keys that only one of the dialects has, and the keys of the same meaning by which all documents are read."""
ALIASES = {"auth": "authentication", "id": "name", "title": "label"}
"""Keys of no published schema, and the keys they are read as; each is reported once per file."""

_DATA = frozenset(
    {"with", "body", "value", "keys", "enum", "hints", "authentication", "default", "example", "examples"}
)
"""Keys below which there is data, which is not changed."""
_NESTING = frozenset({"items", "properties", "values", "value", "const"})
"""Keys of an output whose values can be mappings."""
_TELLING = ("type", "mapping")
"""Keys of an output whose values are texts, by which a mapping is seen to be an output."""

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)(?:-(alpha|beta|rc)\.?(\d+))?")


_FIRST_GENERATION = re.compile(r"0\.\d+(\.\d+)?")


def normalize(root: Node, report: Reporter) -> Map:
    """Bring a parsed document to the internal shape. Raises `SpecError` for an unknown dialect."""
    keys = [key for key in root if key in VERSIONS] if isinstance(root, Map) else []
    if not isinstance(root, Map) or not keys:
        raise not_a_capability(root, VERSIONS)
    key = keys[0]
    for other in keys[1:]:
        what = f"the file has two dialect keys, {str(key)!r} and {str(other)!r}; it is read by the first"
        report("unknown-key", other.mark, what, "remove one of them")
    version = root[key]
    if not isinstance(version, Scalar):
        what = f"the version of {str(key)!r} must be text"
        raise SpecError(what, at=key.mark, code="unknown-version", hint=f"write {key}: {VERSIONS[key][-1]}")
    _check_version(str(key), version, report)
    body = Map({k: v for k, v in root.items() if k not in VERSIONS})
    body.mark = root.mark
    aliases: dict[str, list[Mark]] = {}
    out = _lists(body, aliases)
    for alias, marks in aliases.items():
        for mark in marks:
            report("alias-key", mark, f"the key {alias!r} is read as {ALIASES[alias]!r}")
    return out


def _unknown(at: Mark, key: str, version: str) -> SpecError:
    known = ", ".join(VERSIONS[key])
    what = f"{key} {version} is not a published version"
    hint = near(version.strip("'"), VERSIONS[key]) or f"known are {known}"
    return SpecError(what, at=at, code="unknown-version", hint=hint)


def _check_version(key: str, version: Scalar, report: Reporter) -> None:
    if version in VERSIONS[key]:
        return
    meant = _READ_AS.get((key, version))
    if meant is not None:
        report("older-version", version.mark, f"{key} {version} is read as {meant}", f"write {key}: {meant}")
        return
    if _FIRST_GENERATION.fullmatch(version):
        what = f"{key} {version} is the first generation of these documents, which exposed things in another way"
        hint = f"write it anew by {key}: {VERSIONS[key][-1]}, whose exposures are of type rest and mcp"
        raise SpecError(what, at=version.mark, code="unknown-version", hint=hint)
    order = _order(version)
    newest = VERSIONS[key][-1]
    if order is None or order <= _order(newest):  # type: ignore[operator]  # every version in the table has an order
        raise _unknown(version.mark, key, repr(str(version)))
    report("newer-version", version.mark, f"{key} {version} is newer than {newest}, and is read as that")


def _order(version: str) -> tuple[int, int, int, int, int] | None:
    found = _VERSION.fullmatch(version)
    if not found:
        return None
    major, minor, patch, stage, number = found.groups()
    rank = {"alpha": 0, "beta": 1, "rc": 2, None: 3}[stage]
    return int(major), int(minor), int(patch), rank, int(number or 0)


def _lists(node: Map, aliases: dict[str, list[Mark]]) -> Map:
    """A copy in which maps of named things are lists. Data such as the value of `with` is not changed."""
    out = Map()
    out.mark = node.mark
    for key, value in node.items():
        new_key = _key(key, node, aliases)
        if new_key in _DATA:
            out[new_key] = value
        elif new_key == "items":
            out[new_key] = _inside(_one_item(value), aliases)
        elif new_key == "outputParameters" and isinstance(value, Map) and _is_output(value):
            out[new_key] = _inside(_list_of_one(value), aliases)
        elif new_key in KEYED and isinstance(value, Map):
            out[new_key] = value if _is_one_thing(value) else _named(value, aliases)
        else:
            out[new_key] = _inside(value, aliases)
    return out


def _is_output(node: Node) -> bool:
    """Whether a mapping is evidently one output: a key that has a text in an output has one here."""
    return isinstance(node, Map) and any(key in _TELLING and isinstance(v, Scalar) for key, v in node.items())


def _is_outputs(node: Node) -> bool:
    """Whether a mapping is a map of outputs by name, whatever the names: `{type: {…}, id: {…}}`.

    The kinds of the values decide. Each is a mapping or nothing, and at least one stands where an output has another
    kind of value: below a name that is no key, or one whose value is text, or it is an output itself where the key
    takes a map of outputs or data.
    """
    if not isinstance(node, Map) or not all(isinstance(value, Map) or not value for value in node.values()):
        return False
    if any(key not in _NESTING and isinstance(value, Map) for key, value in node.items()):
        return True
    return any(_is_output(value) for key, value in node.items() if key not in ("items", "values"))


def _is_one_thing(node: Map) -> bool:
    """Whether a mapping is one thing where a list of things stands, and no map of things by name: it has texts.

    The reader says that it is no list.
    """
    return any(isinstance(value, Scalar) and value for value in node.values())


def _list_of_one(node: Map) -> Seq:
    out = Seq([node])
    out.mark = node.mark
    return out


def _one_item(node: Node) -> Node:
    """The output of each item of a list. Several named members, in a list or a map, are the members of an object."""
    if isinstance(node, Seq) and len(node) == 1 and isinstance(node[0], Map) and "name" not in node[0]:
        return node[0]
    if not node or not (isinstance(node, Seq) or _is_outputs(node)):
        return node
    out = Map({Scalar("type", node.mark): Scalar("object", node.mark), Scalar("properties", node.mark): node})
    out.mark = node.mark
    return out


def _key(key: Scalar, node: Map, aliases: dict[str, list[Mark]]) -> Scalar:
    renamed = RENAMED.get(key)
    if renamed is not None and renamed not in node:
        return Scalar(renamed, key.mark)
    alias = ALIASES.get(key)
    if alias is None or alias in node or isinstance(node[key], Seq if key == "auth" else Seq | Map):
        return key
    aliases.setdefault(str(key), []).append(key.mark)
    return Scalar(alias, key.mark)


def _inside(node: Node, aliases: dict[str, list[Mark]]) -> Node:
    if isinstance(node, Map):
        return _lists(node, aliases)
    if isinstance(node, Seq):
        out = Seq(_inside(item, aliases) for item in node)
        out.mark = node.mark
        return out
    return node


def _named(node: Map, aliases: dict[str, list[Mark]]) -> Seq:
    """`{a: {...}, b: {...}}` as `[{name: a, ...}, {name: b, ...}]`."""
    out = Seq()
    out.mark = node.mark
    for key, value in node.items():
        if isinstance(value, Seq) and value:
            out.append(value)  # the reader reports it at its place
            continue
        entry = _lists(value, aliases) if isinstance(value, Map) else Map()
        if not isinstance(value, Map):
            entry.mark = value.mark
        if "name" not in entry:
            entry[Scalar("name", key.mark)] = key
        out.append(entry)
    return out
