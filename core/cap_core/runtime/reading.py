"""How answers are read: decoded by their format, then mapped; here at once, or in a process where they are large."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import msgspec

from cap_core.errors import PluginError, Refusal
from cap_core.logging.redaction import hidden
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.upstream import Operation
from cap_core.plugins.context import Context
from cap_core.plugins.output import OutputMapper, TooLarge
from cap_core.runtime import jsonpath, output_format, output_mapping
from cap_core.runtime.failures import failure, malformed, nothing_found
from cap_core.runtime.missing import Watch
from cap_core.runtime.worker import UnknownWork, make_job, pickled
from cap_core.runtime.workers import Workers, WorkFault, in_worker

SLOW_PATHS: Final = 16 * 1024
"""Bytes up to which an answer is mapped at once by paths that the library follows, for which 16 KiB take 30 ms."""
_REASON: Final = 200
"""Characters of a format's reason that are shown."""

Read = Callable[[bytes, str | None], bytes]
"""From an answer's bytes and its content type to the JSON text of its outputs; b"" for an answer of blanks alone.
Raises `Refusal`."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """How the answers of one operation are read, as data that a process can be sent.

    Without outputs, everything that is decoded counts.
    """

    mapper: OutputMapper[Any]
    options: object
    operation: Operation
    outputs: tuple[DeclaredOutput, ...]
    strict: bool = False

    def compile(self) -> Read:
        """The function that reads. Raises `OptionError` for options that the format refuses."""
        operation = self.operation
        decode = output_format.decoder(self.mapper, self.options, operation, self.outputs)
        mapping = output_mapping.compile(self.outputs, strict=self.strict) if self.outputs else _all_of_it
        encode = msgspec.json.encode

        def read(body: bytes, content_type: str | None) -> bytes:
            try:
                document = decode(body, content_type)
            except TooLarge as error:
                raise malformed(operation.consumed.namespace, f"the answer cannot be read: {error}") from None
            except ValueError as error:
                if not body.strip():
                    return b""
                why = " ".join(str(error).split())[:_REASON]
                what = f"the answer is not the {operation.format} it should be" + (f": {why}" if why else "")
                raise malformed(operation.consumed.namespace, what) from None
            try:
                return encode(mapping(document))
            except (output_mapping.NothingFound, jsonpath.QueryError) as error:
                raise _unmapped(error, operation) from None
            except UnicodeEncodeError:
                what = "what is read from the answer holds half a character, which no JSON can"
                raise malformed(operation.consumed.namespace, what) from None

        return read

    def slim(self) -> Reading:
        """The same without addresses and credentials, which no process needs."""
        consumed = msgspec.structs.replace(self.operation.consumed, base=None, base_origin="", authentication=None)
        bare = msgspec.structs.replace(self.operation, consumed=consumed, path="", segments=(), query="")
        # Another process finds the plugin's own function by its name, and no wrapper around it.
        mapper = msgspec.structs.replace(self.mapper, compile=inspect.unwrap(self.mapper.compile))
        return msgspec.structs.replace(self, operation=bare, mapper=mapper)


class Reader:
    """Reads the answers of one operation: small ones at once, large ones in a process of `workers`."""

    __slots__ = ("_at_once", "_pickled", "_read", "_reading", "_watch", "_workers")

    def __init__(self, reading: Reading, workers: Workers) -> None:
        self._read = reading.compile()
        self._reading = reading
        self._workers = workers
        at_once = reading.mapper.at_once
        self._at_once = at_once if output_mapping.is_quick(reading.outputs) else min(at_once, SLOW_PATHS)
        self._pickled: bytes | None = None
        self._watch = Watch(reading.operation.address, reading.operation.format, reading.outputs)

    async def __call__(self, body: bytes, content_type: str | None, context: Context) -> bytes:
        """The JSON text of what is read; b"" for an answer of blanks alone. Raises `Refusal`."""
        data = await self._data(body, content_type, context)
        if self._watch.left and data:
            self._watch.look(data)
        return data

    async def _data(self, body: bytes, content_type: str | None, context: Context) -> bytes:
        try:
            if len(body) <= self._at_once:
                return self._read(body, content_type)
            try:
                return await self._elsewhere(body, content_type, context)
            except UnknownWork:
                return await asyncio.to_thread(self._read, body, content_type)
        except Refusal as refusal:
            refusal.detail = hidden(refusal.detail)  # a format's reason may quote the answer, and that a credential
            raise
        except WorkFault as error:
            what = f"the format {self._reading.mapper.key!r} failed to read an answer: {error}"
            raise failure(PluginError(what), context) from None
        except Exception as error:
            raise failure(error, context) from None

    async def _elsewhere(self, body: bytes, content_type: str | None, context: Context) -> bytes:
        reading = self._reading
        if self._pickled is None:
            self._pickled = pickled(reading.slim())
        modules = {inspect.unwrap(reading.mapper.compile).__module__, type(reading.options).__module__}
        return await in_worker(
            self._workers,
            make_job(modules, read_elsewhere, self._pickled, content_type),
            body,
            context.deadline,
            reading.operation.consumed.namespace,
        )


def read_elsewhere(body: bytes, reading: bytes, content_type: str | None) -> bytes:
    """What a process does with a large answer."""
    return _compiled(reading)(body, content_type)


@lru_cache(maxsize=16)
def _compiled(data: bytes) -> Read:
    reading: Reading = pickle.loads(data)  # noqa: S301  (the gateway made it)
    return reading.compile()


def _all_of_it(document: object) -> object:
    return document


def _unmapped(error: Exception, operation: Operation) -> Refusal:
    if isinstance(error, output_mapping.NothingFound):
        return nothing_found(str(error), operation.address)
    return malformed(operation.consumed.namespace, f"a mapping cannot be followed in the answer: {error}")
