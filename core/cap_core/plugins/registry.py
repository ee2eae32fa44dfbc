"""Everything that the loaded plugins offer, by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from cap_core.plugins.auth import AuthScheme
from cap_core.plugins.binding import BindingResolver
from cap_core.plugins.capabilities import CapabilitySource
from cap_core.plugins.exposure import Exposure
from cap_core.plugins.guard import Source
from cap_core.plugins.interception import AsgiWrapper, Interceptor
from cap_core.plugins.lint import DiagnosticRule
from cap_core.plugins.output import OutputMapper
from cap_core.plugins.transport import Transport


class Plugin(msgspec.Struct, frozen=True):
    """A loaded plugin, for people: its name, where it came from and what it offers ("auth scheme bearer")."""

    name: str
    distribution: str
    version: str
    offers: tuple[str, ...]


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the loaded plugins offer, by key; made once, when they are loaded."""

    plugins: tuple[Plugin, ...]
    capabilities: tuple[CapabilitySource, ...]
    auth_schemes: dict[str, AuthScheme[Any]]
    output_mappers: dict[str, OutputMapper[Any]]
    exposures: dict[str, Exposure[Any]]
    bindings: dict[str, BindingResolver]
    transports: dict[str, Transport]
    interceptors: tuple[Interceptor, ...]
    rules: tuple[DiagnosticRule, ...]
    asgi: tuple[AsgiWrapper, ...]
    hooks: Any
    """Pluggy's hook relay, for hooks that are called later (`cap_app_init`)."""
    sources: Mapping[str, Source] = {}
    """Whose code an offer is, by its name in `Plugin.offers`; for messages about faults."""

    def owner(self, offer: str) -> Plugin | None:
        """The plugin that offers something, by its name in `Plugin.offers` ("auth scheme bearer")."""
        return next((plugin for plugin in self.plugins if offer in plugin.offers), None)

    def source(self, offer: str) -> Source:
        """Whose code an offer is, for messages about its faults."""
        return self.sources.get(offer) or Source(f"the plugin of {offer}")

    def plugin_source(self, name: str) -> Source:
        """The source of a plugin by its name, for messages about what it does beside its offers."""
        found = next((plugin for plugin in self.plugins if plugin.name == name), None)
        return Source(name, found.distribution if found is not None else "")
