"""The output formats of `cap check`: text, JSON, GitHub annotations, and SARIF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from cap_core.cli.source_lines import SourceLines
from cap_core.diagnostics.codes import CODES
from cap_core.diagnostics.report import Diagnostic
from cap_core.version import VERSION

Report = Callable[[Sequence[Diagnostic], Mapping[str, Path]], str]
"""Makes the output from diagnostics and the documents: their files, by the names that messages have for them."""


def text(diagnostics: Sequence[Diagnostic], documents: Mapping[str, Path]) -> str:
    """A line for each, with the line of the document that it is about, and a summary; files are set apart."""
    found = Counter(diagnostic.severity for diagnostic in diagnostics)
    counts = ", ".join(_count(found[severity], severity) for severity in ("error", "warning", "info"))
    lines = SourceLines(documents)
    files = ("".join(_shown(one, lines) for one in those) for _, those in groupby(diagnostics, lambda it: it.at.file))
    shown = "\n".join(files)
    apart = "\n" if shown else ""
    return f"{shown}{apart}{_count(len(documents), 'document')}: {counts}\n"


def _shown(it: Diagnostic, lines: SourceLines) -> str:
    """A diagnostic; what is worse than information with the line that it is about."""
    return _line(it) + (click.style(lines.show(it.at), dim=True) if it.severity != "info" else "")


_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def _line(it: Diagnostic) -> str:
    """A diagnostic as `str` gives it, in color; click removes the color unless it prints to a terminal."""
    head = click.style(f"{it.severity}[{it.code}]", fg=_COLORS[it.severity], bold=it.severity == "error")
    hint = click.style(f"; {it.hint}", dim=True) if it.hint else ""
    return f"{click.style(str(it.at), bold=True)}: {head}: {it.message}{hint}\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 or noun == "info" else f"{number} {noun}s"


def json(diagnostics: Sequence[Diagnostic], documents: Mapping[str, Path]) -> str:
    """One array of objects."""
    return _pretty([_flat(diagnostic) for diagnostic in diagnostics])


def _flat(diagnostic: Diagnostic) -> dict[str, Any]:
    at = diagnostic.at
    out = {"file": at.file, "line": at.line, "column": at.column}
    out |= {name: getattr(diagnostic, name) for name in ("severity", "code", "message", "hint")}
    return out | ({"operation": diagnostic.operation} if diagnostic.operation else {})


def github(diagnostics: Sequence[Diagnostic], documents: Mapping[str, Path]) -> str:
    """Workflow commands, which become annotations of the changed lines."""
    return "".join(_annotation(diagnostic) for diagnostic in diagnostics)


_COMMANDS = {"error": "error", "warning": "warning", "info": "notice"}


def _annotation(diagnostic: Diagnostic) -> str:
    at = diagnostic.at
    place = f",line={at.line},col={at.column}" if at.line else ""
    properties = f"file={_property(at.file)}{place},title={_property(diagnostic.code)}"
    message = diagnostic.message + (f"; {diagnostic.hint}" if diagnostic.hint else "")
    return f"::{_COMMANDS[diagnostic.severity]} {properties}::{_escaped(message)}\n"


def _escaped(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _escaped(value).replace(":", "%3A").replace(",", "%2C")


_LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def sarif(diagnostics: Sequence[Diagnostic], documents: Mapping[str, Path]) -> str:
    """SARIF 2.1.0, for code scanning."""
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    driver = {"name": "cap", "version": VERSION, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(diagnostic, codes.index(diagnostic.code)) for diagnostic in diagnostics],
    }
    return _pretty({"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]})


def _rule(code: str) -> dict[str, Any]:
    row = CODES.get(code)
    return {"id": code} | ({"shortDescription": {"text": row.meaning}} if row else {})


def _result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    at = diagnostic.at
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(at.file)}}
    if at.line:
        place["region"] = {"startLine": at.line, "startColumn": at.column}
    return {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": _LEVELS[diagnostic.severity],
        "message": {"text": diagnostic.message + (f"; {diagnostic.hint}" if diagnostic.hint else "")},
        "locations": [{"physicalLocation": place}],
    }


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def _pretty(data: object) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"


FORMATS: Mapping[str, Report] = {"text": text, "json": json, "github": github, "sarif": sarif}
