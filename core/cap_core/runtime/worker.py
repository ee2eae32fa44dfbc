"""A process that works on large answers: `python -m cap_core.runtime.worker`, started by `workers`.

It gets jobs on a socket, its standard input, and answers each there. It has none of the gateway's variables, its work
yields to everybody else's, and its memory is bounded: what needs more ends in a `MemoryError` instead of in a machine
that swaps. What it sends back is bytes, or JSON: the gateway never unpickles anything that comes from it.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import os
import pickle
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import msgspec

from cap_core.errors import Refusal

REQUEST: Final = struct.Struct(">IQd")
"""The lengths of a job and of the body it works on, and the seconds of processor time it may take."""
REPLY: Final = struct.Struct(">cQ")
"""What kind of reply it is, and its length."""

BYTES, REFUSED, TOO_LARGE, UNKNOWN, FAILED = b"B", b"R", b"M", b"U", b"F"
"""The kinds of replies: bytes, a `Refusal`, not enough memory, code that cannot be imported here, any other error."""

MEMORY: Final = 112 * 1024 * 1024
"""Bytes that the work may take beyond what the process has from its start."""

Work = Callable[..., bytes]
"""A function of a module, of a body and further arguments. It may raise `Refusal`."""


class UnknownWork(Exception):
    """Raised for work whose code the processes do not have."""


class Refused(msgspec.Struct, frozen=True):
    """A `Refusal` on its way to the gateway."""

    status: int
    code: str
    detail: str
    hint: str


def pickled(what: object) -> bytes:
    """Something as bytes for a job. Raises `UnknownWork` for what no other process can have, such as a closure."""
    try:
        return pickle.dumps(what)
    except (pickle.PicklingError, TypeError, AttributeError):
        raise UnknownWork from None


def make_job(modules: Iterable[str], work: Work, *args: object) -> bytes:
    """A function and its arguments after the body, to be sent. Raises `UnknownWork`.

    `modules` are those it is made of, which may be files that no import finds.
    """
    files = {name: getattr(sys.modules.get(name), "__file__", None) or "" for name in modules}
    return pickled((files, pickled((work, args))))


def main() -> None:
    """Work until the gateway closes the socket."""
    with socket.socket(fileno=sys.stdin.fileno()) as connection, connection.makefile("rwb") as stream:
        os.nice(5)
        _bound_memory()
        while len(head := stream.read(REQUEST.size)) == REQUEST.size:
            _answer(head, stream)


def _bound_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[5]) if Path("/proc/self/statm").exists() else 0
    most = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _answer(head: bytes, stream: io.BufferedRWPair) -> None:
    job_length, length, seconds = REQUEST.unpack(head)
    job = stream.read(job_length)
    body = stream.read(length)
    # The signal ends the process, also within a library, and also where the gateway is gone.
    signal.setitimer(signal.ITIMER_PROF, seconds)
    kind, reply = _outcome(job, body)
    signal.setitimer(signal.ITIMER_PROF, 0)
    stream.write(REPLY.pack(kind, len(reply)))
    stream.write(reply)
    stream.flush()


def _outcome(job: bytes, body: bytes) -> tuple[bytes, bytes]:
    try:
        work, args = _loaded(job)
    except (ImportError, AttributeError, OSError, SyntaxError):
        return UNKNOWN, b""
    try:
        return BYTES, work(body, *args)
    except MemoryError:
        return TOO_LARGE, b""
    except Refusal as error:
        return REFUSED, msgspec.json.encode(Refused(error.status, error.code, error.detail, error.hint))
    except Exception as error:  # it becomes one line in the gateway's log
        return FAILED, type(error).__qualname__.encode()


def _loaded(job: bytes) -> tuple[Work, tuple[Any, ...]]:
    # The socket leads to the gateway that started this process and to nobody else.
    files, inner = pickle.loads(job)  # noqa: S301
    for name, file in files.items():
        _import(name, file)
    work, args = pickle.loads(inner)  # noqa: S301
    return work, args


def _import(name: str, file: str) -> None:
    """Import a module; one that no import finds, such as a plugin's single file, from its file."""
    if name in sys.modules:
        return
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        spec = importlib.util.spec_from_file_location(name, file) if file else None
        if error.name != name.partition(".")[0] or spec is None or spec.loader is None:
            raise
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)


if __name__ == "__main__":
    main()
