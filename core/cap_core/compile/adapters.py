"""Compiles a `consumes` entry: its base URI, its credentials, and the operations that calls can name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from cap_core.compile.authentication import UnusableAuthentication, fills, read_authentication, report_literal
from cap_core.compile.operations import Adapter, targets
from cap_core.compile.rejection import Rejection
from cap_core.compile.state import Compilation
from cap_core.compile.target import Target
from cap_core.diagnostics.report import Diagnostic
from cap_core.document import unsupported
from cap_core.document.model import ConsumesEntry
from cap_core.errors import Mark, SpecError
from cap_core.plan.upstream import Authentication, Consumed
from cap_core.plan.values import Binding, Constant, Template, Value
from cap_core.runtime.base_uri import literal_base
from cap_core.syntax.names import match
from cap_core.syntax.templates import TemplateError, Var, parse_base
from cap_core.syntax.yaml_tree import Map, Scalar

_USERINFO = re.compile(r"//[^/]*@")


def compile_adapter(entry: ConsumesEntry, compilation: Compilation) -> tuple[Consumed, list[Target]]:
    """Compile an entry, which has a namespace.

    A base URI or an authentication that cannot be used rejects the operations of the entry, not the document.
    """
    rejection: Rejection | None = None
    base, origin, block = None, str(entry.mark("baseUri")), None
    try:
        if entry.authentication is not None:
            block = read_authentication(entry.authentication, compilation)
        placed = _in_base(block, compilation) if block is not None else {}
        base, origin = _base(entry, placed, compilation)
        if block is not None and placed:
            report_literal(block, compilation)
            block = None
    except SpecError as error:
        rejection = _unusable(error, entry, compilation)
    rejection = _unknown_protocol(entry, compilation) or rejection
    rejection = rejection or _tunnel(entry, compilation) or _unread(entry, compilation)
    consumed = Consumed(
        capability=compilation.source.name,
        namespace=entry.namespace,
        base=base,
        base_origin=origin,
        authentication=block,
        at=entry.at,
        description=entry.description or "",
        declared=entry.baseUri or "",
    )
    filled: frozenset[tuple[str, str]] = frozenset()
    try:
        filled = fills(consumed, compilation)
        if block is not None:
            report_literal(block, compilation)
    except UnusableAuthentication as error:
        rejection = _unusable(error, entry, compilation)
        consumed = msgspec.structs.replace(consumed, authentication=None)  # it cannot be expanded
    adapter = Adapter(entry=entry, consumed=consumed, supplied=filled, rejection=rejection)
    return consumed, targets(adapter, compilation.report)


def _unusable(error: SpecError, entry: ConsumesEntry, compilation: Compilation) -> Rejection:
    return _cause(compilation.report(error.code, error.at or entry.at, error.what, error.hint or None), compilation)


def _unknown_protocol(entry: ConsumesEntry, compilation: Compilation) -> Rejection | None:
    if entry.type.lower() == "http":
        return None
    what = f"{entry.namespace!r} is of type {entry.type!r}, and only http is consumed; what calls it is left out"
    compilation.causes.append(compilation.report("unknown-protocol", entry.mark("type"), what))
    return Rejection("unknown-protocol", entry.mark("type"), what)


def _tunnel(entry: ConsumesEntry, compilation: Compilation) -> Rejection | None:
    """The rejection of an entry that is reached through a tunnel, unless its author allows direct connections too."""
    if "tunnel" not in entry.given():
        return None
    at = entry.mark("tunnel")
    fallback = entry.tunnel.get(Scalar("fallback", entry.at)) if isinstance(entry.tunnel, Map) else None
    if fallback == "direct":
        what = f"requests to {entry.namespace!r} go the direct way, which its tunnel allows"
        compilation.report("not-built-tunnel", at, what)
        return None
    subject = f"the namespace {entry.namespace!r}"
    return _cause(unsupported.report_key("consumes", "tunnel", at, subject, compilation.report), compilation)


def _unread(entry: ConsumesEntry, compilation: Compilation) -> Rejection | None:
    """What would restrict every operation of the namespace and cannot be read."""
    found = next(entry.unread(), None)
    return _cause(found, compilation) if found is not None else None


def _cause(diagnostic: Diagnostic, compilation: Compilation) -> Rejection:
    """The rejection of all operations of a namespace, for the reason of a diagnostic."""
    compilation.causes.append(diagnostic)
    return Rejection(diagnostic.code, diagnostic.at, diagnostic.message, diagnostic.hint)


def _in_base(block: Authentication, compilation: Compilation) -> Mapping[str, Value]:
    """The value of the placeholder in the base URI that an authentication fills; none if it stands elsewhere."""
    scheme = compilation.registry.auth_schemes[block.type]
    found = scheme.in_base(block.options) if scheme.in_base is not None else None
    return {found[0]: block.options[found[1]]} if found is not None else {}


def _base(entry: ConsumesEntry, placed: Mapping[str, Value], compilation: Compilation) -> tuple[Template | None, str]:
    """The base URI of an entry, and its origin; `placed` are the values of placeholders that authentication fills."""
    given = compilation.options.base_uris
    replaced = given.get(f"{compilation.source.name}:{entry.namespace}") or given.get(entry.namespace)
    if replaced is not None:
        return Template((replaced.value,)), replaced.origin
    at = entry.mark("baseUri")
    if not entry.baseUri:
        if "baseUri" in entry.unreadable:
            return None, str(at)
        compilation.report("no-base-uri", at, f"the namespace {entry.namespace!r} names no baseUri")
        return None, str(at)
    try:
        parts = parse_base(entry.baseUri)
    except TemplateError as error:
        hint = "write variables as {{NAME}}, with as many braces before as behind"
        raise SpecError(str(error), at=at, code="bad-base-uri", hint=hint) from None
    if any(not isinstance(p, str) and p.braces != 2 and match(p.name, placed) is None for p in parts):
        compilation.report("base-uri-braces", at, f"{entry.baseUri!r} has variables that are not written {{{{NAME}}}}")
    for name in placed:
        if match(name, [part.name for part in parts if not isinstance(part, str)]) is None:
            what = f"the authentication fills the placeholder {name!r}, and the baseUri has none"
            raise UnusableAuthentication(what, at=at, code="bad-auth", hint=f"write {{{name}}} where it stands")
    template = Template(tuple(piece for part in parts for piece in _pieces(part, placed, at, compilation)))
    _check(entry, template, at, compilation)
    return template, str(at)


def _pieces(
    part: str | Var, placed: Mapping[str, Value], at: Mark, compilation: Compilation
) -> Iterator[str | Binding]:
    if isinstance(part, str):
        yield part
        return
    own = match(part.name, placed)
    if own is None:
        yield _variable(part.name, at, compilation)
        return
    value = placed[own]
    for piece in value.parts if isinstance(value, Template) else (value,):
        if isinstance(piece, Constant):
            yield str(piece.value)
        elif isinstance(piece, str | Binding):
            yield piece


def _variable(name: str, at: Mark, compilation: Compilation) -> Binding:
    binding = compilation.bindings.find(name)
    if binding is None:
        compilation.report_unbound(name, at)
    return binding or Binding(name, declared=False)


def _check(entry: ConsumesEntry, template: Template, at: Mark, compilation: Compilation) -> None:
    """Check a base URI without variables; one with variables is checked when the gateway opens."""
    try:
        base = literal_base(template)
    except ValueError as error:
        # The part before an @ is a user name and a password, which must not be shown.
        shown = _USERINFO.sub("//…@", entry.baseUri or "")
        raise SpecError(f"the baseUri {shown!r} {error}", at=at, code="bad-base-uri") from None
    if base is None or base.safe or entry.authentication is None:
        return
    if not {entry.namespace, f"{compilation.source.name}:{entry.namespace}"} & compilation.options.allow_plaintext:
        what = f"the credential of {entry.namespace!r} would go to {base.host} over plain http"
        compilation.report("plaintext", at, what)
