"""Where the keys and values of TOML stand."""

from __future__ import annotations

import string
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cap_core.errors import ConfigError
from cap_core.settings import toml

TEXT = '''\
# a comment with = and [
port = 9000
allow-host = [ "a", # one
   "b, ]",
]
"quoted \\u0041" . 'key' = 1.5

[set]
NAME = """
x = [y]
"""
ns = { A = "{", 'B.C' = '=' }
[upstreams."cap:ns"]
connect = 1e3
[[later]]
x = 1
[[later]]
x = 2
'''


def test_keys_and_values_have_places() -> None:
    document = toml.load(TEXT.encode(), "cap.toml")

    assert {path: str(mark) for path, mark in document.keys.items()} == {
        ("port",): "cap.toml:2:1",
        ("allow-host",): "cap.toml:3:1",
        ("quoted A",): "cap.toml:6:1",
        ("quoted A", "key"): "cap.toml:6:19",
        ("set",): "cap.toml:8:2",
        ("set", "NAME"): "cap.toml:9:1",
        ("set", "ns"): "cap.toml:12:1",
        ("set", "ns", "A"): "cap.toml:12:8",
        ("set", "ns", "B.C"): "cap.toml:12:17",
        ("upstreams",): "cap.toml:13:2",
        ("upstreams", "cap:ns"): "cap.toml:13:12",
        ("upstreams", "cap:ns", "connect"): "cap.toml:14:1",
        ("later",): "cap.toml:15:3",
        ("later", 0, "x"): "cap.toml:16:1",
        ("later", 1, "x"): "cap.toml:18:1",
    }
    assert str(document.values["port",]) == "cap.toml:2:8"
    assert str(document.values["allow-host", 1]) == "cap.toml:4:4"


def test_a_byte_order_mark_and_windows_line_ends_count_for_nothing() -> None:
    document = toml.load(b"\xef\xbb\xbfa = 1\r\nb = 2\r\n", "cap.toml")

    assert str(document.keys["b",]) == "cap.toml:2:1"


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        pytest.param(b"a = 1\na = 2\n", "cap.toml:2:", id="twice"),
        pytest.param(b"a = 1\nb = = 2\n", "cap.toml:2:5: ", id="syntax"),
        pytest.param(b"a = [1,\n2,\n", "cap.toml:3:1: ", id="end"),
        pytest.param(b"a = 1\nb = '\xff'\n", "cap.toml:2:6: not UTF-8 text", id="encoding"),
    ],
)
def test_what_is_not_toml_has_a_place(raw: bytes, place: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        toml.load(raw, "cap.toml")

    assert str(wrong.value).startswith(place)


_KEYS = st.one_of(
    st.text(string.ascii_letters + string.digits + "-_", min_size=1),
    st.text(st.characters(blacklist_categories=["Cs", "Cc"])),
)
_SCALARS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.booleans(), st.floats(), st.text("ab[]{}=,.'\"# \n\\é"))
_VALUES = st.recursive(
    _SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(_KEYS, v, max_size=3), max_leaves=8
)


@given(st.dictionaries(_KEYS, _VALUES, max_size=5))
def test_every_value_of_any_file_has_a_place(data: dict[str, Any]) -> None:
    text = "\n".join(f"{_key(name)} = {_spelled(value)} # ]" for name, value in data.items())
    document = toml.load(text.encode(), "cap.toml")

    lines = text.replace("\r\n", "\n").split("\n")
    for path in _paths(tomllib.loads(text)):
        mark = document.values[path]
        assert 0 < mark.column <= len(lines[mark.line - 1])


def _paths(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    below: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    return [((*path, key)) for key, _ in below] + [p for key, item in below for p in _paths(item, (*path, key))]


def _key(name: str) -> str:
    bare = name and set(name) <= set(string.ascii_letters + string.digits + "-_")
    return name if bare else _quoted(name)


def _quoted(text: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in text)
    return f'"{escaped}"'


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_spelled, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_key(name)} = {_spelled(item)}" for name, item in value.items()) + "}"
    return repr(value)
