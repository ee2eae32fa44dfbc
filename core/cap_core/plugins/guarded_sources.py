"""A binding resolver whose values are fetched within a time limit, and whose faults are its plugin's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.logging.secret import Secret
from cap_core.plan.variables import ValueSource
from cap_core.plugins.binding import BindContext, BindingResolver
from cap_core.plugins.guard import Source, Unfit, defined, guarded

_HINT = "see that it can be reached, or serve without these values with --keep-going"


def guarded_resolver(offer: BindingResolver, source: Source, what: str) -> BindingResolver:
    """The resolver; its locations are read as before, and fetching from them raises `PluginError`."""

    def a_source(given: object) -> object:
        if not callable(getattr(given, "fetch", None)) or not callable(getattr(given, "describe", None)):
            raise Unfit(given, "a ValueSource")
        return given

    parse = guarded(source, f"parse of the {what}", offer.parse, a_source, documented=(OptionError,))
    known: dict[int, _GuardedSource] = {}  # of one source, however often a plugin gives it, values are fetched once

    def parsed(location: str, at: BindContext) -> ValueSource:
        inner: ValueSource = parse(location, at)
        return known.setdefault(id(inner), _GuardedSource(inner, source, what, offer.timeout))

    return msgspec.structs.replace(offer, parse=parsed)


class _GuardedSource:
    def __init__(self, inner: ValueSource, source: Source, what: str, timeout: float) -> None:
        self._inner = inner
        self._source = source
        self._what = what
        self._timeout = timeout

    def describe(self, name: str) -> str:
        """Where a name's value comes from."""
        try:
            text = self._inner.describe(name)
        except (Exception, SystemExit) as error:
            raise self._source.failed(f"describe of the {self._what}", error, self._inner.describe) from error
        return text if isinstance(text, str) else name

    async def fetch(self, names: frozenset[str]) -> Mapping[str, Secret]:
        """The values of these names. Raises `PluginError` if they cannot be had, also not in time."""
        task = asyncio.ensure_future(self._outcome(names))
        try:
            done, _ = await asyncio.wait((task,), timeout=self._timeout)
        finally:
            task.cancel()  # not waited for: it may swallow that
        if not done:
            what = f"fetch of the {self._what} did not end within {self._timeout:g} s"
            raise self._source.fault(what, defined(self._inner.fetch), hint=_HINT)
        values = task.result()
        if isinstance(values, BaseException):
            failed = f"fetch of the {self._what}"
            raise self._source.failed(failed, values, self._inner.fetch, hint=_HINT) from values
        if not isinstance(values, Mapping) or not all(isinstance(value, Secret) for value in values.values()):
            wrong = values if not isinstance(values, Mapping) else next(iter(values.values()))
            what = f"fetch of the {self._what} gave {Unfit(wrong, 'a mapping from names to Secrets')}"
            raise self._source.fault(what, defined(self._inner.fetch), hint=_HINT)
        return values

    async def _outcome(self, names: frozenset[str]) -> Any:
        """What the plugin gives, or what it raises: raised in a task, a SystemExit would end the event loop."""
        try:
            return await self._inner.fetch(names)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            return error
