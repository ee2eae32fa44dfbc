"""The output formats of `cap check`: text, JSON, GitHub annotations, and SARIF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec

from cap_core.diagnostics.codes import CODES
from cap_core.diagnostics.report import Diagnostic
from cap_core.version import VERSION

Report = Callable[[Sequence[Diagnostic], int], str]
"""Makes the output from diagnostics and the number of documents."""


def text(diagnostics: Sequence[Diagnostic], count: int) -> str:
    """A line for each, and a summary."""
    found = Counter(diagnostic.severity for diagnostic in diagnostics)
    counts = ", ".join(_count(found[severity], severity) for severity in ("error", "warning", "info"))
    return "".join(_line(diagnostic) for diagnostic in diagnostics) + f"{_count(count, 'document')}: {counts}\n"


_COLORS = {"error": "red", "warning": "yellow", "info": "cyan"}


def _line(it: Diagnostic) -> str:
    """A diagnostic as `str` gives it, in color; click removes the color unless it prints to a terminal."""
    head = click.style(f"{it.severity}[{it.code}]", fg=_COLORS[it.severity], bold=it.severity == "error")
    hint = click.style(f"; {it.hint}", dim=True) if it.hint else ""
    return f"{click.style(str(it.at), bold=True)}: {head}: {it.message}{hint}\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 or noun == "info" else f"{number} {noun}s"


def json(diagnostics: Sequence[Diagnostic], count: int) -> str:
    """One array of objects."""
    return _pretty([_flat(diagnostic) for diagnostic in diagnostics])


def _flat(diagnostic: Diagnostic) -> dict[str, Any]:
    at = diagnostic.at
    out = {"file": at.file, "line": at.line, "column": at.column}
    out |= {name: getattr(diagnostic, name) for name in ("severity", "code", "message", "hint")}
    return out | ({"operation": diagnostic.operation} if diagnostic.operation else {})


def github(diagnostics: Sequence[Diagnostic], count: int) -> str:
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


def sarif(diagnostics: Sequence[Diagnostic], count: int) -> str:
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
