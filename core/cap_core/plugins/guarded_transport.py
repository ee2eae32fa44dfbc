"""A transport whose faults, while it is opened and closed, are its plugin's."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from types import TracebackType

import msgspec

from cap_core.errors import CapError, PluginError
from cap_core.plugins.context import Send
from cap_core.plugins.guard import Source, Unfit, defined, guarded
from cap_core.plugins.transport import Transport, TransportContext


def guarded_transport(offer: Transport, source: Source, what: str) -> Transport:
    """The transport; opening it raises `PluginError`, or the `CapError` that it raises for a wrong setting."""
    name = f"open of the {what}"

    def a_manager(given: object) -> object:
        if not hasattr(given, "__aenter__") or not hasattr(given, "__aexit__"):
            raise Unfit(given, "an async context manager")
        return given

    opening = guarded(source, name, offer.open, a_manager, documented=(CapError,))

    def open_(at: TransportContext) -> AbstractAsyncContextManager[Send]:
        return _Opened(opening(at), source, name, offer.open)

    return msgspec.structs.replace(offer, open=open_)


class _Opened(AbstractAsyncContextManager[Send]):
    def __init__(self, manager: AbstractAsyncContextManager[Send], source: Source, name: str, function: object) -> None:
        self._manager = manager
        self._source = source
        self._name = name
        self._function = function

    async def __aenter__(self) -> Send:
        try:
            send = await self._manager.__aenter__()
        except CapError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(error) from error
        if not callable(send):
            raise self._source.fault(f"{self._name} gave {Unfit(send, 'a function')}", defined(self._function))
        return send

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> bool | None:
        try:
            return await self._manager.__aexit__(kind, error, at)
        except (Exception, SystemExit) as failure:
            raise self._failed(failure) from failure

    def _failed(self, error: BaseException) -> PluginError:
        return self._source.failed(self._name, error, self._function)
