"""Text: one string, by the answer's charset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        pytest.param("é".encode(), None, "é", id="utf-8"),
        pytest.param("é".encode("latin-1"), "text/plain; charset=ISO-8859-1", "é", id="a-charset"),
        pytest.param("é".encode("latin-1"), 'text/plain;format=flowed; Charset="latin1"', "é", id="quoted"),
        pytest.param("é".encode("latin-1"), "text/plain;charset='latin1'", "é", id="in-single-quotes"),
        pytest.param("\ufeffé".encode(), "text/plain; charset=latin1", "é", id="a-mark-goes-before-a-charset"),
        pytest.param("é".encode("utf-32"), None, "é", id="utf-32"),
        pytest.param("é".encode("shift_jisx0213"), "text/plain; charset=shift_jisx0213", "é", id="japanese"),
        pytest.param(b"\\x41", "text/plain; charset=unicode_escape", "\\x41", id="a-codec-that-is-no-charset"),
        pytest.param(b"a", "text/plain; charset=../../x", "a", id="no-name-at-all"),
        pytest.param(b"a", "text/plain; charset=", "a", id="an-empty-name"),
    ],
)
def test_charsets(serving: Any, body: bytes, content_type: str | None, expected: str) -> None:
    assert expected == serving.read("text", body, content_type)


def test_bytes_that_are_not_of_the_charset(refused: Callable[..., None]) -> None:
    refused("text", b"\xff", "text/plain")


def test_json_too_deep_to_be_read_is_not_json(refused: Callable[..., None]) -> None:
    refused("json", b"[" * 100_000 + b"]" * 100_000, "application/json")
