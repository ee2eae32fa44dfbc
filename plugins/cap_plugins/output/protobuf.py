"""`outputRawFormat: protobuf`: one message, the first of the `.proto` file in `outputSchema`.

The file lies below the document's directory (or below `--allow-files`). It may import the well-known types and files
beside itself. The message becomes what protobuf itself calls its JSON form, under the names of the file: enums are
names, 64-bit integers strings, `bytes` base64, timestamps RFC 3339. A scalar or a list that was not sent has its
default; a message, or an `optional` field, is absent.

It takes `pip install 'cap-core[protobuf]'`, which has protobuf's own compiler.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper, TooLarge

MAX_VALUES = 2_000_000
"""Values of one message: an empty message of two bytes becomes all its defaults."""
_COMPILER_TIMEOUT = 30


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file with the schema."""

    outputSchema: Path


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by protobuf's compiler and parser, which are imported here because few documents need them."""
    try:
        import grpc_tools  # noqa: F401  (it runs as a program later; a missing one is reported here)
        from google.protobuf import json_format
        from google.protobuf.message import DecodeError
    except ImportError:
        what = "the format 'protobuf' needs protobuf and its compiler"
        raise OptionError("", what, "pip install 'cap-core[protobuf]'") from None
    kind = _message(options.outputSchema)

    def read(body: bytes, content_type: str | None) -> object:
        try:
            message = kind.FromString(body)
            _bound(message)
            return json_format.MessageToDict(
                message,
                preserving_proto_field_name=True,
                always_print_fields_with_no_presence=True,
                descriptor_pool=kind.DESCRIPTOR.file.pool,
            )
        except (DecodeError, json_format.Error, TypeError, ArithmeticError) as error:
            raise ValueError(f"not a message of the schema: {error}") from None

    return read


def _bound(message: Any) -> None:
    """Raise `ValueError` for a message that has too many values when all are written out."""
    count = 0
    waiting = [message]
    while waiting:
        message = waiting.pop()
        count += len(message.DESCRIPTOR.fields)
        for field, value in message.ListFields():
            if field.message_type is not None and hasattr(value, "ListFields"):
                waiting.append(value)
            elif field.message_type is not None:
                count += len(value)
                inner = value.values() if hasattr(value, "values") else value
                waiting += [item for item in inner if hasattr(item, "ListFields")] if count <= MAX_VALUES else ()
        if count > MAX_VALUES:
            raise TooLarge(f"more than {MAX_VALUES} values")


def _message(path: Path) -> Any:
    """The class of the first message of a file. Raises `OptionError`."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    files = descriptor_pb2.FileDescriptorSet.FromString(_compiled(path)).file
    for file in files:
        beside = path.parent / file.name
        if beside.exists() and not beside.resolve().is_relative_to(path.parent):
            raise OptionError("outputSchema", f"{file.name!r}, which {path.name} imports, lies outside its directory")
    if not files[-1].message_type:
        raise OptionError("outputSchema", f"{path.name} has no message")
    pool = descriptor_pool.DescriptorPool()
    for file in files:
        pool.AddSerializedFile(file.SerializeToString())
    package = f"{files[-1].package}." if files[-1].package else ""
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(package + files[-1].message_type[0].name))


def _compiled(path: Path) -> bytes:
    """A file and those it imports, compiled by protobuf's compiler. Raises `OptionError` with its complaint."""
    with TemporaryDirectory() as directory:
        out = Path(directory) / "set"
        # -P: no module is loaded from beside the file.
        program = [sys.executable, "-P", "-m", "grpc_tools.protoc"]
        command = [*program, "-I.", "--include_imports", f"--descriptor_set_out={out}", f"./{path.name}"]
        try:
            done = subprocess.run(  # noqa: S603  (our own interpreter; the file's name cannot be taken for a flag)
                command, cwd=path.parent, capture_output=True, text=True, timeout=_COMPILER_TIMEOUT, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise OptionError("outputSchema", f"protobuf's compiler does not answer: {type(error).__name__}") from None
        if done.returncode or not out.exists():
            complaint = done.stderr.strip().rpartition("\n")[2].removeprefix("./")
            raise OptionError("outputSchema", f"{path.name} is not a protobuf schema: {complaint}")
        return out.read_bytes()


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer protobuf."""
    return [OutputMapper(key="protobuf", options=Options, compile=compile, at_once=4 * 1024)]
