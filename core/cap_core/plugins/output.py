"""Output mappers: decoders of answers, one for each `outputRawFormat`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic

import msgspec

if TYPE_CHECKING:
    from cap_core.plan.exposed import DeclaredOutput
    from cap_core.plan.upstream import Operation
from cap_core.plugins.auth import O


class OutputContext(msgspec.Struct, frozen=True, kw_only=True):
    """Which operation's answers are decoded, and the outputs that are read from them."""

    operation: Operation
    outputs: tuple[DeclaredOutput, ...] = ()


class TooLarge(ValueError):
    """Raised by a decoder for an answer that is of its format, but takes more than its bounds allow.

    The message says which bound, and callers are told it; it quotes nothing of the answer.
    """


class OutputMapper(msgspec.Struct, Generic[O], frozen=True, kw_only=True):
    """One `outputRawFormat`.

    `options` is a msgspec struct of the keys that may be beside the format: `outputSchema`, `outputMediaType`,
    `maxBinarySize`. A field of type `Path` is a file, which the core has found where documents may read files.

    `compile` gives a function from an answer's bytes and its content type to JSON-like data. It raises `OptionError`,
    with the option "" if no change of the document could help, as for a library that is not installed. The function is
    pure, and raises `ValueError` for bytes that are not of its format, and `TooLarge` for too many of them; the core
    limits their size.

    Answers of an `untouched` format are handed on as they are; outputs beside it are reported. They are decoded for
    later steps of a flow.

    An answer of more than `at_once` bytes is decoded in another process, where memory and time are bounded; with fewer,
    to decode the worst of them must take no more than a few milliseconds.
    """

    key: str
    options: type[O]
    compile: Callable[[O, OutputContext], Callable[[bytes, str | None], object]]
    at_once: int = 32 * 1024
    untouched: bool = False
