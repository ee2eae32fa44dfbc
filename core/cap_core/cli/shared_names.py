"""Checks settings about namespaces and variables: each name has to mean something, and one thing.

Documents that are served together can use a name for different APIs. A setting by the bare name would then give one
vendor's key, or what is meant for it, to another; so it has to say which document it means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from cap_core.errors import ConfigError
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Consumed
from cap_core.plan.values import Binding, leaves
from cap_core.settings.rows import rows
from cap_core.settings.table import Settings
from cap_core.syntax.names import near


def namespaces(plan: CapabilityPlan) -> Iterator[str]:
    """The names that the command line may use for the namespaces of a document."""
    for one in plan.consumed:
        yield from (one.namespace, one.key)


class Given(msgspec.Struct, frozen=True):
    """A name in a setting: how the setting is written before it, and where it was given."""

    setting: str
    name: str
    origin: str

    def __str__(self) -> str:
        return f"{self.setting} {self.name}" if self.origin == "flag" else f"{self.origin}: {self.name}"


def check_namespaces(settings: Settings, names: Iterable[str], *, flags_only: bool = True) -> None:
    """Raise `ConfigError` for a setting about a namespace that is not in `names`.

    With `flags_only`, `cap.toml` may name others: it may be for other documents too.
    """
    known = set(names)
    for given in _about_namespaces(settings):
        if given.name not in known and (given.origin == "flag" or not flags_only):
            hint = near(given.name, known) or f"consumed here: {', '.join(sorted(known)) or 'nothing'}"
            raise ConfigError(f"{given}: no such namespace is consumed", hint=hint)


def check_shared(settings: Settings, plans: Sequence[CapabilityPlan]) -> tuple[str, ...]:
    """Raise `ConfigError` for a bare name that means different things in documents that are served together.

    Returns a line for each bare name that means the same in several of them.
    """
    sentences: list[str] = []
    for given in _about_namespaces(settings):
        named = {other.name for other in _about_namespaces(settings) if other.setting == given.setting}
        meant = {
            one.key: _api(one, plan)
            for plan in plans
            for one in plan.consumed
            if one.namespace == given.name and one.key not in named
        }
        sentences += _one_meaning(given, meant, "consume it from different addresses or with different credentials")
    values = [Given("--set", name, settings.origin("set", name)) for name in settings.values]
    _check_capabilities(values, plans)
    for given in values:
        named = {other.name for other in values}
        sent = {
            f"{plan.about.name}:{given.name}": frozenset(_addresses(given.name, plan))
            for plan in plans
            if f"{plan.about.name}:{given.name}" not in named
        }
        read = {full: addresses for full, addresses in sent.items() if addresses}
        sentences += _one_meaning(given, read, "send it to different addresses")
    return tuple(sentences)


def _one_meaning(given: Given, meant: Mapping[str, object], differently: str) -> Iterator[str]:
    """A line if several names mean the same; raises `ConfigError` if they differ."""
    if len(meant) < 2:
        return
    listed = " and ".join(sorted(meant))
    meanings = list(meant.values())
    if any(other != meanings[0] for other in meanings):
        what = f"{given} means several things: the documents of {listed} {differently}"
        raise ConfigError(what, hint=f"write {' or '.join(sorted(meant))}")
    yield f"{given} is for {listed}"


def _check_capabilities(values: Iterable[Given], plans: Sequence[CapabilityPlan]) -> None:
    known = {plan.about.name for plan in plans}
    for given in values:
        capability, colon, _ = given.name.partition(":")
        if colon and capability not in known:
            hint = near(capability, known) or f"served are {', '.join(sorted(known)) or 'none'}"
            raise ConfigError(f"{given}: no such capability is served", hint=hint)


def _about_namespaces(settings: Settings) -> list[Given]:
    """Every namespace that a setting names."""
    flags = {row.name: str(row.flag) for row in rows()}
    plaintext = settings.origin("allow-plaintext")
    return [
        *(Given(flags["base-uri"], name, settings.origin("base-uri", name)) for name in settings.base_uris),
        *(Given(flags["allow-plaintext"], name, plaintext) for name in settings.allow_plaintext),
        *(Given("[upstreams]", name, _first_origin(settings, name)) for name in settings.upstreams),
    ]


def _first_origin(settings: Settings, namespace: str) -> str:
    """The place of the first key of an `[upstreams.NAME]` table."""
    start = f"upstreams.{namespace}."
    return next((origin for path, origin in settings.origins.items() if path.startswith(start)), "[upstreams]")


def _api(consumed: Consumed, plan: CapabilityPlan) -> object:
    """What a namespace is: its declared address, and its authentication with the variables that it reads."""
    block = consumed.authentication
    if block is None:
        return consumed.declared, None
    read = {leaf for option in block.options.values() for leaf in leaves(option) if isinstance(leaf, Binding)}
    variables = {(one.binding, one.key, one.location) for one in plan.variables if one.binding in read}
    return consumed.declared, (block.type, dict(block.options), variables)


def _addresses(name: str, plan: CapabilityPlan) -> Iterator[str]:
    """The declared addresses to which a document sends the variable of this name."""
    found = {one.binding for one in plan.variables if name in (one.binding.name, _qualified(one.binding))}
    reads: Callable[[Iterable[object]], bool] = lambda values: any(value in found for value in values)  # noqa: E731
    for consumed in plan.consumed:
        block = consumed.authentication
        options = block.options.values() if block is not None else ()
        parts = consumed.base.parts if consumed.base is not None else ()
        if reads(parts) or reads(leaf for option in options for leaf in leaves(option)):
            yield consumed.declared
    calls = (call for exposure in plan.exposures for call in exposure.calls)
    for request in (step.request for call in calls for step in call.flow.steps):
        if reads(leaf for field in request.fields for leaf in leaves(field.value)):
            yield request.operation.consumed.declared


def _qualified(binding: Binding) -> str:
    return f"{binding.namespace}.{binding.name}"
