"""Path templates: text with `{placeholder}`s, compared in one normal form (`docs/semantics.md`, the REST surface).

The normal form is that of RFC 3986, 6.2.2: escapes of unreserved characters are decoded, other escapes are in upper
case, and characters that are not allowed in a path are escaped. A reserved character and its escape remain different:
`a%3Acancel` is the value "a:cancel", but `a:cancel` may be the value "a" before the static text ":cancel".
"""

from __future__ import annotations

import re
import string

Literals = tuple[str, ...]
"""The static text around a segment's placeholders: n + 1 pieces for n placeholders, in normal form."""

_UNRESERVED = frozenset(string.ascii_letters + string.digits + "-._~")
_IN_A_PATH = "".join(sorted(_UNRESERVED)) + "!$&'()*+,;=:@/"
_PLAIN = _IN_A_PATH.encode()
_ODD = re.compile(rf"%([0-9A-Fa-f]{{2}})|[^{re.escape(_IN_A_PATH)}]")
_PLACEHOLDER = re.compile(r"\{\{\s*([^{}/]+?)\s*\}\}|\{\s*([^{}/]+?)\s*\}")


def balanced(template: str) -> bool:
    """Whether every brace of a path template belongs to a placeholder with a name."""
    return not {"{", "}"} & set(_PLACEHOLDER.sub("", template))


def placeholders(template: str) -> tuple[str, ...]:
    """The placeholders' names in order; `{x}` and `{{x}}` are the same."""
    return tuple(double or single for double, single in _PLACEHOLDER.findall(template))


def shape(template: str) -> str:
    """A template without its placeholders' names: two routes of one method and one shape are the same route."""
    return "/".join("{}".join(literals) for literals in split_segments(template))


def join_paths(resource: str, operation: str | None) -> str:
    """An operation's path replaces the resource's where it starts with it on a segment boundary, else follows it."""
    if not operation:
        return resource
    rest = operation[len(resource) :]
    if operation.startswith(resource) and (not rest or rest[0] in "/(:?" or resource.endswith("/")):
        return operation
    return resource.rstrip("/") + ("" if operation[:1] in "/:?(" else "/") + operation


def split_segments(template: str) -> list[Literals]:
    """The segments of a template, each as the static text around its placeholders."""
    pieces = (_PLACEHOLDER.sub("{", segment).split("{") for segment in template.split("/"))
    return [tuple(_normal(text.encode().decode("latin-1")) for text in texts) for texts in pieces]


def normal_path(raw_path: bytes) -> str:
    """A request's raw path in normal form, one character for each byte."""
    text = raw_path.decode("latin-1")
    return _normal(text) if raw_path.translate(None, _PLAIN) else text


def _normal(text: str) -> str:
    return _ODD.sub(_normal_character, text)


def _normal_character(odd: re.Match[str]) -> str:
    escape = odd[1]
    if escape is None:
        return f"%{ord(odd[0]):02X}"
    character = chr(int(escape, 16))
    return character if character in _UNRESERVED else odd[0].upper()
