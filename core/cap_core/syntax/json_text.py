"""Reads JSON text that callers send: with numbers of any size, and with faults in plain words."""

from __future__ import annotations

import json
import math
import re

import msgspec

_decode = msgspec.json.Decoder().decode
_validate = msgspec.json.Decoder(msgspec.Raw).decode

# Half of a pair without the other half: a high one that no low one follows, or a low one that follows no high one.
_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_TOKEN = re.compile(_HIGH + _LOW + rb"|(" + _HIGH + rb"|" + _LOW + rb")|\\.", re.DOTALL)

_FRACTION = re.compile(rb"[0-9][.eE]")


def decode(text: bytes | msgspec.Raw) -> object:
    """The value of a JSON text. A number that Python cannot hold stays JSON text (`msgspec.Raw`), however deep it is.

    Raises `msgspec.DecodeError` for what is not JSON, and `RecursionError`.
    """
    try:
        return _decode(text)
    except msgspec.ValidationError:
        _validate(text)  # the other reader takes some texts that are not JSON
        return json.loads(bytes(text), parse_int=_integer, parse_float=_float)


def decode_any(text: bytes) -> object:
    """The same, for what an upstream answers: half of a character stays half of one. Raises the same."""
    try:
        return decode(text)
    except msgspec.DecodeError:
        whole = _TOKEN.sub(lambda found: rb"\uFFFD" if found[1] else found[0], text)
        if whole == text:
            raise
        _validate(whole)
        return json.loads(text, parse_int=_integer, parse_float=_float)


def exact(text: bytes | msgspec.Raw, value: object) -> object:
    """The `value` of a JSON text with every digit: numbers with a fraction or an exponent stay JSON text."""
    raw = bytes(text)
    if _FRACTION.search(raw) is None:
        return value
    return json.loads(raw, parse_int=_integer, parse_float=lambda number: msgspec.Raw(number.encode()))


def fault(text: bytes, error: Exception) -> str:
    """Why a text is not JSON, for the person who sent it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if any(found[1] for found in _TOKEN.finditer(text)):
        return "a \\u escape in it is half of a character: the other half of the surrogate pair is missing"
    return str(error)


def _integer(text: str) -> object:
    try:
        return int(text)
    except ValueError:  # more digits than Python converts
        return msgspec.Raw(text.encode())


def _float(text: str) -> object:
    value = float(text)
    return value if math.isfinite(value) else msgspec.Raw(text.encode())
