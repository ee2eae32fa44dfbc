"""Compiles `authentication` blocks and `--caller-auth`; their scheme checks the options with every variable masked."""

from __future__ import annotations

import re

import msgspec

from cap_core.compile.expressions import value
from cap_core.compile.state import Compilation
from cap_core.document.model import ExposesEntry
from cap_core.errors import Mark, OptionError, SpecError
from cap_core.logging.redaction import MASK
from cap_core.plan.upstream import Authentication, Consumed
from cap_core.plan.values import Binding, Constant, Value, leaves
from cap_core.plan.variables import Variable
from cap_core.plugins.binding import BindContext
from cap_core.runtime.credentials import check, supplied
from cap_core.syntax.names import match, near
from cap_core.syntax.templates import TemplateError
from cap_core.syntax.yaml_tree import Map, Node, Scalar, resolve

SECRET = ("password", "token", "secret")
"""Names of options whose values are credentials, in any scheme."""

_NONE = frozenset({"none", "no", "false", "off", "anonymous", "public"})
_VARIABLE = re.compile(r"[\w.-]+", re.ASCII)

OPERATOR = "(operator)"
"""The namespace of names that are read from the environment for the operator, not for the document."""


class CallerAuthentication(msgspec.Struct, frozen=True):
    """How the callers of an exposure are checked, and the variables that the operator's own options read."""

    block: Authentication
    variables: tuple[Variable, ...] = ()


class UnusableAuthentication(SpecError):
    """An `authentication` block that cannot be used: it rejects the operations that need it, not the document."""


def read_authentication(node: Node, compilation: Compilation) -> Authentication:
    """An `authentication` block; its templates are parsed, and expanded when the gateway opens.

    Raises `UnusableAuthentication`.
    """
    if not isinstance(node, Map):
        what = "'authentication' must be a mapping with a 'type'"
        hint = f"write '{{type: {node}, …}}'" if node in compilation.registry.auth_schemes else None
        if isinstance(node, Scalar) and (resolve(node) is None or node.lower() in _NONE):
            hint = "leave 'authentication' out if none is meant"
        raise UnusableAuthentication(what, at=node.mark, code="bad-auth", hint=hint or "write '{type: bearer, …}'")
    type_ = node.get(Scalar("type", node.mark))
    if not isinstance(type_, Scalar):
        raise UnusableAuthentication("the authentication has no 'type'", at=node.mark, code="bad-auth")
    schemes = compilation.registry.auth_schemes
    key = match(type_, schemes)
    if key is None:
        offered = ", ".join(sorted(schemes))
        what = f"no plugin offers authentication type {str(type_)!r}; offered are {offered}"
        raise UnusableAuthentication(what, at=type_.mark, code="unknown-auth", hint=near(type_, schemes))
    options = {str(k): _option(v, compilation) for k, v in node.items() if k != "type"}
    return Authentication(type=str(key), options=options, at=node.mark, marks={str(k): v.mark for k, v in node.items()})


def report_literal(block: Authentication, compilation: Compilation) -> None:
    """Report a credential that is written in the document itself. Called once the options have been read."""
    written = {name: option.value for name, option in block.options.items() if isinstance(option, Constant)}
    literal = [name for name in SECRET if written.get(name) not in (None, "")]
    if not literal and any(isinstance(leaf, Binding) for option in block.options.values() for leaf in leaves(option)):
        return
    at = next((mark for name, mark in block.marks.items() if name in literal), block.at)
    meant = (compilation.bindings.meant(str(text)) for name, text in written.items() if not literal or name in literal)
    name = next((one for one in meant if one is not None), None)
    hint = f"write '{{{{{name}}}}}' for the variable" if name is not None else None
    compilation.report("literal-credential", at, f"the {block.type} credential stands in the document itself", hint)


def _option(node: Node, compilation: Compilation) -> Value:
    try:
        return value(node, compilation.variables_only)
    except TemplateError:
        # The error's own text is not used: it quotes the value, which may be a credential.
        what = "an option of the authentication is a malformed template"
        raise UnusableAuthentication(what, at=node.mark, code="bad-template") from None


