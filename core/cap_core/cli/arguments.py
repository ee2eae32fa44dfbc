"""Reads the arguments of a call: `k=text`, `k:=JSON`, `k=@FILE`, and `k:=@FILE`."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from cap_core.errors import ConfigError
from cap_core.plan.inputs import Input, Inputs
from cap_core.runtime.inputs import reader
from cap_core.syntax import json_text

_NUMBERS = {
    "integer": re.compile(r"-?(0|[1-9]\d*)", re.ASCII),
    "number": re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII),
}


def read_arguments(arguments: Sequence[str], inputs: Inputs, *, strict: bool = True) -> Mapping[str, object]:
    """The checked values. Raises `ConfigError` for a malformed argument, and `Refusal` that names every wrong value.

    Unless `strict`, wrong values are left out instead.
    """
    known = {name: item for item in inputs.items for name in (item.name, item.property_name)}
    given: dict[str, list[bytes]] = {}
    for argument in arguments:
        name, text, literal = _split(argument)
        given.setdefault(name, []).append(_literal(name, text) if literal else _typed(text, known.get(name)))
    members = (msgspec.json.encode(name) + b":" + _one(values, known.get(name)) for name, values in given.items())
    return reader(inputs, strict=strict)(b"{" + b",".join(members) + b"}")


def _split(argument: str) -> tuple[str, str, bool]:
    """The name, the text, and whether it is JSON."""
    name, equals, text = argument.partition("=")
    literal = name.endswith(":")
    name = name.removesuffix(":")
    if not equals or not name:
        raise ConfigError(f"{argument!r} is no input", hint="write NAME=TEXT or NAME:=JSON")
    return name, _file(text[1:]) if text.startswith("@") else text, literal


def _file(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        return raw.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}", hint="name a readable file after the @") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{name} is not UTF-8 text") from None


def _literal(name: str, text: str) -> bytes:
    try:
        json_text.decode(text.encode())
    except (msgspec.DecodeError, RecursionError) as error:
        why = json_text.fault(text.encode(), error)
        raise ConfigError(f"{name}:= is not followed by JSON: {why}", hint="quote it for the shell") from None
    return text.encode()


def _typed(text: str, item: Input | None) -> bytes:
    """A text as JSON of the input's type; text of another form stays text, which the check then reports."""
    kind = item.type if item else None
    if (pattern := _NUMBERS.get(kind or "")) is not None:
        return text.encode() if pattern.fullmatch(text) else msgspec.json.encode(text)
    if kind == "boolean" and text in ("true", "false"):
        return text.encode()
    if kind in ("array", "object") or (item is not None and item.opaque):
        try:
            json_text.decode(text.encode())
        except (msgspec.DecodeError, RecursionError):
            return msgspec.json.encode(text)
        return text.encode()
    return msgspec.json.encode(text)


def _one(values: list[bytes], item: Input | None) -> bytes:
    """The value of a name; the items of a list may be given one by one."""
    if item is not None and item.type == "array" and (len(values) > 1 or not values[0].lstrip().startswith(b"[")):
        return b"[" + b",".join(values) + b"]"
    if len(values) > 1:
        what = f"{item.name if item else 'an input'} is given twice"
        raise ConfigError(what, hint="give it once")
    return values[0]
