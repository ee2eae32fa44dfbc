"""Compiles the `body:` block of a consumed operation: its encoding, and the template of its content."""

from __future__ import annotations

import re

import msgspec

from cap_core.compile.rejection import Rejected, Rejection
from cap_core.compile.target import BodyTemplate
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.model import ConsumedOperation
from cap_core.document.restrictions import misspelt
from cap_core.document.unknown_keys import unknown_key
from cap_core.document.vocabulary import BODY_KEYS, BODY_TYPES, PUBLISHED_BODIES
from cap_core.errors import Mark
from cap_core.runtime import multipart
from cap_core.syntax.names import near, norm
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, resolve

# A template that is one variable and nothing else: the body is the value of that variable, of any type.
_ONE_VARIABLE = re.compile(r"\s*\{\{[^{}]+\}\}\s*")
_STRING_OR_VARIABLE = re.compile(r'"(?:[^"\\]|\\.)*"|\{\{[^{}"]+\}\}')


def body_template(operation: ConsumedOperation) -> BodyTemplate | None:
    """The template of a `body:` block, None without one (`docs/semantics.md`, bodies).

    Raises `Rejected` for one that cannot be encoded.
    """
    node = operation.body
    if node is None or _is_null(node):
        return None
    if isinstance(node, Scalar):
        # A raw string that is JSON is a JSON template, so that values put into it stay JSON.
        tree = _json_template(node)
        return BodyTemplate("text" if tree is None else "json", node if tree is None else tree, node.mark)
    if not isinstance(node, Map):
        raise _unsupported(node.mark, "a body must be text or a mapping with 'type' and 'data'")
    kind = str(node.get(Scalar("type", node.mark), "json"))
    encoding = BODY_TYPES.get(_letters(kind))
    if encoding is None:
        known = ", ".join(dict.fromkeys(BODY_TYPES.values()))
        raise _unsupported(node.mark, f"a body of type {kind!r} is not encoded; {known} are")
    data = _as_json(node.get(Scalar("data", node.mark)), encoding)
    if data is None or _is_null(data):
        return BodyTemplate(encoding, None, node.mark)
    _check_data(data, kind, encoding, node.mark)
    return BodyTemplate(encoding, data, node.mark)


def _as_json(data: Node | None, encoding: str) -> Node | None:
    """The data of a body; text in a JSON body is parsed as JSON, so that values put into it are encoded as JSON."""
    if encoding != "json" or not isinstance(data, Scalar) or data.plain or _ONE_VARIABLE.fullmatch(data):
        return data
    tree = _json_template(data)
    if tree is None:
        raise _unsupported(data.mark, "a body of type json needs data that is JSON")
    return tree


def _check_data(data: Node, kind: str, encoding: str, at: Mark) -> None:
    if encoding == "multipart" and (fault := multipart.fault(data)) is not None:
        raise _unsupported(*fault)
    if encoding == "yaml" and isinstance(data, Scalar) and "{{" in data and not _ONE_VARIABLE.fullmatch(data):
        what = "a body of type yaml cannot have variables inside a text; write it as a mapping or a list"
        raise _unsupported(data.mark, what)
    if encoding in ("text", "xml", "sparql") and not isinstance(data, Scalar):
        raise _unsupported(at, f"a body of type {kind!r} needs text as its data")


def report_body_keys(operation: ConsumedOperation, report: Reporter) -> Rejection | None:
    """Report a body type that documents use although no published schema has it, and keys without any effect.

    Returns the rejection of the operation if one of the keys would restrict it (`docs/semantics.md`, what restricts).
    """
    node = operation.body
    if not isinstance(node, Map):
        return None
    kind = node.get(Scalar("type", node.mark))
    if isinstance(kind, Scalar):
        letters = _letters(kind)
        if letters in BODY_TYPES and letters not in map(norm, PUBLISHED_BODIES):
            report("alias-body", kind.mark, f"the body type {str(kind)!r} is in no published schema")
    found = [_unknown(key, operation, report) for key in node if key not in BODY_KEYS]
    return next((rejection for rejection in found if rejection is not None), None)


def _unknown(key: Scalar, operation: ConsumedOperation, report: Reporter) -> Rejection | None:
    if misspelt(key) is None:
        what = f"the body of {operation.name!r} has the key {str(key)!r}; it has type and data"
        report("unknown-key", key.mark, what, near(key, BODY_KEYS) or None)
        return None
    unread = unknown_key(key, f"the body of {operation.name!r}", BODY_KEYS, (), {})
    report(unread.code, key.mark, unread.message, unread.hint)
    return Rejection(unread.code, key.mark, unread.message, unread.hint)


def _letters(kind: str) -> str:
    return "".join(c for c in kind.lower() if c.isalnum())


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and resolve(node) is None


def _unsupported(at: Mark, message: str) -> Rejected:
    return Rejected("unsupported-body", at, message)


def _json_template(text: Scalar) -> Node | None:
    """The tree of a string that holds a JSON object or list, every mark being that of the string; else None."""
    try:
        # A variable in the place of a JSON value is quoted, so that the text parses; it may have a value of any type.
        data = msgspec.json.decode(_STRING_OR_VARIABLE.sub(_quoted, str(text)))
    except msgspec.DecodeError:
        return None
    return _marked(data, text.mark) if isinstance(data, dict | list) else None


def _quoted(found: re.Match[str]) -> str:
    text = found[0]
    return text if text.startswith('"') else f'"{text}"'


def _marked(data: object, at: Mark) -> Node:
    if isinstance(data, dict):
        out = Map({Scalar(key, at, plain=False): _marked(item, at) for key, item in data.items()})
        out.mark = at
        return out
    if isinstance(data, list):
        items = Seq(_marked(item, at) for item in data)
        items.mark = at
        return items
    if isinstance(data, str):
        return Scalar(data, at, plain=False)
    return Scalar(msgspec.json.encode(data).decode(), at)
