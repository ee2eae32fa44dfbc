"""`outputRawFormat: xml`.

The root element is the document; its own name is dropped. An element becomes

* its text, where it has neither attributes nor child elements: always a string, "" for an empty one;
* else an object with a member for each attribute and each child. Text beside them is the member "". Elements of one
  name become a list, in order.

One element alone is no list in XML. Where an output takes it for one (`$.vessel[*].name`, `$.vessel[0]`, or
`type: array`), it is a list of one; otherwise a mapping would depend on how many there happen to be.

Names are without their prefix, and declarations of namespaces are no attributes. `xsi:nil="true"` is null.
White space around an element's text is dropped where the text stands beside attributes or elements, and kept elsewhere.

A document type with declarations of its own is refused: entities and defaults can make a small answer a very large one.
No external file is ever read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from xml.parsers import expat

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper, TooLarge
from cap_core.syntax.charset import known, named, text
from cap_plugins.output.lists import Lists, lists_of

MAX_DEPTH = 200
MAX_NODES = 500_000
"""Elements and attributes together."""
_DECLARED = re.compile(rb"""\s*<\?xml[^>]{1,200}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """XML has no options."""


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by expat, which is part of Python and faster than building a tree first."""
    lists = lists_of(at.outputs)
    return lambda body, content_type: _read(_source(body, content_type), lists)


def _source(body: bytes, content_type: str | None) -> bytes | str:
    """The text, where its charset is declared; else the bytes, which are then UTF-8 or UTF-16."""
    declared = _DECLARED.match(body)
    if declared is None:
        return text(body, content_type) if named(content_type) else body
    charset = known(declared[1].decode())
    if not charset and not named(content_type):
        raise ValueError(f"the charset {declared[1].decode()!r} is not known")
    # What can be read as ASCII up to here is not UTF-16, though programs that keep text in UTF-16 write that it is.
    return text(body, content_type, declared="" if charset.startswith(("utf-16", "utf-32")) else charset)


def _read(source: bytes | str, lists: Lists) -> object:
    handlers = _Handlers(lists)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = handlers.start
    parser.EndElementHandler = handlers.end
    parser.CharacterDataHandler = handlers.characters
    parser.SkippedEntityHandler = handlers.skipped
    parser.StartDoctypeDeclHandler = _refuse_declarations
    try:
        parser.Parse(source, True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None
    return handlers.root


def _refuse_declarations(name: str, system: str | None, public: str | None, has_declarations: int) -> None:
    if has_declarations:
        raise ValueError("the document type has declarations of its own")


class _Element:
    """An element that is open."""

    __slots__ = ("lists", "members", "name", "nil", "texts")

    def __init__(self, name: str, lists: Lists | None) -> None:
        self.name = name
        self.lists = lists
        self.members: dict[str, Any] = {}
        self.texts: list[str] = []
        self.nil = False

    def add(self, name: str, value: object) -> None:
        """Add an attribute or a child."""
        members = self.members
        if name not in members:
            below = self.lists.below.get(name) if self.lists is not None else None
            members[name] = [value] if below is not None and below.taken else value
        elif isinstance(members[name], list):
            members[name].append(value)
        else:
            members[name] = [members[name], value]

    def value(self) -> object:
        """The value of the element once it is closed."""
        text = "".join(self.texts)
        if self.nil or not self.members:
            return None if self.nil else text
        beside = text.strip()
        return {**self.members, "": beside} if beside else self.members


class _Handlers:
    """The handlers that expat calls, and the elements that are open."""

    def __init__(self, lists: Lists) -> None:
        self.root: object = None
        self._count = 0
        self._lists: Lists | None = lists
        self._open: list[_Element] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if self._count > MAX_NODES:
            raise TooLarge(f"more than {MAX_NODES} elements and attributes")
        if len(self._open) >= MAX_DEPTH:
            raise TooLarge(f"nested more than {MAX_DEPTH} deep")
        name = name.rpartition(":")[2]
        if not self._open:
            element = _Element(name, self._lists)
        else:
            outer = self._open[-1].lists
            element = _Element(name, outer.below.get(name) if outer is not None else None)
        for key, value in attributes.items():
            if key.endswith(":nil") and value in ("true", "1", "false", "0"):
                element.nil = value in ("true", "1")
            elif key != "xmlns" and not key.startswith("xmlns:"):
                element.add(key.rpartition(":")[2], value)
        self._open.append(element)

    def characters(self, data: str) -> None:
        self._open[-1].texts.append(data)

    def skipped(self, name: str, is_parameter: bool) -> None:
        """An entity that an external document type may declare: one of HTML's, or left as it is."""
        if not is_parameter and self._open:
            self._open[-1].texts.append(html.unescape(f"&{name};"))

    def end(self, name: str) -> None:
        element = self._open.pop()
        value = element.value()
        if self._open:
            self._open[-1].add(element.name, value)
        else:
            self.root = value


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer XML."""
    return [OutputMapper(key="xml", options=Options, compile=compile)]
