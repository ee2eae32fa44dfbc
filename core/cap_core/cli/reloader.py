"""Reloads for `cap serve`: compiles a new plan when it is asked to or files change, and replaces the old."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from cap_core.cli.documents import Document, compile_documents
from cap_core.cli.serve_policy import refuse_anonymous, served
from cap_core.document.sources import locate
from cap_core.errors import CapError
from cap_core.logging.lazy_logger import get_logger
from cap_core.plan.plan import Plan
from cap_core.plugins.registry import Registry
from cap_core.server.certificate import Certificate
from cap_core.server.gateway import Gateway
from cap_core.settings.rows import rows
from cap_core.settings.table import Settings
from cap_core.settings.watch import changes, state

_log = get_logger("cap.reload")

_COMPILED = frozenset({"base-uri", "set", "env-file", "allow-files", "caller-auth", "config"})
"""The settings that a reload applies; changes of others are logged and ignored."""


class Reloader:
    """Keeps a gateway on the newest documents that can be served."""

    def __init__(
        self,
        gateway: Gateway,
        registry: Registry,
        settings: Settings,
        reread: Callable[[], Settings],
        names: Sequence[str],
        certificate: Certificate | None = None,
    ) -> None:
        self._gateway = gateway
        self._registry = registry
        self._settings = settings
        self._reread = reread
        self._names = names
        self._plugins = state(settings.plugins)
        self._certificate = certificate
        self._reloading = asyncio.Lock()
        self._known = state(self._files())

    async def follow(self) -> None:
        """Watch until cancelled."""
        trees = [path for path in map(Path, self._names) if path.is_dir()]
        async for _ in changes(self._files, trees, self._known):
            await self._reload()

    async def obey(self, asked: asyncio.Event) -> None:
        """Reload whenever it is asked for, until cancelled."""
        while True:
            await asked.wait()
            asked.clear()
            await self._reload()

    def _files(self) -> Iterable[Path]:
        try:
            paths = [source.path for source in locate(self._names, self._registry.capabilities)]
        except CapError:
            paths = []  # a document is missing at the moment, which the reload reports
        served_with = self._certificate.files if self._certificate is not None else ()
        extra = (self._settings.config, self._settings.env_file, *served_with)
        named = (path for path in extra if path is not None)
        return [*paths, *map(Path, self._names), *named, *self._settings.plugins]

    async def _reload(self) -> None:
        self._log_changed_plugins()
        async with self._reloading:
            self._renew_certificate()
            await self._replace_plan()

    def _renew_certificate(self) -> None:
        if self._certificate is None:
            return
        try:
            self._certificate.renew()
        except CapError as error:
            _log.error(f"{error} (the last good certificate is kept)")

    async def _replace_plan(self) -> None:
        try:
            settings = self._reread()
            # In a thread, so that calls go on meanwhile.
            found = await asyncio.to_thread(compile_documents, settings, self._registry, self._names)
            plan = self._plan(found, settings)
            await self._gateway.replace(plan)
        except CapError as error:
            _log.error(f"{error} (the last good plan is kept)")
            return
        # Whatever it is, the next change may be good.
        except Exception as error:
            _log.error("the change cannot be taken (the last good plan is kept)", exc_info=error)
            return
        self._log_ignored_changes(settings)
        self._settings = settings
        _log.info("reloaded", capabilities=len(plan.capabilities))

    def _plan(self, found: Sequence[Document], settings: Settings) -> Plan:
        plan = served(found, settings)
        refuse_anonymous(plan, settings)
        return plan

    def _log_changed_plugins(self) -> None:
        """Say which plugin files have changed: they are not loaded again, because calls still use their old code."""
        now = state(self._settings.plugins)
        for path in (path for path in self._settings.plugins if now.get(path) != self._plugins.get(path)):
            _log.warning(f"{path} has changed; restart to take it up")
        self._plugins = now

    def _log_ignored_changes(self, settings: Settings) -> None:
        before, now = self._settings, settings
        changed = [
            row.name
            for row in rows()
            if row.name not in _COMPILED and getattr(before, row.field) != getattr(now, row.field)
        ]
        if before.upstreams != now.upstreams:
            changed.append("upstreams")
        if changed:
            _log.warning("restart to take up changed settings", settings=changed)
