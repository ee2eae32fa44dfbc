"""`outputRawFormat: yaml`: the first document of a YAML stream, read as capability documents are.

That is the core schema of YAML 1.2: `yes` and dates are strings, a key twice is an error, keys are strings. Anchors
are followed; what they repeat counts each time against the bounds of depth and number that capability documents have,
and against a bound of length, so a small answer never becomes a large one. A whole number that 64 bits cannot hold is a
string. An answer of white space and comments alone is null.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from cap_core.errors import SpecError
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper, TooLarge
from cap_core.syntax.charset import text
from cap_core.syntax.yaml_tree import MAX_BYTES, Map, Node, Seq, load_first, resolve

LARGEST = 50_000_000


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """YAML has no options."""


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by the reader of capability documents, which limits depth and size."""
    return lambda body, content_type: value(text(body, content_type))


def value(source: str) -> object:
    """The value of a YAML text. Raises `ValueError` for text that is not YAML, or too large."""
    data = source.encode()
    if len(data) > MAX_BYTES:
        raise TooLarge(f"more than {MAX_BYTES} bytes of YAML")
    try:
        return _Plain().value(load_first(data))
    except SpecError as error:
        if error.code == "not-a-capability":
            return None  # the code of `load_first` for a text without any node
        if error.code == "too-large":
            raise TooLarge(error.what) from None
        raise ValueError(error.what) from None


class _Plain:
    """A tree as JSON-like data, its texts counted as often as anchors repeat them."""

    def __init__(self) -> None:
        self._size = 0

    def value(self, node: Node) -> object:
        if isinstance(node, Map):
            return {self._text(key): self.value(item) for key, item in node.items()}
        if isinstance(node, Seq):
            return [self.value(item) for item in node]
        data = resolve(node)
        if isinstance(data, str) or (type(data) is int and not -(2**63) <= data < 2**64):
            return self._text(node)
        return data

    def _text(self, text: str) -> str:
        self._size += len(text)
        if self._size > LARGEST:
            raise TooLarge(f"more than {LARGEST} characters when its aliases are written out")
        return str(text)


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer YAML."""
    return [OutputMapper(key="yaml", options=Options, compile=compile, at_once=8 * 1024)]
