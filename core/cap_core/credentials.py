"""An `authentication` block expanded, and handed to its scheme."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.expressions import leaves
from cap_core.names import near
from cap_core.offers import AuthScheme, CheckAt, Credentials, Flow, SignAt
from cap_core.plan import Authentication, Binding, Constant, Consumed, ExposurePlan, InputRef, Template, Tree, Value
from cap_core.types import Check

MASK = "***"
"""What stands for a value that is not shown."""


def bindings_of(authentication: Authentication) -> list[Binding]:
    """The variables an authentication needs."""
    found = (leaf for item in authentication.options.values() for leaf in leaves(item))
    return list(dict.fromkeys(leaf for leaf in found if isinstance(leaf, Binding)))


def sign(
    scheme: AuthScheme[Any], authentication: Authentication, consumed: Consumed, text: Callable[[Binding], str]
) -> Credentials | Flow:
    """What a scheme sends with these values. Raises `OptionError`."""
    if scheme.sign is None:
        raise OptionError("type", f"authentication type {scheme.key!r} cannot be sent", "it checks callers only")
    at = SignAt(capability=consumed.capability, namespace=consumed.namespace)
    return scheme.sign(expand(scheme, authentication, text), at)


def check(
    scheme: AuthScheme[Any], authentication: Authentication, exposure: ExposurePlan, text: Callable[[Binding], str]
) -> Check:
    """The function that checks a caller. Raises `OptionError`."""
    if scheme.check is None:
        raise OptionError("type", f"authentication type {scheme.key!r} cannot check callers")
    at = CheckAt(capability=exposure.about.name, namespace=exposure.namespace, realm=exposure.about.name)
    return scheme.check(expand(scheme, authentication, text), at)


def supplied(scheme: AuthScheme[Any], authentication: Authentication, consumed: Consumed) -> frozenset[tuple[str, str]]:
    """The (place, lower-case name) of everything a scheme sends, found by letting it sign with masked values."""
    shown = sign(scheme, authentication, consumed, lambda binding: MASK)
    credentials = shown.shown if isinstance(shown, Flow) else shown
    return frozenset(
        [("header", name.decode("latin-1").lower()) for name, _ in credentials.headers]
        + [("query", name.lower()) for name, _ in credentials.query]
        + [("cookie", name.lower()) for name, _ in credentials.cookies]
        + [("body", name.lower()) for name, _ in credentials.members]
    )


def expand(scheme: AuthScheme[Any], authentication: Authentication, text: Callable[[Binding], str]) -> Any:
    """The scheme's options with every template expanded. Raises `OptionError` for an option it does not know."""
    known = {field.encode_name for field in msgspec.structs.fields(scheme.options)}
    for name in authentication.options:
        if name not in known:
            hint = near(name, known) or f"it has {', '.join(sorted(known))}"
            raise OptionError(name, f"authentication type {scheme.key!r} has no option {name!r}", hint)
    options = {name: _expand(item, text) for name, item in authentication.options.items()}
    try:
        return msgspec.convert(options, scheme.options)
    except msgspec.ValidationError as error:
        name = next((n for n in known if f"$.{n}" in str(error)), "")
        # The validator's text names types and fields, never values.
        raise OptionError(name, f"the options of authentication type {scheme.key!r} do not fit: {error}") from None


def _expand(item: Value, text: Callable[[Binding], str]) -> object:
    if isinstance(item, Binding):
        return text(item)
    if isinstance(item, Template):
        return "".join(part if isinstance(part, str) else _part(part, text) for part in item.parts)
    if isinstance(item, Tree):
        if item.keyed:
            return {entry[0]: _expand(entry[1], text) for entry in item.items if isinstance(entry, tuple)}
        return [_expand(entry, text) for entry in item.items if not isinstance(entry, tuple)]
    if isinstance(item, Constant):
        # A number where text is meant (a password of digits) is its text.
        return item.value if isinstance(item.value, str | list | dict) else msgspec.json.encode(item.value).decode()
    return item


def _part(part: InputRef | Binding, text: Callable[[Binding], str]) -> str:
    if isinstance(part, InputRef):
        raise OptionError("", "an authentication option cannot depend on the caller's input")
    return text(part)
