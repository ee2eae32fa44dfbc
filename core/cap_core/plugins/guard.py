"""The guard around calls into plugins: what a plugin raises or wrongly returns is one error that names the plugin."""

from __future__ import annotations

import asyncio
import inspect
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from cap_core.errors import PluginError


class Source(msgspec.Struct, frozen=True):
    """Whose code is called, for messages: a plugin's name, its distribution, and the file or directory of its code."""

    plugin: str
    distribution: str = ""
    code: str = ""

    def __str__(self) -> str:
        return f"{self.plugin} of {self.distribution or 'no distribution'}"

    def fault(self, what: str, at: str = "", *, hint: str = "") -> PluginError:
        """The error for something that this plugin does wrong, at a place in its code if one is known."""
        place = f" ({at})" if at else ""
        hint = hint or f"correct it, or leave it out with --block {self.plugin}"
        return PluginError(f"{self}: {what}{place}", hint=hint, code="plugin-fault")

    def failed(self, what: str, error: BaseException, function: object = None, *, hint: str = "") -> PluginError:
        """The error for what a function of this plugin raised, unless it is such an error already."""
        if isinstance(error, PluginError):
            return error
        return self.fault(f"{what} failed: {message(error)}", self.place(error) or defined(function), hint=hint)

    def owns(self, file: str) -> bool:
        """Whether a file is this plugin's code."""
        return bool(self.code) and file.startswith(self.code)

    def place(self, error: BaseException) -> str:
        """File and line of the innermost frame of this plugin's code in a traceback; "" where none is."""
        own = [frame for frame in traceback.extract_tb(error.__traceback__) if self.owns(frame.filename)]
        return f"{_shown(own[-1].filename)}:{own[-1].lineno}" if own else ""


_CORE = str(Path(__file__).parents[1])
_EXCEPTIONS = f"{_CORE}{os.sep}errors.py"
_loaded: dict[str, Source] = {}


def remember(source: Source) -> None:
    """Know a plugin's code from now on, so that `culprit` finds it."""
    _loaded[source.code] = source


def culprit(error: BaseException) -> Source | None:
    """The plugin whose code raised an exception, or called the library that did; None if the core's did.

    The core's exceptions count as a library: their constructors refuse what a plugin gives them.
    """
    for frame, _ in reversed(list(traceback.walk_tb(error.__traceback__))):
        file = frame.f_code.co_filename
        for source in _loaded.values():
            if source.owns(file):
                return source
        if file.startswith(_CORE) and file != _EXCEPTIONS:
            return None
    return None


def suspended(task: asyncio.Task[Any]) -> str:
    """Where a task waits, in words: in which plugin's code, else in which file."""
    found: Any = task.get_coro()
    words = f"the task {task.get_name()}"
    while found is not None:
        frame = getattr(found, "cr_frame", None)
        found = getattr(found, "cr_await", None)
        if frame is not None:
            file = frame.f_code.co_filename
            at = f"({_shown(file)}:{frame.f_lineno})"
            source = next((source for source in _loaded.values() if source.owns(file)), None)
            if source is not None:
                words = f"{source}: what it runs {at}"
    return words


def guarded(
    source: Source,
    what: str,
    function: Callable[..., Any],
    check: Callable[[Any], Any],
    *,
    documented: tuple[type[Exception], ...] = (),
) -> Callable[..., Any]:
    """A plugin's function whose faults are `PluginError`s.

    `check` takes the result and returns it, guarded where it holds functions itself; it raises `Unfit` for one that
    cannot be used. `documented` are the exceptions that the function may raise.
    """

    def call(*arguments: Any) -> Any:
        try:
            return check(function(*arguments))  # the check too may run the plugin's code, as of a generator
        except documented:
            raise
        except Unfit as unfit:
            raise source.fault(f"{what} gave {unfit}", defined(function)) from None
        except (Exception, SystemExit) as error:
            raise source.failed(what, error, function) from error

    call.__wrapped__ = function  # type: ignore[attr-defined]  # for who has to find it by its name, as in functools
    return call


class Unfit(Exception):
    """What a plugin gave cannot be used: what it is, and what it has to be."""

    def __init__(self, given: object, wanted: str, around: str = "") -> None:
        super().__init__(f"{around}{kind(given)}, not {wanted}")


def kind(value: object) -> str:
    """What a value is, for messages; never the value itself, which may be a secret."""
    if inspect.iscoroutine(value):
        value.close()
        return "a coroutine, as an 'async def' does"
    if value is None or isinstance(value, bool):
        return str(value)
    return f"a value of type {type(value).__name__}"


def message(error: BaseException) -> str:
    """An exception's message, on one line."""
    text = " ".join(str(error).split())
    if isinstance(error, SystemExit):
        return f"it ends the process with {text or 0}"
    if isinstance(error, KeyError):
        return f"there is no {text}" if text else "it gives no reason"
    if isinstance(error, KeyboardInterrupt):
        return "it interrupts the process"
    if isinstance(error, asyncio.CancelledError):
        return "it cancelled itself"
    return text or "it gives no reason"


def defined(function: object) -> str:
    """File and line of a function's definition; "" if it is not known."""
    code = getattr(inspect.unwrap(function) if callable(function) else function, "__code__", None)
    if code is None:
        code = getattr(getattr(function, "__call__", None), "__code__", None)  # noqa: B004  (an object with a method)
    return f"{_shown(code.co_filename)}:{code.co_firstlineno}" if code is not None else ""


def _shown(file: str) -> str:
    path, here = Path(file), Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else file
