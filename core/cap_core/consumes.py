"""A `consumes` entry: its address, its credentials, and the operations that calls can name."""

from __future__ import annotations

import re

import msgspec

from cap_core import later
from cap_core.authentications import Unusable, authentication, fills, report_literal
from cap_core.base_uri import literal_base
from cap_core.compilation import Compilation
from cap_core.consumed import Broken, Callee, callees
from cap_core.documents import Map, Scalar
from cap_core.errors import Mark, SpecError
from cap_core.model import ConsumesEntry
from cap_core.plan import Binding, Consumed, Template
from cap_core.templates import TemplateError, parse_base

_USERINFO = re.compile(r"//[^/]*@")


def namespace(entry: ConsumesEntry, compilation: Compilation) -> tuple[Consumed, list[Callee]]:
    """Compile an entry. Raises `SpecError` for one without a name.

    What makes the whole entry unusable, an address or an authentication that cannot be, leaves out its operations
    alone.
    """
    if not entry.namespace:
        raise SpecError("an entry of 'consumes' has no 'namespace'", at=entry.at, code="missing-key", hint="add it")
    broken: Broken | None = None
    base, origin, block = None, str(entry.mark("baseUri")), None
    try:
        base, origin = _base(entry, compilation)
        block = authentication(entry.authentication, compilation) if entry.authentication is not None else None
    except SpecError as error:
        broken = _unusable(error, entry, compilation)
    if entry.type.lower() != "http":
        what = f"{entry.namespace!r} is of type {entry.type!r}, and only http is consumed; what calls it is left out"
        broken = Broken("unknown-protocol", entry.mark("type"), what)
        compilation.causes.append(compilation.say("unknown-protocol", broken.at, what))
    broken = broken or _tunnel(entry, compilation)
    consumed = Consumed(
        capability=compilation.source.name,
        namespace=entry.namespace,
        base=base,
        base_origin=origin,
        authentication=block,
        at=entry.at,
        description=entry.description or "",
    )
    try:
        fills(consumed, compilation)
        if block is not None:
            report_literal(block, compilation)
    except Unusable as error:
        broken = _unusable(error, entry, compilation)
        consumed = msgspec.structs.replace(consumed, authentication=None)  # nobody is to try it
    return consumed, callees(entry, consumed, broken, compilation.say)


def _unusable(error: SpecError, entry: ConsumesEntry, compilation: Compilation) -> Broken:
    why = compilation.say(error.code, error.at or entry.at, error.what, error.hint or None)
    compilation.causes.append(why)
    return Broken(why.code, why.at, why.message, why.hint)


def _tunnel(entry: ConsumesEntry, compilation: Compilation) -> Broken | None:
    """A tunnel leaves out what would go through it, unless its author allows the direct way too."""
    if "tunnel" not in entry.given():
        return None
    fallback = entry.tunnel.get(Scalar("fallback", entry.at)) if isinstance(entry.tunnel, Map) else None
    if fallback == "direct":
        what = f"requests to {entry.namespace!r} go the direct way, which its tunnel allows"
        compilation.say("not-built-tunnel", entry.mark("tunnel"), what)
        return None
    why = later.report(
        "consumes", "tunnel", entry.mark("tunnel"), f"the namespace {entry.namespace!r}", compilation.say
    )
    compilation.causes.append(why)
    return Broken(why.code, why.at, why.message, why.hint)


def _base(entry: ConsumesEntry, compilation: Compilation) -> tuple[Template | None, str]:
    given = compilation.options.base_uris
    replaced = given.get(f"{compilation.source.name}:{entry.namespace}") or given.get(entry.namespace)
    if replaced is not None:
        return Template((replaced.value,)), replaced.origin
    at = entry.mark("baseUri")
    if not entry.baseUri:
        compilation.say("no-base-uri", at, f"the namespace {entry.namespace!r} names no baseUri")
        return None, str(at)
    try:
        parts = parse_base(entry.baseUri)
    except TemplateError as error:
        hint = "write variables as {{NAME}}, with as many braces before as behind"
        raise SpecError(str(error), at=at, code="bad-base-uri", hint=hint) from None
    if any(not isinstance(part, str) and part.braces != 2 for part in parts):
        compilation.say("base-uri-braces", at, f"{entry.baseUri!r} has variables that are not written {{{{NAME}}}}")
    template = Template(tuple(p if isinstance(p, str) else _variable(p.name, at, compilation) for p in parts))
    _check(entry, template, at, compilation)
    return template, str(at)


def _variable(name: str, at: Mark, compilation: Compilation) -> Binding:
    binding = compilation.bindings.find(name)
    if binding is None:
        compilation.unbound(name, at)
    return binding or Binding(name, declared=False)


def _check(entry: ConsumesEntry, template: Template, at: Mark, compilation: Compilation) -> None:
    """Look at an address that has no variables; one with variables is looked at when the gateway opens."""
    try:
        base = literal_base(template)
    except ValueError as error:
        # What stands before an @ is a user name and a password.
        shown = _USERINFO.sub("//…@", entry.baseUri or "")
        raise SpecError(f"the baseUri {shown!r} {error}", at=at, code="bad-base-uri") from None
    if base is None or base.safe or entry.authentication is None:
        return
    if not {entry.namespace, f"{compilation.source.name}:{entry.namespace}"} & compilation.options.allow_plaintext:
        what = f"the credential of {entry.namespace!r} would go to {base.host} over plain http"
        compilation.say("plaintext", at, what)
