"""How the answers of an operation are read: its format's decoder, sizes and media types."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable
from typing import Any, Final

import msgspec

from cap_core.errors import OptionError
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.upstream import Operation
from cap_core.plugins.context import Run
from cap_core.plugins.messages import Reply
from cap_core.plugins.output import OutputContext, OutputMapper

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from cap_core.plugins.context import Context
    from cap_core.plugins.messages import Answer


_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(B|KiB|MiB|GiB)?", re.ASCII)


_UNITS: Final = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


_MEDIA_TYPE: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+(\s*;[\x20-\x7e]*)?", re.ASCII)


def decoder(
    mapper: OutputMapper[Any], options: object, operation: Operation, outputs: tuple[DeclaredOutput, ...]
) -> Callable[[bytes, str | None], object]:
    """The function that reads an operation's answers, from which `outputs` are taken. Raises `OptionError`."""
    return mapper.compile(options, OutputContext(operation=operation, outputs=outputs))


def size(operation: Operation) -> int | None:
    """`maxBinarySize` in bytes, where the operation says it. Raises `OptionError`."""
    text = operation.output.get("maxBinarySize")
    if text is None:
        return None
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise OptionError("maxBinarySize", f"{text!r} is not a size", "write it like 512KiB or 10MiB")
    return int(float(found[1]) * _UNITS[found[2]])


def media_type(operation: Operation) -> str | None:
    """`outputMediaType`, where the operation says it. Raises `OptionError`."""
    text = operation.output.get("outputMediaType")
    if text is not None and not _MEDIA_TYPE.fullmatch(text):
        raise OptionError("outputMediaType", f"{text!r} is not a media type", "write it like image/png")
    return text


def named(run: Run, media_type: str) -> Run:
    """A run whose untouched successes are of this media type, whatever the upstream calls them."""
    own = (b"content-type", media_type.encode())

    async def renamed(values: Mapping[str, object], context: Context) -> Answer:
        answer = await run(values, context)
        if not isinstance(answer, Reply) or answer.status >= 300:
            return answer
        rest = tuple(header for header in answer.headers if header[0] != b"content-type")
        return msgspec.structs.replace(answer, headers=(own, *rest))

    return renamed
