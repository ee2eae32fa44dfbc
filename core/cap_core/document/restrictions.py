"""The keys that restrict, and when another key is one of them misspelt: what it stands on is left out then."""

from __future__ import annotations

from cap_core.document.dialects import ALIASES
from cap_core.syntax.names import closest, norm

RESTRICTING = (
    "authentication",
    "outputParameters",
    "items",
    "properties",
    "values",
    "mapping",
    "pattern",
    "enum",
    "required",
    "maxLength",
    "minLength",
    "minimum",
    "maximum",
    "trustedHeaders",
)
"""What keeps callers out, values from going out, or values from coming in (`docs/semantics.md`, what restricts)."""

# Words of JSON Schema and OpenAPI that are like a restricting key and are not one: each means something else.
_OTHER_WORDS = frozenset({"maxproperties", "minproperties", "maxitems", "minitems", "title", "example", "examples"})
_FORMS = {norm(key): key for key in RESTRICTING} | {"property": "properties"}  # the one plural that is no mere s
_LEAST_LETTERS = 5
_LEAST_LIKENESS = 0.85


def misspelt(key: str) -> str | None:
    """The restricting key that one which is not read here means: itself, or what it is a misspelling of."""
    form = norm(key)
    if form in _OTHER_WORDS:
        return None
    alias = ALIASES.get(key)
    if alias in RESTRICTING:  # an alias that is read is not asked about here
        return alias
    for same in (form, form.removesuffix("s"), f"{form}s"):
        if same in _FORMS:
            return _FORMS[same]
    if len(form) < _LEAST_LETTERS:
        return None
    found = closest(form, _FORMS, cutoff=_LEAST_LIKENESS)
    return _FORMS[found] if found is not None else None
