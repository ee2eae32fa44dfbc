"""Checks of HTTP syntax that several modules need: tokens, field values, media types; and sizes."""

from __future__ import annotations

import re

_TCHAR = r"!#$%&'*+\-.^_`|~0-9A-Za-z"
_TOKEN = re.compile(rf"[{_TCHAR}]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_TARGET = re.compile(rb"/[\x21-\x7e]*")
_MEDIA_TYPE = re.compile(rf"[{_TCHAR}]+/[{_TCHAR}]+(\s*;[\x20-\x7e]*)?", re.ASCII)
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*(B|KiB|MiB|GiB)?", re.ASCII)
_UNITS = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


def is_token(text: str) -> bool:
    """Whether a text can be a method or the name of a header (RFC 9110, 5.6.2)."""
    return _TOKEN.fullmatch(text) is not None


def has_control(value: bytes) -> bool:
    """Whether a field value holds a control character other than a tab, such as a line break (RFC 9110, 5.5)."""
    return _CONTROL.search(value) is not None


def is_sendable(method: str, target: bytes, headers: tuple[tuple[bytes, bytes], ...]) -> bool:
    """Whether HTTP allows a request line and header fields: nothing in them ends them early (RFC 9112, 2.2)."""
    return (
        is_token(method)
        and _TARGET.fullmatch(target) is not None
        and all(is_token(name.decode("latin-1")) and not has_control(value) for name, value in headers)
    )


def is_media_type(text: str) -> bool:
    """Whether a text is a media type, with or without parameters (RFC 9110, 8.3.1)."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def is_json_type(media_type: str) -> bool:
    """Whether a media type without parameters, in lower case, is JSON."""
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")


def parse_size(text: str) -> int:
    """Bytes of a size such as `512KiB`, `1.5MiB` or `4096`. Raises `ValueError`, with a text for people, otherwise."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a size")
    return int(float(found[1]) * _UNITS[found[2]])
