"""What a consumed operation says beside its `outputRawFormat`, checked and brought to the options of that format."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import FieldInfo

from cap_core import files
from cap_core.errors import OptionError
from cap_core.offers import OutputAt, OutputMapper
from cap_core.plan import Call, Operation
from cap_core.types import Reply, Run

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from cap_core.context import Context
    from cap_core.types import Answer

_SIZE: Final = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(B|KiB|MiB|GiB)?", re.ASCII)
_UNITS: Final = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_MEDIA_TYPE: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+(\s*;[\x20-\x7e]*)?", re.ASCII)


def decoder(mapper: OutputMapper[Any], call: Call) -> Callable[[bytes, str | None], object]:
    """The function that reads a call's answers. Raises `OptionError`."""
    return mapper.compile(call.output_options, OutputAt(operation=call.operation, outputs=call.outputs))


def unknown_options(mapper: OutputMapper[Any], operation: Operation) -> list[str]:
    """What stands beside the format and means nothing to it."""
    known = {field.encode_name for field in _fields(mapper.options)}  # type: ignore[arg-type]  # every class is hashable
    return [name for name in operation.output if name not in known]


@cache
def _fields(model: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    # Each look evaluates every annotation anew: a tenth of the time of compiling a document.
    return msgspec.structs.fields(model)


def options(
    mapper: OutputMapper[Any], operation: Operation, directories: Iterable[Path], allowed: Iterable[Path]
) -> Any:
    """The options that a format knows, files found below `directories` or `allowed`. Raises `OptionError`."""
    given: dict[str, object] = {}
    for field in _fields(mapper.options):  # type: ignore[arg-type]  # every class is hashable
        name, text = field.encode_name, operation.output.get(field.encode_name)
        if text is None and field.required:
            raise OptionError(name, f"the format {mapper.key!r} needs {name!r}")
        if text is not None:
            is_file = field.type is Path or Path in typing.get_args(field.type)
            given[field.encode_name] = files.find(name, text, directories, allowed) if is_file else text
    try:
        return msgspec.convert(given, mapper.options, strict=False)
    except msgspec.ValidationError as error:
        name = next((name for name in given if f"$.{name}" in str(error)), "")
        raise OptionError(name, f"{name!r} does not fit the format {mapper.key!r}: {error}") from None


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
