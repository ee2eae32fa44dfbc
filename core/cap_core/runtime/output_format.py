"""The decoder of an operation's answers, and its options for size and media type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.upstream import Operation
from cap_core.plugins.context import Context, Run
from cap_core.plugins.messages import Answer, Reply
from cap_core.plugins.output import OutputContext, OutputMapper
from cap_core.syntax.http import is_media_type, parse_size


def decoder(
    mapper: OutputMapper[Any], options: object, operation: Operation, outputs: tuple[DeclaredOutput, ...]
) -> Callable[[bytes, str | None], object]:
    """The function that reads an operation's answers, from which `outputs` are taken. Raises `OptionError`."""
    return mapper.compile(options, OutputContext(operation=operation, outputs=outputs))


def size(operation: Operation) -> int | None:
    """`maxBinarySize` in bytes; None if the operation has none. Raises `OptionError`."""
    text = operation.output.get("maxBinarySize")
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise OptionError("maxBinarySize", str(error), "write it like 512KiB or 10MiB") from None


def media_type(operation: Operation) -> str | None:
    """`outputMediaType`; None if the operation has none. Raises `OptionError`."""
    text = operation.output.get("outputMediaType")
    if text is not None and not is_media_type(text):
        raise OptionError("outputMediaType", f"{text!r} is not a media type", "write it like image/png")
    return text


def named(run: Run, media_type: str) -> Run:
    """A run that replaces the content type of untouched successes by this media type."""
    own = (b"content-type", media_type.encode())

    async def renamed(values: Mapping[str, object], context: Context) -> Answer:
        answer = await run(values, context)
        if not isinstance(answer, Reply) or answer.status >= 300:
            return answer
        rest = tuple(header for header in answer.headers if header[0] != b"content-type")
        return msgspec.structs.replace(answer, headers=(own, *rest))

    return renamed
