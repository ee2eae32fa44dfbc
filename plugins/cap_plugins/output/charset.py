"""The text of an answer's bytes: by its byte order mark, else by its declared charset, else as UTF-8."""

from __future__ import annotations

import codecs
import re

# The longer mark first: the one of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMED = re.compile(r""";\s*charset\s*=\s*["']?([\w.:+-]{1,40})""", re.ASCII | re.IGNORECASE)
# Python has codecs that are no charsets; two of them (idna, punycode) take quadratic time, and others (unicode_escape)
# warn instead of failing.
_CHARSETS = re.compile(
    r"(utf-(8|16|32)|ascii|iso8859|cp\d|koi8|gb|big5|shift_jis|euc_|iso2022_|mac-|tis-620|hz|johab|ptcp|kz1048)"
)


def text(body: bytes, content_type: str | None, *, declared: str = "", errors: str = "strict") -> str:
    """The text of an answer. `declared` is the charset named in the body itself, used if nothing outside names one.

    Raises `ValueError` for bytes that are not of the charset.
    """
    for mark, charset in _MARKS:
        if body.startswith(mark):
            return body.decode(charset, errors)
    return body.decode(named(content_type) or known(declared) or "utf-8", errors)


def named(content_type: str | None) -> str:
    """The charset in a content type, if it is known; else ""."""
    found = _NAMED.search(content_type or "")
    return known(found[1]) if found else ""


def known(name: str) -> str:
    """Python's name of this charset; "" if it is unknown."""
    try:
        codec = codecs.lookup(name).name
    except (LookupError, ValueError):
        return ""
    return codec if _CHARSETS.match(codec) else ""
