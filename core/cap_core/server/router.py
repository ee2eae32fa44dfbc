"""Finds the route of a request by its raw path: segment by segment, static text before placeholders, backtracking.

A path is split at `/` before it is decoded, so an encoded slash stays inside its value (`docs/semantics.md`, the REST
surface). Paths and templates are compared in the normal form of `cap_core.syntax.path_template`.

A route must match the path and the method. A static route without the method is skipped for a route with a placeholder
that has it; otherwise adding a static route could break requests that were answered before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

import msgspec

from cap_core.syntax.path_template import Literals, normal_path, split_segments

T = TypeVar("T")

ANY = "*"
"""The method of an entry that takes every method."""


class Found(msgspec.Struct, Generic[T], frozen=True):
    """A route, and the decoded values of its placeholders in the template's order."""

    payload: T
    params: tuple[str, ...] = ()


class WrongMethod(msgspec.Struct, frozen=True):
    """A known path without this method; `allow` are the methods for the `Allow` header, OPTIONS included."""

    allow: tuple[str, ...]


class Router(Generic[T]):
    """A compiled table of routes, which is not changed once it is built."""

    __slots__ = ("_exact", "_root")

    def __init__(self, root: _Node[T], exact: dict[bytes, dict[str, Found[T]]]) -> None:
        self._root = root
        self._exact = exact

    @classmethod
    def build(cls, entries: Iterable[tuple[str, str, T]]) -> Router[T]:
        """Compile entries of method, template and payload; of two with one method and shape the first counts.

        HEAD finds the GET entry of the same template where there is none of its own.
        """
        root: _Node[T] = _Node()
        exact: dict[bytes, dict[str, Found[T]]] = {}
        for method, template, payload in entries:
            segments = split_segments(template)
            end = root
            for literals in segments:
                end = end.grow(literals)
            end.ends.setdefault(method, Found(payload))
            if all(len(literals) == 1 for literals in segments):
                exact["/".join(literals[0] for literals in segments).encode("ascii")] = end.ends
        root.settle()
        return cls(root.grow(("",)), exact)  # every path begins with a slash

    def match(self, method: str, raw_path: bytes) -> Found[T] | WrongMethod | None:
        """The route of a request; None where no route has the path, or a value in it is not UTF-8."""
        ends = self._exact.get(raw_path)
        if ends is not None:
            found = ends.get(method) or ends.get(ANY)
            if found is not None:
                return found
        text = normal_path(raw_path)
        segments = text.split("/")
        if segments[0]:
            return None
        found = _walk(self._root, segments, 1, method, ())
        if found is None:
            return _wrong_method(self._root, segments)
        return _decoded(found) if found.params and "%" in text else found


_Pick = Callable[[str], tuple[str, ...] | None]
"""Gives the values of the placeholders in a segment; None if the segment does not match."""


class _Node(Generic[T]):
    """A node of the tree of segments: its children, and the entries that end here, by method."""

    __slots__ = ("bare", "ends", "grown", "open", "partials", "static")

    def __init__(self) -> None:
        self.static: dict[str, _Node[T]] = {}
        self.grown: dict[Literals, _Node[T]] = {}
        self.partials: tuple[tuple[_Pick, _Node[T]], ...] = ()
        self.bare: _Node[T] | None = None
        self.open = False
        self.ends: dict[str, Found[T]] = {}

    def grow(self, literals: Literals) -> _Node[T]:
        """The child for a segment, made if it is new."""
        if len(literals) == 1:
            return self.static.setdefault(literals[0], _Node())
        return self.grown.setdefault(literals, _Node())

    def settle(self) -> None:
        """Sort the children with placeholders: most static text first, a placeholder alone last."""
        if "GET" in self.ends:
            self.ends.setdefault("HEAD", self.ends["GET"])
        self.bare = self.grown.get(("", ""))
        partial = [literals for literals in self.grown if literals != ("", "")]
        partial.sort(key=lambda literals: (-sum(map(len, literals)), literals))
        self.partials = tuple((_partial(literals), self.grown[literals]) for literals in partial)
        self.open = bool(self.grown)
        for below in (*self.static.values(), *self.grown.values()):
            below.settle()


def _walk(node: _Node[T], segments: list[str], at: int, method: str, values: tuple[str, ...]) -> Found[T] | None:
    while at < len(segments):
        segment = segments[at]
        at += 1
        below = node.static.get(segment)
        if not node.open:
            if below is None:
                return None
            node = below
            continue
        if below is not None:
            found = _walk(below, segments, at, method, values)
            if found is not None:
                return found
        for pick, below in node.partials:
            taken = pick(segment)
            if taken is not None:
                found = _walk(below, segments, at, method, values + taken)
                if found is not None:
                    return found
        if node.bare is None or not segment:
            return None
        node = node.bare
        values += (segment,)
    end = node.ends.get(method) or node.ends.get(ANY)
    return end and Found(end.payload, values)


def _wrong_method(root: _Node[T], segments: list[str]) -> WrongMethod | None:
    methods = {method for end in _ends(root, segments, 1) for method in end}
    return WrongMethod(tuple(sorted(methods | {"OPTIONS"}))) if methods else None


def _ends(node: _Node[T], segments: list[str], at: int) -> Iterator[dict[str, Found[T]]]:
    """The entries of every node that matches a path."""
    if at == len(segments):
        yield node.ends
        return
    segment = segments[at]
    if segment in node.static:
        yield from _ends(node.static[segment], segments, at + 1)
    for pick, below in node.partials:
        if pick(segment) is not None:
            yield from _ends(below, segments, at + 1)
    if node.bare is not None and segment:
        yield from _ends(node.bare, segments, at + 1)


def _decoded(found: Found[T]) -> Found[T] | None:
    try:
        return Found(found.payload, tuple(unquote_to_bytes(value).decode() for value in found.params))
    except UnicodeDecodeError:
        return None


def _partial(literals: Literals) -> _Pick:
    """The function for a segment of text and placeholders. No value is empty; earlier values are as short as possible.

    The search from left to right takes linear time; a regular expression could try every split.
    """
    first, *between, last = literals
    start, tail = len(first), len(last)

    def pick(segment: str) -> tuple[str, ...] | None:
        at, end = start, len(segment) - tail
        if at >= end or not segment.startswith(first) or not segment.endswith(last) or _in_escape(segment, end):
            return None
        values = []
        for literal in between:
            found = _find(segment, literal, at + 1, end)
            if found < 0:
                return None
            values.append(segment[at:found])
            at = found + len(literal)
        if at >= end:
            return None
        values.append(segment[at:end])
        return tuple(values)

    return pick


def _find(segment: str, literal: str, at: int, end: int) -> int:
    found = segment.find(literal, at, end)
    while found >= 0 and _in_escape(segment, found):
        found = segment.find(literal, found + 1, end)
    return found


def _in_escape(segment: str, at: int) -> bool:
    """Whether a position is inside of a `%XX`; in the normal form every `%` begins one."""
    return segment.find("%", max(at - 2, 0), at) >= 0
