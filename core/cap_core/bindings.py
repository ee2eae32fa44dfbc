"""Which names a document may read from outside, and where their values come from (`docs/semantics.md`, bindings)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cap_core.documents import Map, Scalar
from cap_core.errors import Mark, OptionError
from cap_core.offers import BindAt, BindingResolver, Source
from cap_core.plan import Binding
from cap_core.secret import Secret

if TYPE_CHECKING:
    from cap_core.model import Bind
    from cap_core.reading import Say


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A declared name: its binding, and how its value is found.

    `given` is a value from the command line, the configuration or a dotenv file, with its origin; it goes before
    what `source` says. `default` is the installed capability's own.
    """

    binding: Binding
    key: str
    source: Source | None
    at: Mark | None
    location: str = ""
    """The key of the resolver behind `source`."""
    local: bool = False
    """Whether looking for the value needs no network."""
    given: Given | None = None
    default: str | None = None
    description: str = ""
    """What the document says of the values behind its `binds` entry."""

    @property
    def near(self) -> bool:
        """Whether the value can be had without the network."""
        return self.local or self.source is None or self.given is not None

    def describe(self) -> str:
        """Where the value comes from, for people."""
        if self.given is not None:
            return self.given.origin
        where = self.source.describe(self.key) if self.source is not None else "the capability's default"
        return f"{where} ({self.description})" if self.description else where


class Given(msgspec.Struct, frozen=True):
    """A value from outside the document and its environment, and where it came from ("--set", "prod.env:3")."""

    value: str
    origin: str


class Bindings:
    """The names one document may read. An undeclared `{{X}}` never reaches into the environment."""

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

    @property
    def names(self) -> tuple[str, ...]:
        """Every name that resolves, for messages."""
        return tuple(self._by_name)


def declare(
    binds: Iterable[Bind],
    resolvers: Mapping[str, BindingResolver],
    given: Mapping[str, Given],
    defaults: Mapping[str, str],
    *,
    capability: str,
    directories: tuple[Path, ...],
    allowed: tuple[Path, ...],
    say: Say,
) -> Bindings:
    """The variables of a document's `binds`, of what was given from outside, and of the capability's defaults."""
    variables: list[Variable] = []
    for bind in binds:
        source = _source(bind, resolvers, capability, directories, allowed, say)
        scheme = _scheme(bind)
        for name, key in _keys(bind, say):
            qualified = f"{bind.namespace}.{name}"
            variables.append(
                Variable(
                    binding=Binding(str(name), bind.namespace),
                    key=str(key),
                    source=source,
                    location=scheme,
                    local=scheme in resolvers and resolvers[scheme].local,
                    at=name.mark,
                    given=given.get(qualified) or given.get(name),
                    default=defaults.get(qualified) or defaults.get(name),
                    description=bind.description or "",
                )
            )
    known = {n for v in variables for n in (v.binding.name, f"{v.binding.namespace}.{v.binding.name}")}
    for full in dict.fromkeys((*given, *defaults)):
        if full not in known:
            namespace, _, bare = full.rpartition(".")
            extra = Variable(
                binding=Binding(bare, namespace),
                key=bare,
                source=None,
                at=None,
                given=given.get(full),
                default=defaults.get(full),
            )
            variables.append(extra)
    return Bindings(variables)


def _source(
    bind: Bind,
    resolvers: Mapping[str, BindingResolver],
    capability: str,
    directories: tuple[Path, ...],
    allowed: tuple[Path, ...],
    say: Say,
) -> Source | None:
    location = bind.location or ""
    resolver = resolvers.get(_scheme(bind))
    at = bind.mark("location")
    if resolver is None:
        offered = ", ".join(sorted(f"{key}:" for key in resolvers if key)) or "none"
        say("unknown-location", at, f"no plugin reads binds from {location!r}; offered are {offered}")
        return None
    where = BindAt(capability=capability, namespace=bind.namespace, at=at, directories=directories, allowed=allowed)
    try:
        return resolver.parse(location, where)
    except OptionError as error:
        say("unknown-location", at, error.what, error.hint or None)
        return None


def _scheme(bind: Bind) -> str:
    return (bind.location or "").partition(":")[0].lower()


def _keys(bind: Bind, say: Say) -> list[tuple[Scalar, Scalar]]:
    if not isinstance(bind.keys, Map):
        say("wrong-type", bind.mark("keys"), "'keys' must be a mapping from names to their source")
        return []
    out = []
    for name, key in bind.keys.items():
        if isinstance(key, Scalar):
            out.append((name, key if key else name))
        else:
            say("wrong-type", key.mark, f"the source of {str(name)!r} must be text")
    return out


async def fetch(variables: Iterable[Variable]) -> dict[Binding, Secret]:
    """The value of every variable that has one; an empty value is none."""
    out: dict[Binding, Secret] = {}
    asked: dict[int, tuple[Source, list[Variable]]] = {}
    for variable in variables:
        if variable.given is not None and variable.given.value:
            out[variable.binding] = Secret(variable.given.value, variable.given.origin)
        elif variable.source is not None:
            asked.setdefault(id(variable.source), (variable.source, []))[1].append(variable)
        elif variable.default:
            out[variable.binding] = Secret(variable.default, "the capability's default")
    for source, waiting in asked.values():
        values = await source.fetch(frozenset(variable.key for variable in waiting))
        for variable in waiting:
            value = values.get(variable.key)
            if value:
                out[variable.binding] = value
            elif variable.default:
                out[variable.binding] = Secret(variable.default, "the capability's default")
    return out


async def unset(variables: Iterable[Variable]) -> list[Variable]:
    """The declared variables that have no value, as far as looking needs no network."""
    near = [variable for variable in variables if variable.at is not None and variable.local]
    values = await fetch(near)
    return [variable for variable in near if variable.binding not in values]
