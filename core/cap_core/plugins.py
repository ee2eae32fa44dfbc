"""Find plugins, load them in a known order, and keep what they offer by key."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
import pluggy

from cap_core import hookspecs
from cap_core.diagnostics import declare
from cap_core.errors import PluginError
from cap_core.names import near
from cap_core.offers import (
    AsgiWrapper,
    AuthScheme,
    BindingResolver,
    CapabilitySource,
    DiagnosticRule,
    Exposure,
    Interceptor,
    OutputMapper,
    Transport,
)

GROUP = "cap"
"""The entry-point group, and pluggy's project name."""

OURS = "cap-core"


class Plugin(msgspec.Struct, frozen=True):
    """A loaded plugin, for people: its name, where it came from and what it offers ("auth scheme bearer")."""

    name: str
    distribution: str
    version: str
    offers: tuple[str, ...]


class Offers(msgspec.Struct, frozen=True, kw_only=True):
    """Everything on offer, by key, asked once."""

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
    """Pluggy's hook relay, for the hooks that are not offers."""

    def owner(self, offer: str) -> Plugin | None:
        """The plugin behind an offer, which is named as `Plugin.offers` names it."""
        return next((plugin for plugin in self.plugins if offer in plugin.offers), None)


class _Found(msgspec.Struct, frozen=True):
    name: str
    distribution: str
    version: str
    load: Callable[[], object]


def load(
    *, block: frozenset[str] = frozenset(), files: tuple[Path, ...] = (), only: frozenset[str] | None = None
) -> Offers:
    """Load every plugin that is installed or given as a file, and ask what it offers.

    `block` leaves plugins out, `only` loads no others; both by name. Raises `PluginError` for one that does not load,
    for a name that does not exist, and for a key that two plugins offer.
    """
    found = [*_installed(), *(_file(path) for path in files)]
    names = [plugin.name for plugin in found]
    for name in sorted(block | (only or frozenset())):
        if name not in names:
            raise PluginError(f"there is no plugin {name!r}", hint=near(name, names) or "see 'cap plugins'")
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    loaded = []
    for plugin in found:
        if plugin.name in block or (only is not None and plugin.name not in only):
            continue
        _register(manager, plugin)
        loaded.append(plugin)
    return _ask(manager, loaded)


def _installed() -> list[_Found]:
    """Entry points: ours first, then by distribution and name, because importlib.metadata promises no order."""
    # A distribution parses its METADATA each time it is read, and all its entry points share it: once for each.
    names: dict[metadata.Distribution | None, tuple[str, str]] = {None: ("", "")}
    found = []
    for point in metadata.entry_points(group=GROUP):
        if point.dist is not None and point.dist not in names:
            fields = point.dist.metadata
            names[point.dist] = fields["Name"], fields["Version"]
        found.append(_Found(point.name, *names[point.dist], point.load))
    unique = {(plugin.name, plugin.distribution): plugin for plugin in found}
    return sorted(unique.values(), key=lambda p: (p.distribution != OURS, p.distribution, p.name))


def _file(path: Path) -> _Found:
    def load_file() -> object:
        spec = importlib.util.spec_from_file_location(f"cap_plugin_{path.stem}", path)
        if spec is None or spec.loader is None or not path.is_file():
            raise FileNotFoundError(f"no Python file {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # as an import would: annotations are looked up there
        spec.loader.exec_module(module)
        return module

    return _Found(path.stem, str(path), "", load_file)


def _register(manager: pluggy.PluginManager, plugin: _Found) -> None:
    try:
        module = plugin.load()
        manager.register(module, name=plugin.name)
        manager.check_pending()
    # The one place where somebody else's code is imported: whatever it raises is its failure, told in one line.
    except Exception as error:
        what = f"the plugin {plugin.name!r} of {plugin.distribution or 'no distribution'} does not load: {_line(error)}"
        hint = f"correct or uninstall it, or leave it out with --block {plugin.name}"
        raise PluginError(what, hint=hint, code="plugin-load") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or "it failed without a message"


def _declare_codes(rules: Iterable[DiagnosticRule]) -> None:
    for rule in rules:
        for code in rule.codes:
            try:
                declare(code)
            except ValueError as error:
                raise PluginError(f"the diagnostic rule {rule.key!r} cannot be used: {error}") from None


def _ask(manager: pluggy.PluginManager, found: list[_Found]) -> Offers:
    said: dict[str, list[str]] = {plugin.name: [] for plugin in found}

    def collect(hook: str, noun: str) -> list[tuple[str, Any]]:
        out: list[tuple[str, Any]] = []
        for impl in getattr(manager.hook, hook).get_hookimpls():
            if impl.wrapper or impl.hookwrapper:
                what = f"the plugin {impl.plugin_name!r} wraps {hook}, which is asked for offers and cannot be wrapped"
                raise PluginError(what, hint=f"return offers from it, or leave it out with --block {impl.plugin_name}")
            answer: Iterable[Any]
            try:
                answer = list(impl.function() or ())
            # As in _register: somebody else's code.
            except Exception as error:
                what = f"the plugin {impl.plugin_name!r} fails when asked for its {noun}s: {_line(error)}"
                raise PluginError(what, hint=f"leave it out with --block {impl.plugin_name}") from error
            for offer in answer:
                key = offer.name if isinstance(offer, CapabilitySource) else offer.key
                said[impl.plugin_name].append(f"{noun} {key}".strip())
                out.append((impl.plugin_name, offer))
        return out

    def keyed(hook: str, noun: str) -> dict[str, Any]:
        owners: dict[str, str] = {}
        out: dict[str, Any] = {}
        for owner, offer in collect(hook, noun):
            if offer.key in out:
                what = f"the plugins {owners[offer.key]!r} and {owner!r} both offer the {noun} {offer.key!r}"
                raise PluginError(what, hint=f"leave one out with --block {owner}")
            owners[offer.key] = owner
            out[offer.key] = offer
        return out

    capabilities = collect("cap_capabilities", "capability")
    names = [source.name for _, source in capabilities]
    for owner, source in capabilities:
        if names.count(source.name) > 1:
            what = f"the capability {source.name!r} is installed twice, once by {owner!r}"
            raise PluginError(what, hint=f"leave one out with --block {owner}")
    answers: dict[str, Any] = {
        "auth_schemes": keyed("cap_auth_schemes", "auth scheme"),
        "output_mappers": keyed("cap_output_mappers", "output format"),
        "exposures": keyed("cap_exposures", "exposure"),
        "bindings": keyed("cap_bindings", "binding location"),
        "transports": keyed("cap_transports", "transport"),
        "interceptors": tuple(keyed("cap_interceptors", "interceptor").values()),
        "rules": tuple(keyed("cap_diagnose", "diagnostic rule").values()),
        "asgi": tuple(keyed("cap_asgi", "asgi wrapper").values()),
    }
    _declare_codes(answers["rules"])
    plugins = tuple(Plugin(p.name, p.distribution, p.version, tuple(said[p.name])) for p in found)
    sources = tuple(source for _, source in capabilities)
    return Offers(plugins=plugins, capabilities=sources, hooks=manager.hook, **answers)
