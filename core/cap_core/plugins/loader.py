"""Finds plugins, loads them in a fixed order, and collects what they offer."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import threading
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
from cap_core.plugins.collect import Collector
from cap_core.plugins.exposure import Exposure
from cap_core.plugins.guard import Source, defined, message, remember
from cap_core.plugins.interception import AsgiWrapper, Interceptor
from cap_core.plugins.lint import DiagnosticRule
from cap_core.plugins.output import OutputMapper
from cap_core.plugins.registry import Plugin, Registry
from cap_core.plugins.transport import Transport
from cap_core.syntax.names import closest, near

GROUP = "cap"
"""The entry-point group, and pluggy's project name."""

_MISSPELT = 0.8
"""How alike a function without a mark and a hook are for the function to be taken for it."""

CORE_DISTRIBUTION = "cap-core"
"""The distribution of the core and the built-in plugins, which comes first in every list."""


class _Candidate(msgspec.Struct, frozen=True):
    name: str
    distribution: str
    version: str
    load: Callable[[], object]
    code: str = ""
    """Its file, if that is known before it is loaded."""


def load(
    *,
    block: frozenset[str] = frozenset(),
    files: tuple[Path, ...] = (),
    only: frozenset[str] | None = None,
    say: Callable[[str], None] = lambda line: None,
    patience: float = 3.0,
) -> Registry:
    """Load every plugin that is installed or given as a file, and collect what they offer.

    `block` leaves plugins out, `only` loads no others; both by name. Raises `PluginError` for one that does not load,
    for a name that does not exist, and for a key that two plugins offer. `say` is told of one whose import takes longer
    than `patience` seconds.
    """
    found = [*_installed(), *(_file(path) for path in files)]
    names = [plugin.name for plugin in found]
    _refuse_equal_names(found)
    for name in sorted(block | (only or frozenset())):
        if name not in names:
            raise PluginError(f"there is no plugin {name!r}", hint=near(name, names) or "see 'cap plugins'")
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    wanted = [p for p in found if p.name not in block and (only is None or p.name in only)]
    return _collect(manager, {plugin: _register(manager, plugin, say, patience) for plugin in wanted})


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

    return _Candidate(path.stem, str(path), "", load_file, str(path))


def _refuse_equal_names(found: Iterable[_Candidate]) -> None:
    known: dict[str, _Candidate] = {}
    for plugin in found:
        other = known.setdefault(plugin.name, plugin)
        if other is not plugin:
            both = f"{other.distribution} and {plugin.distribution}"
            what = f"two plugins are called {plugin.name!r}, of {both}"
            raise PluginError(what, hint="rename the file of one", code="plugin-load")


def _register(manager: pluggy.PluginManager, plugin: _Candidate, say: Callable[[str], None], patience: float) -> Source:
    """Import a plugin and register its hooks; where its code is."""
    slow = threading.Timer(patience, say, (f"the plugin {plugin.name!r} is still being imported",))
    slow.daemon = True
    slow.start()
    try:
        module = plugin.load()
    # A plugin's code is imported here alone. It may raise anything; it becomes one error that names the plugin.
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        at = Source(plugin.name, plugin.distribution, plugin.code).place(error)
        raise _not_loaded(plugin, message(error) + (f" ({at})" if at else "")) from error
    finally:
        slow.cancel()
    file = getattr(module, "__file__", None) or ""
    source = Source(plugin.name, plugin.distribution, file.removesuffix("__init__.py"))
    remember(source)
    _check_hooks(module, source)
    try:
        manager.register(module, name=plugin.name)
        manager.check_pending()
    except Exception as error:
        raise _not_loaded(plugin, message(error)) from error
    return source


def _not_loaded(plugin: _Candidate, why: str) -> PluginError:
    what = f"the plugin {plugin.name!r} of {plugin.distribution or 'no distribution'} does not load: {why}"
    hint = f"correct or uninstall it, or leave it out with --block {plugin.name}"
    return PluginError(what, hint=hint, code="plugin-load")


def _check_hooks(module: object, source: Source) -> None:
    """Raise `PluginError` for a hook that is not known, or not marked, or takes what no hook is given."""
    hooks = {name: function for name, function in vars(hookspecs).items() if name.startswith("cap_")}
    for name, function in list(vars(module).items()):
        if not inspect.isfunction(function):
            continue
        marked = hasattr(function, f"{GROUP}_impl")
        if marked and name not in hooks:
            hint = near(name, hooks) or f"hooks are {', '.join(sorted(hooks))}"
            raise source.fault(f"there is no hook {name}", defined(function), hint=hint)
        own = function.__module__ == getattr(module, "__name__", None)
        if not marked and own and name in hooks:
            raise source.fault(f"{name} is not marked as a hook", defined(function), hint="write @hookimpl above it")
        if not marked and own and name.startswith("cap_") and (close := closest(name, hooks, cutoff=_MISSPELT)):
            hint = f"write @hookimpl above it, and call it {close}, or rename it"
            raise source.fault(f"{name} looks like the hook {close}", defined(function), hint=hint)
        if marked:
            unknown = inspect.signature(function).parameters.keys() - inspect.signature(hooks[name]).parameters.keys()
            if unknown:
                hint = f"a {name} takes {', '.join(inspect.signature(hooks[name]).parameters) or 'nothing'}"
                raise source.fault(f"{name} takes {', '.join(sorted(unknown))}", defined(function), hint=hint)


def _declare_codes(rules: Iterable[DiagnosticRule], sources: Mapping[str, Source]) -> None:
    for rule in rules:
        for code in rule.codes:
            try:
                declare(code)
            except ValueError as error:
                source = sources[f"diagnostic rule {rule.key}"]
                raise source.fault(f"the diagnostic rule {rule.key!r} cannot be used: {error}") from None


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
    _declare_codes(registry.rules, collector.sources)
    offers = collector.offers
    paged = {impl.plugin_name for impl in manager.hook.cap_app_init.get_hookimpls()}
    plugins = tuple(
        Plugin(p.name, p.distribution, p.version, (*offers.get(p.name, ()), *(("pages",) if p.name in paged else ())))
        for p in found
    )
    return msgspec.structs.replace(registry, plugins=plugins, sources=collector.sources)
