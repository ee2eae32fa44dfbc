"""Sources in `with` that authors spell otherwise, such as `params.x` or `${rest.x}`, and the input that they mean."""

from __future__ import annotations

import re
from collections.abc import Collection

from cap_core.syntax.names import match

_WORDS = frozenset(
    {"params", "args", "arguments", "input", "inputs", "request", "query", "path", "body", "headers", "tool"}
)
"""Words before a dot by which an author means the caller's input."""
_PLACES = _WORDS | {"header", "cookie", "cookies"}
"""Words that may stand between such a word and the name, as in `request.query.x`."""
_WRAPPED = re.compile(r"(?P<open>\$\{|\{|\$)\s*(?P<inner>[^{}\s]+?)\s*(?P<close>\}?)")


def unwrapped(text: str) -> tuple[str, str]:
    """What stands inside of `${…}`, `{…}` or behind `$`, and which of them it is; "" where it is none."""
    found = _WRAPPED.fullmatch(text)
    if found is None or ("{" in found["open"]) != bool(found["close"]):
        return text, ""
    return found["inner"], found["open"]


def respelled_input(text: str, prefixes: Collection[str], inputs: Collection[str]) -> str | None:
    """The one of `inputs` that a text means though it is no source (`docs/semantics.md`, values), else None.

    `prefixes` are the words before a dot that mean an input as they stand.
    """
    inner, wrapped = unwrapped(text)
    word, dot, name = inner.partition(".")
    if not dot:
        return inner if wrapped == "${" and match(inner, inputs) is not None else None
    if not name or any(c.isspace() for c in name) or word not in (_WORDS | set(prefixes) if wrapped else _WORDS):
        return None
    if match(name, inputs) is not None:
        return name
    place, dot, rest = name.partition(".")
    return rest if dot and place in _PLACES and match(rest, inputs) is not None else None
