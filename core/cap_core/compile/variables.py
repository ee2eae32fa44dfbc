"""The variables that a document may read, and where their values come from (`docs/semantics.md`, bindings)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from cap_core.diagnostics.reporter import Reporter
from cap_core.document.model import Bind
from cap_core.errors import OptionError, SpecError
from cap_core.plan.values import Binding
from cap_core.plan.variables import Given, ValueSource, Variable
from cap_core.plugins.binding import BindContext, BindingResolver
from cap_core.syntax.yaml_tree import Map, Scalar, Seq

_SHELL = re.compile(
    r"\$\{(?:env[.:])?(?P<braced>[A-Za-z_][\w.]*)(?::?-[^}]*)?\}|\$(?P<bare>[A-Z_][A-Z0-9_]*)"
    r"|\{(?P<single>[A-Z_][A-Z0-9_]*)\}|%(?P<percent>[A-Z_][A-Z0-9_]*)%|process\.env\.(?P<node>[A-Za-z_]\w*)"
)
"""How variables of the environment are written elsewhere."""


class Bindings:
    """The variables of one document. An undeclared `{{X}}` is never read from the environment."""

    def __init__(self, variables: Iterable[Variable]) -> None:
        self.variables = {variable.binding: variable for variable in variables}
        self._by_name: dict[str, Binding] = {}
        for binding in self.variables:
            # The first declaration of a bare name wins; the qualified form always reaches its own.
            self._by_name.setdefault(binding.name, binding)
            if binding.namespace:
                self._by_name[f"{binding.namespace}.{binding.name}"] = binding
        self.namespaces = frozenset(binding.namespace for binding in self.variables)

    def find(self, name: str) -> Binding | None:
        """The binding of `NAME` or `namespace.NAME`, by exact name."""
        return self._by_name.get(name)

    def meant(self, text: str) -> str | None:
        """The variable that a text means though it is not written `{{NAME}}`: by its bare name, or as elsewhere.

        Anything that looks like a variable of a shell is one, whether it is declared or not.
        """
        shell = _SHELL.fullmatch(text)
        if shell is not None:
            return next(name for name in shell.groups() if name is not None)
        return text if text in self._by_name else None

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that `find` finds, for messages."""
        return tuple(self._by_name)


class BindingSources(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to find the values of one document's `binds` entries."""

    capability: str
    resolvers: Mapping[str, BindingResolver]
    """Every resolver in the registry, by the scheme of its locations."""
    given: Mapping[str, Given] = {}
    """Values from outside, by `NAME` or `namespace.NAME`."""
    defaults: Mapping[str, str] = {}
    """The installed capability's own values, by the same names."""
    directories: tuple[Path, ...] = ()
    """The directories below which files may lie, in the order in which they are tried."""
    allowed: tuple[Path, ...] = ()
    """Further directories that the operator allows."""


def declare(binds: Iterable[Bind], context: BindingSources, report: Reporter) -> Bindings:
    """The variables of a document: those of its `binds`, those given from outside, and the capability's defaults."""
    declared = [variable for bind in binds for variable in _variables(bind, context, report)]
    return Bindings([*declared, *_undeclared(declared, context)])


def _variables(bind: Bind, context: BindingSources, report: Reporter) -> Iterator[Variable]:
    """The variables of one entry."""
    source = _source(bind, context, report)
    scheme = _scheme(bind)
    for name, key in _keys(bind):
        qualified = f"{bind.namespace}.{name}"
        yield Variable(
            binding=Binding(str(name), bind.namespace),
            key=str(key),
            source=source,
            location=scheme,
            local=scheme in context.resolvers and context.resolvers[scheme].local,
            at=name.mark,
            given=_given(context, qualified, name),
            default=context.defaults.get(qualified) or context.defaults.get(name),
            description=bind.description or "",
        )


def _given(context: BindingSources, *names: str) -> Given | None:
    """The value from outside: that for this capability alone comes first."""
    spellings = (*(f"{context.capability}:{name}" for name in names), *names)
    return next((context.given[name] for name in spellings if name in context.given), None)


def _undeclared(declared: Iterable[Variable], context: BindingSources) -> Iterator[Variable]:
    """The variables that have a value from outside, and that no entry declares."""
    known = {n for v in declared for n in (v.binding.name, f"{v.binding.namespace}.{v.binding.name}")}
    own = f"{context.capability}:"
    given = (name.removeprefix(own) for name in context.given if ":" not in name or name.startswith(own))
    for full in dict.fromkeys((*given, *context.defaults)):
        if full not in known:
            namespace, _, bare = full.rpartition(".")
            yield Variable(
                binding=Binding(bare, namespace),
                key=bare,
                source=None,
                at=None,
                given=_given(context, full),
                default=context.defaults.get(full),
            )


def _source(bind: Bind, context: BindingSources, report: Reporter) -> ValueSource | None:
    location = bind.location or ""
    resolver = context.resolvers.get(_scheme(bind))
    at = bind.mark("location")
    if resolver is None:
        offered = ", ".join(sorted(f"{key}:" for key in context.resolvers if key)) or "none"
        report("unknown-location", at, f"no plugin reads binds from {location!r}; offered are {offered}")
        return None
    place = BindContext(
        capability=context.capability,
        namespace=bind.namespace,
        at=at,
        directories=context.directories,
        allowed=context.allowed,
    )
    try:
        return resolver.parse(location, place)
    except OptionError as error:
        report("unknown-location", at, error.what, error.hint or None)
        return None


def _scheme(bind: Bind) -> str:
    return (bind.location or "").partition(":")[0].lower()


def _keys(bind: Bind) -> list[tuple[Scalar, Scalar]]:
    if not isinstance(bind.keys, Map):
        names = [item for item in bind.keys if isinstance(item, Scalar)] if isinstance(bind.keys, Seq) else []
        hint = f"write {names[0]}: {names[0]}" if names else "write NAME: NAME"
        what = "'keys' must be a mapping from names to their source"
        raise SpecError(what, at=bind.mark("keys"), code="wrong-type", hint=hint)
    out = []
    for name, key in bind.keys.items():
        if isinstance(key, Scalar):
            out.append((name, key if key else name))
        else:
            raise SpecError(f"the source of {str(name)!r} must be text", at=key.mark, code="wrong-type")
    return out
