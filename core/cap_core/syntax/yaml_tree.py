"""Parses YAML text to a plain tree in which every node has its mark.

YAML 1.2 core schema: `yes`, `on` and dates are text, a key twice is an error. The tree is built from libyaml's events
without recursion, so that no nesting can exhaust the stack, and an alias is charged with what it repeats, so
that a small file cannot grow into a large one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from cap_core.errors import Mark, SpecError
from cap_core.syntax.yaml_mistakes import Mistake, find_mistake

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 4 * 1024 * 1024
"""The largest published document has 317 KB."""
MAX_DEPTH = 64
MAX_NODES = 400_000


class Map(dict["Scalar", "Node"]):
    """A mapping; its keys are scalars and have marks too."""

    __slots__ = ("mark",)
    mark: Mark

    def key(self, name: str) -> Scalar:
        """The key of this name, with its mark."""
        return next(key for key in self if key == name)


class Seq(list["Node"]):
    """A sequence."""

    __slots__ = ("mark",)
    mark: Mark


class Scalar(str):
    """A scalar in the spelling of the document. `plain` is False if quotes or a block style make it text."""

    __slots__ = ("mark", "plain")
    mark: Mark
    plain: bool

    def __new__(cls, text: str, mark: Mark, plain: bool = True) -> Scalar:
        self = super().__new__(cls, text)
        self.mark = mark
        self.plain = plain
        return self


Node = Map | Seq | Scalar

_RESOLVED = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))
"""The tags of the core schema whose scalars are what their text says, in quotes too."""
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCT_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", re.ASCII)


def resolve(scalar: Scalar) -> object:
    """The value of a scalar by the YAML 1.2 core schema: null, a boolean, a number or text."""
    text = str(scalar)
    if not scalar.plain:
        return text
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if len(text) > 400:  # int() refuses more than 4300 digits
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCT_HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        value = float(text)
        return text if value in (float("inf"), float("-inf")) else value
    return text


def plain(node: Node) -> object:
    """A tree as ordinary Python data."""
    if isinstance(node, Map):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, Seq):
        return [plain(item) for item in node]
    return resolve(node)


def load(data: bytes, file: str) -> Node:
    """Parse a file of one document. Raises `SpecError` at the place of whatever is wrong with it."""
    return _Builder(file, alone=True).build(_text(data, file))


def load_first(data: bytes) -> Node:
    """Parse the first document of a YAML stream, such as an upstream's answer. Raises `SpecError`.

    Further ones are left unread, and a merge key is a key like any other, as YAML 1.2 has it.
    """
    return _Builder("", alone=False).build(_text(data, ""))


def _text(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        what = f"the file has {len(data)} bytes, more than {MAX_BYTES}"
        raise SpecError(what, at=Mark(file, 1, 1), code="too-large", hint="split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        at = Mark(file, line, column)
        raise SpecError("not UTF-8 text", at=at, code="not-yaml", hint="save it as UTF-8") from None


_ALIAS = "write the value out, or put a text that begins with * in quotes"
_CONTENT = frozenset({yaml.ScalarEvent, yaml.AliasEvent, yaml.MappingStartEvent, yaml.SequenceStartEvent})


class _Builder:
    """Turns libyaml's events into a tree."""

    def __init__(self, file: str, *, alone: bool) -> None:
        self.file = file
        self.alone = alone
        self.count = 0
        self.anchors: dict[str, tuple[Node, int]] = {}

    def build(self, text: str) -> Node:
        try:
            return self._tree(yaml.parse(text, Loader=yaml.CSafeLoader))
        except yaml.YAMLError as error:
            # JSON writes characters above U+FFFF as two escapes, and YAML 1.2 has all of JSON; libyaml does not.
            whole = _PAIR.sub(_joined, text)
            if whole != text and _ESCAPE in str(error):
                return _Builder(self.file, alone=self.alone).build(whole)
            raise self._syntax(error, text) from None

    def _tree(self, events: Iterator[Any]) -> Node:
        # One frame per open collection: the collection, its pending key, its anchor, the node count at its start.
        frames: list[tuple[Map | Seq, str | None, int]] = []
        keys: list[Scalar | None] = []
        root: Node | None = None
        begun = False
        for event in events:
            kind = type(event)
            if begun and kind in _CONTENT:
                if not self.alone:
                    break
                self._second(event)
            elif kind is yaml.ScalarEvent or kind is yaml.AliasEvent:
                leaf = self._leaf(event, frames)
                if frames:
                    self._attach(leaf, frames[-1][0], keys)
                else:
                    root = leaf
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                opened = self._open(event, frames)
                if frames:
                    self._attach(opened, frames[-1][0], keys)
                frames.append((opened, event.anchor, self.count))
                keys.append(None)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node, anchor, start = frames.pop()
                keys.pop()
                if anchor:
                    self.anchors[anchor] = (node, self.count - start)
                if not frames:
                    root = node
            elif kind is yaml.DocumentEndEvent:
                begun = True
        if root is None:
            raise SpecError("the file is empty", at=Mark(self.file, 1, 1), code="not-a-capability")
        return root

    def _second(self, event: Any) -> None:
        """Handle what follows the first document: nothing, as after a last `---`, or another document."""
        if type(event) is not yaml.ScalarEvent or event.value or event.style:
            what = "a second document begins here"
            raise SpecError(what, at=self._mark(event), code="several-documents", hint="give each a file of its own")

    def _mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _charge(self, size: int, event: Any) -> None:
        self.count += size
        if self.count > MAX_NODES:
            raise SpecError(f"more than {MAX_NODES} nodes", at=self._mark(event), code="too-large", hint="split it")

    def _open(self, event: Any, frames: list[tuple[Map | Seq, str | None, int]]) -> Map | Seq:
        if len(frames) >= MAX_DEPTH:
            what = f"nested more than {MAX_DEPTH} deep"
            raise SpecError(what, at=self._mark(event), code="too-large", hint="flatten it")
        self._charge(1, event)
        node: Map | Seq = Map() if isinstance(event, yaml.MappingStartEvent) else Seq()
        node.mark = self._mark(event)
        return node

    def _leaf(self, event: Any, frames: list[tuple[Map | Seq, str | None, int]]) -> Node:
        if isinstance(event, yaml.AliasEvent):
            known = self.anchors.get(event.anchor or "")
            if known is None:
                inside = any(anchor == event.anchor for _, anchor, _ in frames)
                what = f"*{event.anchor} " + ("stands inside what it repeats" if inside else "repeats nothing")
                raise SpecError(what, at=self._mark(event), code="not-yaml", hint=_ALIAS)
            node, size = known
            self._charge(size + 1, event)
            return node
        self._charge(1, event)
        is_plain = event.tag in _RESOLVED or (not event.style and event.tag is None)
        scalar = Scalar(event.value, self._mark(event), plain=is_plain)
        if event.anchor:
            self.anchors[event.anchor] = (scalar, 1)
        return scalar

    def _attach(self, node: Node, parent: Map | Seq, keys: list[Scalar | None]) -> None:
        if isinstance(parent, Seq):
            parent.append(node)
            return
        key = keys[-1]
        if key is not None:
            parent[key] = node
            keys[-1] = None
            return
        if not isinstance(node, Scalar):
            raise SpecError("a key must be text", at=node.mark, code="not-yaml", hint="quote braces that open a value")
        if self.alone and node == "<<" and node.plain:
            what = "YAML 1.2 has no merge keys"
            raise SpecError(what, at=node.mark, code="merge-key", hint="write the keys out; an alias (*name) is fine")
        if node in parent:
            first = parent.key(node).mark
            what = f"the key {str(node)!r} stands here and in line {first.line}"
            hint = f"put a space after the dash: '- {node[1:]}'" if node[:1] == "-" else "keep one of the two"
            raise SpecError(what, at=node.mark, code="duplicate-key", hint=hint)
        keys[-1] = node

    def _syntax(self, error: yaml.YAMLError, text: str) -> SpecError:
        mark = getattr(error, "problem_mark", None)
        begun = getattr(error, "context_mark", None)
        what = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML")
        context = str(getattr(error, "context", None) or "")
        message = f"{what} ({context})" if context else what
        if mark is None:
            return self._unprintable(message, text)
        place = None if begun is None else (begun.line, begun.column)
        found = find_mistake(text, mark.line, mark.column, what, context, place)
        if found is None:
            found = Mistake(mark.line + 1, mark.column + 1, message, "correct the syntax at this place")
        return SpecError(found.what, at=Mark(self.file, found.line, found.column), code="not-yaml", hint=found.hint)

    def _unprintable(self, message: str, text: str) -> SpecError:
        """The error for a character that YAML does not allow; libyaml does not give its line."""
        found = _UNPRINTABLE.search(text)
        if found is None:
            return SpecError(message, at=Mark(self.file, 1, 1), code="not-yaml", hint="remove what is not text")
        before = text[: found.start()]
        at = Mark(self.file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        what = f"the control character U+{ord(found[0]):04X} cannot stand in YAML"
        return SpecError(what, at=at, code="not-yaml", hint="remove it, or write it as an escape in double quotes")


_ESCAPE = "invalid Unicode character escape code"
_PAIR = re.compile(r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|.)", re.DOTALL)


def _joined(found: re.Match[str]) -> str:
    """Two escapes that are one character, as the one escape that YAML has for it; any other as it is."""
    if found[1] is None:
        return found[0]
    return f"\\U{0x10000 + (int(found[1], 16) - 0xD800) * 0x400 + int(found[2], 16) - 0xDC00:08x}"


# All characters except those that YAML 1.2 calls printable (5.1).
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def scalars(node: Node) -> Iterator[Scalar]:
    """Every scalar in a tree that is a value, in order."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Scalar):
            yield one
        else:
            waiting += reversed(list(one.values()) if isinstance(one, Map) else one)
