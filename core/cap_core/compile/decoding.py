"""How the answers of an operation are decoded: its format and that format's options, which are checked once here."""

from __future__ import annotations

from typing import Any

from cap_core.compile import format_options
from cap_core.compile.rejection import Rejected
from cap_core.compile.state import Compilation
from cap_core.errors import OptionError
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.flow import Decoding
from cap_core.plan.upstream import Operation
from cap_core.plugins.output import OutputMapper
from cap_core.runtime import output_format
from cap_core.syntax.names import near


def compile_decoding(
    operation: Operation, outputs: tuple[DeclaredOutput, ...], compilation: Compilation, *, reads: bool
) -> Decoding | None:
    """The decoding of answers from which `outputs` are read; None unless the gateway `reads` the answers.

    Raises `Rejected` for a format that no plugin decodes, and for options that the format refuses.
    """
    try:
        output_format.size(operation)
        output_format.media_type(operation)
        if not reads:
            return None
        mapper = _mapper(operation, compilation)
        directory = compilation.source.path.resolve().parent
        options = format_options.options(mapper, operation, (directory,), compilation.options.allow_files)
        output_format.decoder(mapper, options, operation, outputs)
        return Decoding(operation.format, options)
    except OptionError as error:
        # An error without an option means that the decoder itself is missing, such as a library.
        code = "bad-format-option" if error.option else "unknown-format"
        at = operation.marks.get(error.option or "outputRawFormat", operation.at)
        raise Rejected(code, at, error.what, error.hint or None) from None


def _mapper(operation: Operation, compilation: Compilation) -> OutputMapper[Any]:
    offered = compilation.registry.output_mappers
    mapper = offered.get(operation.format)
    if mapper is None:
        what = f"no plugin decodes outputRawFormat {operation.format!r}; offered are {', '.join(sorted(offered))}"
        at = operation.marks.get("outputRawFormat", operation.at)
        raise Rejected("unknown-format", at, what, near(operation.format, offered) or None)
    for name in format_options.unknown_options(mapper, operation):
        what = f"{name!r} means nothing to the format {operation.format!r}"
        compilation.report("bad-format-option", operation.marks.get(name, operation.at), what, "remove it")
    return mapper
