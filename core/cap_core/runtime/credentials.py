"""Expands the templates of an `authentication` block, and passes the options to its scheme."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.logging.redaction import MASK
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Authentication, Consumed
from cap_core.plan.values import Binding, Constant, InputRef, StepRef, Template, Tree, Value, leaves
from cap_core.plugins.auth import AuthFlow, AuthScheme, CheckContext, Credentials, SignContext
from cap_core.plugins.messages import Check
from cap_core.syntax.http import has_control, is_token
from cap_core.syntax.names import near

ValueOf = Callable[[Binding], str | None]
"""Gives a variable's value; None if it has none, which is allowed for variables of optional options alone."""


def bindings_of(authentication: Authentication) -> list[Binding]:
    """The variables an authentication names."""
    return _bindings(authentication.options.values())


def required(scheme: AuthScheme[Any], authentication: Authentication) -> list[Binding]:
    """The variables that an authentication requires."""
    return _bindings(item for name, item in authentication.options.items() if name not in scheme.optional)


def optional_variables(plan: CapabilityPlan, schemes: Mapping[str, AuthScheme[Any]]) -> frozenset[Binding]:
    """The variables in optional options alone; leaving one of them unset is not an error."""
    towards_upstreams = [one.authentication for one in plan.consumed]
    of_callers = [one.authentication for one in plan.exposures]
    found = [one for one in (*towards_upstreams, *of_callers) if one is not None]
    named = {binding for one in found for binding in bindings_of(one)}
    return frozenset(named - {binding for one in found for binding in required(schemes[one.type], one)})


def _bindings(items: Iterable[Value]) -> list[Binding]:
    found = (leaf for item in items for leaf in leaves(item))
    return list(dict.fromkeys(leaf for leaf in found if isinstance(leaf, Binding)))


def sign(
    scheme: AuthScheme[Any],
    authentication: Authentication,
    consumed: Consumed,
    value_of: ValueOf,
    *,
    masked: bool = False,
) -> Credentials | AuthFlow:
    """The credentials that a scheme makes with these values. Raises `OptionError`."""
    if scheme.sign is None:
        raise OptionError("type", f"authentication type {scheme.key!r} cannot be sent", "it checks callers only")
    at = SignContext(
        capability=consumed.capability,
        namespace=consumed.namespace,
        variables={n: ", ".join(b.name for b in _bindings([item])) for n, item in authentication.options.items()},
        masked=masked,
    )
    signed = scheme.sign(expand(scheme, authentication, value_of), at)
    _check_sendable(signed.shown if isinstance(signed, AuthFlow) else signed)
    return signed


def _check_sendable(credentials: Credentials) -> None:
    """Raise `OptionError` for a header that transports refuse to send; here its place in the document is known."""
    for name, value in credentials.headers:
        if not is_token(name.decode("latin-1")):
            raise OptionError("", f"{name.decode('utf-8', 'replace')!r} is not the name of a header")
        if has_control(value):
            what = f"the header {name.decode()} would hold a line break or another control character"
            raise OptionError("", what, "correct the variable; one read from a file may end with a line break")


def check(
    scheme: AuthScheme[Any],
    authentication: Authentication,
    capability: str,
    namespace: str,
    value_of: ValueOf,
    *,
    masked: bool = False,
) -> Check:
    """The function that checks a caller. Raises `OptionError`."""
    if scheme.check is None:
        raise OptionError("type", f"authentication type {scheme.key!r} cannot check callers")
    at = CheckContext(capability=capability, namespace=namespace, realm=capability, masked=masked)
    return scheme.check(expand(scheme, authentication, value_of), at)


def supplied(scheme: AuthScheme[Any], authentication: Authentication, consumed: Consumed) -> frozenset[tuple[str, str]]:
    """The (place, lower-case name) of everything a scheme sends, found by letting it sign with masked values."""
    shown = sign(scheme, authentication, consumed, lambda binding: MASK, masked=True)
    credentials = shown.shown if isinstance(shown, AuthFlow) else shown
    return frozenset(
        [("header", name.decode("latin-1").lower()) for name, _ in credentials.headers]
        + [("query", name.lower()) for name, _ in credentials.query]
        + [("cookie", name.lower()) for name, _ in credentials.cookies]
        + [("body", name.lower()) for name, _ in credentials.members]
    )


def expand(scheme: AuthScheme[Any], authentication: Authentication, value_of: ValueOf) -> Any:
    """The scheme's options with every template expanded, optional ones only where all their variables are set.

    Raises `OptionError` for an option the scheme does not know.
    """
    known = scheme.options.__struct_encode_fields__
    for name in authentication.options:
        if name not in known:
            hint = near(name, known) or f"it has {', '.join(sorted(known))}"
            raise OptionError(name, f"authentication type {scheme.key!r} has no option {name!r}", hint)
    absent = {
        name for name in scheme.optional & authentication.options.keys() if _unset(authentication, name, value_of)
    }
    options = {name: _expand(item, value_of) for name, item in authentication.options.items() if name not in absent}
    try:
        return msgspec.convert(options, scheme.options)
    except msgspec.ValidationError as error:
        name = next((n for n in known if f"$.{n}" in str(error)), "")
        # The validator's text names types and fields, never values.
        raise OptionError(name, f"the options of authentication type {scheme.key!r} do not fit: {error}") from None


def _unset(authentication: Authentication, option: str, value_of: ValueOf) -> bool:
    return any(value_of(binding) is None for binding in _bindings([authentication.options[option]]))


def _expand(item: Value, value_of: ValueOf) -> object:
    if isinstance(item, Binding):
        return _part(item, value_of)
    if isinstance(item, Template):
        return "".join(part if isinstance(part, str) else _part(part, value_of) for part in item.parts)
    if isinstance(item, Tree):
        if item.keyed:
            return {entry[0]: _expand(entry[1], value_of) for entry in item.items if isinstance(entry, tuple)}
        return [_expand(entry, value_of) for entry in item.items if not isinstance(entry, tuple)]
    if isinstance(item, Constant):
        # A number is converted to text: it may be a password of digits.
        return item.value if isinstance(item.value, str | list | dict) else msgspec.json.encode(item.value).decode()
    return item


def _part(part: InputRef | StepRef | Binding, value_of: ValueOf) -> str:
    if isinstance(part, InputRef | StepRef):
        raise OptionError("", "an authentication option cannot depend on the caller's input")
    value = value_of(part)
    assert value is not None  # callers check first that all required variables are set
    return value
