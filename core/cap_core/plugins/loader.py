"""Finds plugins, loads them in a fixed order, and collects what they offer."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from pathlib import Path

import msgspec
import pluggy

from cap_core.diagnostics.codes import declare
from cap_core.errors import PluginError
from cap_core.plugins import hookspecs
from cap_core.plugins.auth import AuthScheme
from cap_core.plugins.binding import BindingResolver
from cap_core.plugins.collect import Collector, one_line
from cap_core.plugins.exposure import Exposure
from cap_core.plugins.guard import Source, remember
from cap_core.plugins.interception import AsgiWrapper, Interceptor
from cap_core.plugins.lint import DiagnosticRule
from cap_core.plugins.output import OutputMapper
from cap_core.plugins.registry import Plugin, Registry
from cap_core.plugins.transport import Transport
from cap_core.syntax.names import near

GROUP = "cap"
"""The entry-point group, and pluggy's project name."""

CORE_DISTRIBUTION = "cap-core"
"""The distribution of the core and the built-in plugins, which comes first in every list."""


class _Candidate(msgspec.Struct, frozen=True):
    name: str
    distribution: str
    version: str
    load: Callable[[], object]


def load(
    *, block: frozenset[str] = frozenset(), files: tuple[Path, ...] = (), only: frozenset[str] | None = None
) -> Registry:
    """Load every plugin that is installed or given as a file, and collect what they offer.

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
    wanted = [p for p in found if p.name not in block and (only is None or p.name in only)]
    return _collect(manager, {plugin: _register(manager, plugin) for plugin in wanted})


def _installed() -> list[_Candidate]:
    """The installed plugins: the built-in ones first, then by distribution and name; metadata has no fixed order."""
    # Reading a distribution's metadata parses a file, so it is done once for all of its entry points.
    names: dict[metadata.Distribution | None, tuple[str, str]] = {None: ("", "")}
    found = []
    for point in metadata.entry_points(group=GROUP):
        if point.dist is not None and point.dist not in names:
            fields = point.dist.metadata
            names[point.dist] = fields["Name"], fields["Version"]
        found.append(_Candidate(point.name, *names[point.dist], point.load))
    unique = {(plugin.name, plugin.distribution): plugin for plugin in found}
    return sorted(unique.values(), key=lambda p: (p.distribution != CORE_DISTRIBUTION, p.distribution, p.name))


def _file(path: Path) -> _Candidate:
    def load_file() -> object:
        spec = importlib.util.spec_from_file_location(f"cap_plugin_{path.stem}", path)
        if spec is None or spec.loader is None or not path.is_file():
            raise FileNotFoundError(f"no Python file {path}")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # as an import does; annotations are resolved there
        spec.loader.exec_module(module)
        return module

    return _Candidate(path.stem, str(path), "", load_file)


def _register(manager: pluggy.PluginManager, plugin: _Candidate) -> Source:
    """Import a plugin and register its hooks; where its code is."""
    try:
        module = plugin.load()
        manager.register(module, name=plugin.name)
        manager.check_pending()
    # A plugin's code is imported here alone. It may raise anything; it becomes one error that names the plugin.
    except Exception as error:
        what = (
            f"the plugin {plugin.name!r} of {plugin.distribution or 'no distribution'} does not load: {one_line(error)}"
        )
        hint = f"correct or uninstall it, or leave it out with --block {plugin.name}"
        raise PluginError(what, hint=hint, code="plugin-load") from error
    file = getattr(module, "__file__", None) or ""
    source = Source(plugin.name, plugin.distribution, file.removesuffix("__init__.py"))
    remember(source)
    return source


def _declare_codes(rules: Iterable[DiagnosticRule]) -> None:
    for rule in rules:
        for code in rule.codes:
            try:
                declare(code)
            except ValueError as error:
                raise PluginError(f"the diagnostic rule {rule.key!r} cannot be used: {error}") from None


def _collect(manager: pluggy.PluginManager, found: Mapping[_Candidate, Source]) -> Registry:
    collector = Collector(manager, {plugin.name: source for plugin, source in found.items()})
    registry = Registry(
        plugins=(),
        capabilities=collector.capabilities(),
        auth_schemes=collector.keyed("cap_auth_schemes", "auth scheme", AuthScheme),
        output_mappers=collector.keyed("cap_output_mappers", "output format", OutputMapper),
        exposures=collector.keyed("cap_exposures", "exposure", Exposure),
        bindings=collector.keyed("cap_bindings", "binding location", BindingResolver),
        transports=collector.keyed("cap_transports", "transport", Transport),
        interceptors=tuple(collector.keyed("cap_interceptors", "interceptor", Interceptor).values()),
        rules=tuple(collector.keyed("cap_diagnose", "diagnostic rule", DiagnosticRule).values()),
        asgi=tuple(collector.keyed("cap_asgi", "asgi wrapper", AsgiWrapper).values()),
        hooks=manager.hook,
    )
    _declare_codes(registry.rules)
    offers = collector.offers
    paged = {impl.plugin_name for impl in manager.hook.cap_app_init.get_hookimpls()}
    plugins = tuple(
        Plugin(p.name, p.distribution, p.version, (*offers.get(p.name, ()), *(("pages",) if p.name in paged else ())))
        for p in found
    )
    return msgspec.structs.replace(registry, plugins=plugins, sources=collector.sources)
