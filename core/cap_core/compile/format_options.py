"""The options of an output format, read from the keys beside `outputRawFormat`."""

from __future__ import annotations

import typing
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import FieldInfo

from cap_core.document import files
from cap_core.errors import OptionError
from cap_core.plan.upstream import Operation
from cap_core.plugins.output import OutputMapper


def unknown_options(mapper: OutputMapper[Any], operation: Operation) -> list[str]:
    """The keys beside the format that are no options of it."""
    known = {field.encode_name for field in _fields(mapper.options)}  # type: ignore[arg-type]  # every class is hashable
    return [name for name in operation.output if name not in known]


@cache
def _fields(model: type[msgspec.Struct]) -> tuple[FieldInfo, ...]:
    # Cached, because each call of msgspec's function evaluates every annotation again, a tenth of all compile time.
    return msgspec.structs.fields(model)


def options(
    mapper: OutputMapper[Any], operation: Operation, directories: Iterable[Path], allowed: Iterable[Path]
) -> Any:
    """The options struct of a format. Files are looked up below `directories` or `allowed`. Raises `OptionError`."""
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
