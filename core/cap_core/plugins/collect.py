"""Calls the hooks of loaded plugins, and records which plugin offers what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import pluggy

from cap_core.errors import PluginError
from cap_core.plugins.capabilities import CapabilitySource
from cap_core.plugins.guard import Source, defined, guarded
from cap_core.plugins.offers import each, secured
from cap_core.syntax.names import norm


class Keyed(Protocol):
    """Something that a plugin offers under a key."""

    @property
    def key(self) -> str: ...


K = TypeVar("K", bound=Keyed)


class Collector:
    """Collects what all plugins offer. Raises `PluginError` for a failing hook, and for a key that is offered twice."""

    def __init__(self, manager: pluggy.PluginManager, sources: Mapping[str, Source]) -> None:
        self._manager = manager
        self._sources = sources
        self._by_plugin: dict[str, list[str]] = {}
        self._by_offer: dict[str, Source] = {}

    @property
    def offers(self) -> Mapping[str, list[str]]:
        """What each plugin offers, for people ("auth scheme bearer"), by the plugin's name."""
        return self._by_plugin

    @property
    def sources(self) -> Mapping[str, Source]:
        """Whose code each offer is, by its name in `offers`."""
        return self._by_offer

    def capabilities(self) -> tuple[CapabilitySource, ...]:
        """The installed capabilities; their names are unique."""
        owners: dict[str, str] = {}
        out = []
        for owner, source, at in self._collect("cap_capabilities", CapabilitySource):
            secured(source, self._sources[owner], f"capability {source.name!r}", at)
            if source.name in owners:
                what = f"the plugins {owners[source.name]!r} and {owner!r} both install the capability {source.name!r}"
                raise PluginError(what, hint=f"leave one out with --block {owner}")
            owners[source.name] = owner
            self._note(owner, "capability", source.name)
            out.append(source)
        return tuple(out)

    def keyed(self, hook: str, noun: str, kind: type[K]) -> dict[str, K]:
        """The offers of a hook by their keys, which are compared as those of documents; `noun` names one."""
        owners: dict[str, tuple[str, str]] = {}
        out: dict[str, K] = {}
        for owner, offer, at in self._collect(hook, kind):
            good = secured(offer, self._sources[owner], f"{noun} {offer.key}".strip(), at)
            first, spelling = owners.setdefault(norm(offer.key), (owner, offer.key))
            if spelling in out:
                raise _twice(noun, (first, spelling), (owner, offer.key))
            out[offer.key] = good
            self._note(owner, noun, offer.key)
        return out

    def _note(self, owner: str, noun: str, key: str) -> None:
        offer = f"{noun} {key}".strip()
        self._by_plugin.setdefault(owner, []).append(offer)
        self._by_offer[offer] = self._sources[owner]

    def _collect(self, hook: str, kind: type[Any]) -> list[tuple[str, Any, str]]:
        """Each offer with the name of its plugin and its place; built-in ones first, as they are registered last to
        first."""
        out: list[tuple[str, Any, str]] = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            owner, source = impl.plugin_name, self._sources[impl.plugin_name]
            if impl.wrapper or impl.hookwrapper:
                what = f"the plugin {owner!r} wraps {hook}, which is asked for offers and cannot be wrapped"
                raise PluginError(what, hint=f"return offers from it, or leave it out with --block {owner}")
            ask = guarded(source, hook, impl.function, lambda given: each(given, kind))
            out += [(owner, offer, defined(impl.function)) for offer in ask()]
        return out


def _twice(noun: str, one: tuple[str, str], other: tuple[str, str]) -> PluginError:
    """The error for two offers with their plugins and keys: no document could say which of them it means."""
    plugins = f"the plugins {one[0]!r} and {other[0]!r} both offer"
    if one[0] == other[0]:
        plugins = f"the plugin {one[0]!r} offers twice"
    keys = f"{other[1]!r}" if one[1] == other[1] else f"{one[1]!r} and {other[1]!r}, which mean the same"
    return PluginError(f"{plugins} the {noun} {keys}", hint=f"leave one out with --block {other[0]}")
