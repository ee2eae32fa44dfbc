"""The text of an answer's bytes: by its byte order mark, else by its declared charset, else as UTF-8; and JSON."""

from __future__ import annotations

import codecs
import re
from functools import lru_cache

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


def json_bytes(body: bytes, content_type: str | None) -> bytes:
    """JSON in UTF-8, which it has to be (RFC 8259, 8.1), though some upstreams send it in the charset they declare.

    What is UTF-8 is taken for it, even where another charset is declared: text in another one hardly ever is. Raises
    `ValueError` for bytes that are of no such charset.
    """
    if body[:1] not in _FIRST_OF_MARKS and not _is_declared(content_type):
        return body
    if not any(body.startswith(mark) for mark, _ in _MARKS):
        charset = named(content_type)
        if not charset.startswith(("utf-16", "utf-32")):
            try:
                body.decode()
            except UnicodeDecodeError:
                return body.decode(charset or "utf-8").encode()
            return body
    return text(body, content_type).encode()


_FIRST_OF_MARKS = frozenset(mark[:1] for mark, _ in _MARKS)


@lru_cache(maxsize=256)
def _is_declared(content_type: str | None) -> bool:
    """Whether a charset other than UTF-8, of which ASCII is a part, is declared. Upstreams send few different types."""
    return named(content_type) not in ("", "utf-8", "ascii")


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