def fills(consumed: Consumed, compilation: Compilation) -> frozenset[tuple[str, str]]:
    """The (place, lower-case name) pairs that a namespace's authentication supplies. Raises `UnusableAuthentication`.

    The scheme signs with every variable masked, so that a wrong option is found, and reported at its place.
    """
    block = consumed.authentication
    if block is None:
        return frozenset()
    try:
        return supplied(compilation.registry.auth_schemes[block.type], block, consumed)
    except OptionError as error:
        raise _wrong(block, "bad-auth", error) from None


def _wrong(block: Authentication, code: str, error: OptionError) -> SpecError:
    """The error for a wrong option: one of the operator's stops the start, one of the document's rejects operations."""
    at = block.marks.get(error.option, block.at)
    kind = UnusableAuthentication if block.origin == "document" else SpecError
    return kind(error.what, at=at, code=code, hint=error.hint)


def caller_authentication(entry: ExposesEntry, compilation: Compilation) -> CallerAuthentication | None:
    """The check of an exposure's callers: that of the document, else that of `--caller-auth`; None without either.

    Raises `UnusableAuthentication` for a wrong block of the document, `SpecError` for a wrong `--caller-auth`.
    """
    if entry.authentication is not None:
        found = CallerAuthentication(read_authentication(entry.authentication, compilation))
    elif compilation.options.caller_auth:
        found = _operator_authentication(compilation.options.caller_auth, compilation)
    else:
        return None
    block = found.block
    scheme = compilation.registry.auth_schemes[block.type]
    if scheme.check is None:
        what = f"authentication type {block.type!r} cannot check callers"
        raise _wrong(block, "unknown-auth", OptionError("", what, "use bearer or apikey"))
    try:
        check(scheme, block, compilation.source.name, entry.namespace, lambda binding: MASK, masked=True)
    except OptionError as error:
        raise _wrong(block, "bad-auth", error) from None
    if block.origin == "document":
        report_literal(block, compilation)
    return found


def _operator_authentication(text: str, compilation: Compilation) -> CallerAuthentication:
    """`TYPE:…` from the operator."""
    key, _, rest = text.partition(":")
    scheme = compilation.registry.auth_schemes.get(key)
    at = Mark(compilation.options.caller_auth_origin)
    if scheme is None or scheme.caller_option is None:
        fitting = ", ".join(sorted(k for k, s in compilation.registry.auth_schemes.items() if s.caller_option))
        raise SpecError(f"no plugin checks callers by {key!r}; offered are {fitting}", at=at, code="unknown-auth")
    try:
        options = scheme.caller_option(rest)
    except OptionError as error:
        raise SpecError(error.what, at=at, code="bad-auth", hint=error.hint) from None
    read = {name: _operator_option(str(option), at, compilation) for name, option in options.items()}
    values: dict[str, Value] = {
        name: option.binding if isinstance(option, Variable) else option for name, option in read.items()
    }
    return CallerAuthentication(
        Authentication(type=key, options=values, at=at, marks={}, origin=at.file),
        tuple(option for option in read.values() if isinstance(option, Variable)),
    )


def _operator_option(text: str, at: Mark, compilation: Compilation) -> Constant | Binding | Variable:
    """An option the operator gave: a literal, a variable that the document or `--set` has, or one of its own, which
    comes from the environment."""
    if not text.startswith("{{"):
        return Constant(text)
    name = text.removeprefix("{{").removesuffix("}}").strip()
    if not _VARIABLE.fullmatch(name):
        what = f"{name!r} is no name of a variable"
        raise SpecError(what, at=at, code="bad-auth", hint="name the variable that holds what callers must know")
    known = compilation.bindings.find(name)
    if known is not None:
        return known
    environment = compilation.registry.bindings.get("")
    place = BindContext(capability=compilation.source.name, namespace=OPERATOR, at=at, directories=(), allowed=())
    source = environment.parse("", place) if environment is not None else None
    given = compilation.options.values.get(name)
    return Variable(binding=Binding(name, OPERATOR), key=name, source=source, at=None, given=given)
