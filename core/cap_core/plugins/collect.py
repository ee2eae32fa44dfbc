"""Calls the hooks of loaded plugins, and records which plugin offers what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import pluggy

from cap_core.errors import PluginError
from cap_core.plugins.capabilities import CapabilitySource
from cap_core.plugins.guard import Source
from cap_core.plugins.offers import secured


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
        found = self._collect("cap_capabilities", "capability")
        names = [source.name for _, source in found]
        for owner, source in found:
            if names.count(source.name) > 1:
                what = f"the capability {source.name!r} is installed twice, once by {owner!r}"
                raise PluginError(what, hint=f"leave one out with --block {owner}")
        for owner, source in found:
            self._note(owner, "capability", source.name)
        return tuple(source for _, source in found)

    def keyed(self, hook: str, noun: str, kind: type[K]) -> dict[str, K]:
        """The offers of a hook by their keys; `noun` names one in messages."""
        owners: dict[str, str] = {}
        out: dict[str, K] = {}
        for owner, offer in self._collect(hook, noun):
            if offer.key in out:
                what = f"the plugins {owners[offer.key]!r} and {owner!r} both offer the {noun} {offer.key!r}"
                raise PluginError(what, hint=f"leave one out with --block {owner}")
            owners[offer.key] = owner
            out[offer.key] = secured(offer, self._sources[owner], f"{noun} {offer.key}")
            self._note(owner, noun, offer.key)
        return out

    def _note(self, owner: str, noun: str, key: str) -> None:
        offer = f"{noun} {key}".strip()
        self._by_plugin.setdefault(owner, []).append(offer)
        self._by_offer[offer] = self._sources[owner]

    def _collect(self, hook: str, noun: str) -> list[tuple[str, Any]]:
        """Each offer with the name of its plugin; built-in ones first, as they are registered last to first."""
        out: list[tuple[str, Any]] = []
        for impl in getattr(self._manager.hook, hook).get_hookimpls():
            if impl.wrapper or impl.hookwrapper:
                what = f"the plugin {impl.plugin_name!r} wraps {hook}, which is asked for offers and cannot be wrapped"
                raise PluginError(what, hint=f"return offers from it, or leave it out with --block {impl.plugin_name}")
            try:
                out += [(impl.plugin_name, offer) for offer in impl.function() or ()]
            # A plugin's code may raise anything; it becomes one error that names the plugin.
            except Exception as error:
                what = f"the plugin {impl.plugin_name!r} fails when asked for its {noun}s: {one_line(error)}"
                raise PluginError(what, hint=f"leave it out with --block {impl.plugin_name}") from error
        return out


def one_line(error: Exception) -> str:
    """An exception's message, on one line."""
    return " ".join(str(error).split()) or "it failed without a message"
