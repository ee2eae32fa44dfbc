"""Tables: aligned, searchable in a pipe, and never cut inside a word on a terminal."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cap_core.cli.tables import laid_out

Terminal = Callable[..., str]
Cap = Callable[..., subprocess.CompletedProcess[str]]

TABLE = [("NAME", "TITLE", "AT"), ("one", "a title of a few words", "somewhere/else.yaml:1:1"), ("two", "", "x")]


def test_what_fits_is_one_line_each() -> None:
    assert (
        [
            "NAME  TITLE                   AT",
            "one   a title of a few words  somewhere/else.yaml:1:1",
            "two                           x",
        ]
        == list(laid_out(TABLE, 80))
        == list(laid_out(TABLE, None))
    )


def test_a_column_is_wrapped_between_words() -> None:
    assert [
        "NAME  TITLE           AT",
        "one   a title of a    somewhere/else.yaml:1:1",
        "      few words",
        "two                   x",
    ] == list(laid_out(TABLE, 45))


def test_what_cannot_be_wrapped_becomes_paragraphs() -> None:
    assert [
        "one",
        "  title  a title of a few words",
        "  at     somewhere/else.yaml:1:1",
        "two",
        "  at     x",
    ] == list(laid_out(TABLE, 36))


WORDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=12)
CELLS = st.lists(WORDS, max_size=6).map(" ".join)


@given(st.lists(st.tuples(WORDS, CELLS, CELLS), min_size=1, max_size=5), st.integers(30, 120))
def test_no_word_is_cut_and_none_is_lost(lines: list[tuple[str, str, str]], width: int) -> None:
    out = list(laid_out([("a", "b", "c"), *lines], width))

    assert all(len(line) <= width for line in out)
    said = sorted(word for line in out for word in line.split())
    for line in lines:
        for word in " ".join(line).split():
            assert word in said
            said.remove(word)


@pytest.mark.parametrize(
    "words", [("list",), ("config",), ("plugins",), ("plugins", "--for", "portkey-batch"), ("explain", "portkey-batch")]
)
def test_commands_fit_80_columns_and_lose_nothing_in_a_pipe(terminal: Terminal, cap: Cap, words: tuple[str]) -> None:
    shown = re.sub("\x1b\\[[0-9;]*m", "", terminal(*words, columns=80))
    piped = cap(*words, COLUMNS="40").stdout

    assert [] == [line for line in shown.splitlines() if len(line) > 80]
    titles, *lines = piped.splitlines()
    assert titles.split()[0].isupper()
    for word in {word for line in lines for word in line.split()}:
        assert word in shown.split()


def test_explain_fits_80_columns(terminal: Terminal) -> None:
    shown = re.sub(
        "\x1b\\[[0-9;]*m", "", terminal("explain", "portkey-batch", "retrievebatch", "batch_id=b", columns=80)
    )

    tables = shown.partition("Accept-Encoding")[2]
    assert [] == [line for line in tables.splitlines() if len(line) > 80]
    assert "cap_portkey/documents/portkey-batch.yaml:49:13" in tables
