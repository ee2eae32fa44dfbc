"""YAML: the first document, by the core schema, within bounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param("a: [1, 2.5, true, null, text]", {"a": [1, 2.5, True, None, "text"]}, id="types"),
        pytest.param("yes: no\non: 2020-01-01", {"yes": "no", "on": "2020-01-01"}, id="the-core-schema"),
        pytest.param("1: a", {"1": "a"}, id="keys-are-strings"),
        pytest.param("a: 1\n---\nb: 2", {"a": 1}, id="the-first-document"),
        pytest.param("a: &x {b: 1}\nc: {<<: *x}", {"a": {"b": 1}, "c": {"<<": {"b": 1}}}, id="a-merge-key"),
        pytest.param("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}, id="an-alias"),
        pytest.param("a: |\n  x\n  y\n", {"a": "x\ny\n"}, id="a-block"),
        pytest.param('"7"', "7", id="a-quoted-number"),
        pytest.param("# nothing", None, id="a-comment-alone"),
        pytest.param("a: 123456789012345678901234567890", {"a": "123456789012345678901234567890"}, id="a-huge-number"),
        pytest.param("[18446744073709551615, -9223372036854775808]", [2**64 - 1, -(2**63)], id="large-numbers"),
        pytest.param("[1e999, .inf, .nan]", ["1e999", ".inf", ".nan"], id="what-json-has-no-number-for"),
        pytest.param('{"a": [1, "b"]}', {"a": [1, "b"]}, id="json"),
        pytest.param("!!python/object/apply:os.getcwd []", [], id="tags-mean-nothing"),
        pytest.param("a: é中".encode("utf-16"), {"a": "é中"}, id="utf-16"),
    ],
)
def test_what_nodes_become(serving: Any, body: bytes | str, expected: object) -> None:
    assert expected == serving.read("yaml", body, "application/yaml")


ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("a: [", id="not-closed"),
        pytest.param("a: 1\na: 2", id="a-key-twice"),
        pytest.param("? [a]\n: b", id="a-key-that-is-no-text"),
        pytest.param("a: *x", id="an-alias-of-nothing"),
        pytest.param("&a [*a]", id="an-alias-of-itself"),
        pytest.param(b"\x00", id="nul"),
        pytest.param(b"a: \xff", id="not-utf-8"),
        pytest.param(ALIASES, id="a-bomb-of-aliases"),
        pytest.param(f"a: &x {'y' * 1_000_000}\nb: [{', '.join(['*x'] * 1000)}]", id="a-bomb-of-text"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param("a" * 5_000_000, id="too-long"),
    ],
)
def test_what_is_not_yaml(refused: Callable[..., None], body: bytes | str) -> None:
    refused("yaml", body)
