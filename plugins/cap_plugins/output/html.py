"""`outputRawFormat: html`: the tables of a page, as `{"tables": [[{header: cell}]]}`.

`outputSchema` is a CSS selector: the tables it selects, and the tables inside other elements it selects. Without it,
every table counts. Tables come in the order of the page, each once.

* The names of the columns are in the first row of a `thead`, or else in the first row, if it has `th` cells; an empty
  cell beside them is a corner. A name that comes again is numbered (`size`, `size_2`). Tables without names are left
  out.
* Each further row is an object. A row that has nothing but `th` is a heading among the rows and left out, and so is
  everything in a `tfoot`. A `th` beside other cells names its row; it is a cell like them.
* A cell is its text, with white space collapsed; scripts, styles and tables inside it do not count. A cell that spans
  columns or rows stands in the first of them. What is missing or covered is "".

Pages without tables give an empty list, and so does what is no HTML at all: a browser reads anything. Bytes that are
not of the page's charset become U+FFFD, as in a browser. The charset is the answer's, else that of a `meta`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from cap_core.errors import OptionError
from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper, TooLarge
from cap_core.syntax.charset import known, text
from cap_plugins.output.columns import Rows, columns

MAX_ELEMENTS = 200_000
MAX_TEXTS = 1_000_000
MAX_DEPTH = 1000
"""Levels of nested elements; the tags of deeper elements are ignored."""
MAX_ATTRIBUTES = 64
"""Attributes of one element; the tree's time for them is quadratic, and no selector needs so many."""
MAX_PAIRS = 100_000_000
"""Pairs of siblings that a selector may compare."""
_DECLARED = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_NAME = re.compile(r"[a-z][a-z0-9-]*", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\ufffe\uffff]")
_SECTIONS = frozenset({"thead", "tbody", "tfoot"})
_UNSEEN = frozenset({"script", "style", "template", "table"})
_BLOCKS = frozenset(
    {"br", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"}
)

Element = Any
"""An element of lxml, which has no types."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tables count."""

    outputSchema: str | None = None


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by lxml, whose parser takes linear time; it is imported here because few documents need it."""
    from lxml import etree

    select, compared = _selector(options.outputSchema)

    def read(body: bytes, content_type: str | None) -> object:
        declared = _DECLARED.search(body, 0, 1024)
        charset = known(declared[1].decode()) if declared else ""
        source = text(body, content_type, declared=charset, errors="replace")
        parser = etree.HTMLParser(target=_BoundedTarget(etree.TreeBuilder(), compared), encoding="utf-8")
        parser.feed(source.replace("\0", "\ufffd").encode("utf-8", "replace"))
        root = parser.close()
        rows = Rows()
        tables = [] if root is None else [_table(table, rows) for table in _tables(select(root))]
        return {"tables": [table for table in tables if table is not None]}

    return read


Select = Callable[[Element], Iterable[Element]]


def _selector(css: str | None) -> tuple[Select, frozenset[str | None]]:
    """The function that selects, and the names of the elements whose siblings it compares (None: of all)."""
    if css is None:
        return (lambda root: (root,)), frozenset()
    import cssselect
    from lxml import etree

    try:
        path = cssselect.HTMLTranslator().css_to_xpath(css)
    except cssselect.SelectorError as error:
        raise OptionError("outputSchema", f"{css!r} is not a CSS selector: {error}") from None
    return etree.XPath(path), frozenset(_names(cssselect.parse(css)) if "-sibling::" in path else ())


def _names(part: object) -> Iterator[str | None]:
    """The names of elements in a parsed selector."""
    if isinstance(part, list):
        for item in part:
            yield from _names(item)
    elif type(part).__module__ == "cssselect.parser":
        if type(part).__name__ == "Element":
            yield getattr(part, "element", None)
        yield from _names(list(vars(part).values()))


class _BoundedTarget:
    """The target of the parser: builds the tree within bounds, without the names and characters that lxml refuses."""

    def __init__(self, builder: Any, compared: frozenset[str | None]) -> None:
        self._builder = builder
        self._compared = compared
        self._count = 0
        self._texts = 0
        self._pairs = 0
        self._built: list[bool] = []
        self._children = [[0, 0]]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > MAX_ELEMENTS:
            raise TooLarge(f"more than {MAX_ELEMENTS} elements")
        built = len(self._children) <= MAX_DEPTH and _NAME.fullmatch(tag) is not None
        self._built.append(built)
        if not built:
            return
        self._children[-1][0] += 1
        self._children[-1][1] += None in self._compared or tag in self._compared
        self._children.append([0, 0])
        kept = [(name, value) for name, value in attributes.items() if _NAME.fullmatch(name)][:MAX_ATTRIBUTES]
        self._builder.start(tag, {name: _CONTROLS.sub(" ", value) for name, value in kept})

    def end(self, tag: str) -> None:
        if not self._built.pop():
            return
        children, compared = self._children.pop()
        self._pairs += children * compared
        if self._pairs > MAX_PAIRS:
            raise TooLarge("too many siblings for a selector that compares them")
        self._builder.end(tag)

    def data(self, data: str) -> None:
        self._texts += 1
        if self._texts > MAX_TEXTS:
            raise TooLarge(f"more than {MAX_TEXTS} pieces of text")
        if len(self._children) > 1:
            self._builder.data(_CONTROLS.sub(" ", data))

    def close(self) -> Element | None:
        return self._builder.close() if self._count and not self._built else None


def _tables(selected: Iterable[Element]) -> Iterator[Element]:
    """The tables among the selected elements and inside them, each once."""
    seen = set()
    for element in selected:
        for table in (element,) if element.tag == "table" else element.iter("table"):
            if table not in seen:
                seen.add(table)
                yield table


def _table(table: Element, rows: Rows) -> list[dict[str, str]] | None:
    """The rows of a table as objects; None where its columns have no names."""
    lines = list(_lines(table))
    head = next((n for n, (section, _) in enumerate(lines) if section == "thead"), 0)
    if not lines or not _names_columns(*lines[head]):
        return None
    names = columns(_text(cell) for cell in lines[head][1])
    body = [
        cells
        for n, (section, cells) in enumerate(lines)
        if n != head and section not in ("thead", "tfoot") and any(cell.tag == "td" for cell in cells)
    ]
    return [rows.row(names, values) for values in _grid(body, len(names))]


def _lines(table: Element) -> Iterator[tuple[str, list[Element]]]:
    """The rows of a table itself, not of tables inside it: the section each stands in, and its cells."""
    for child in table:
        for row in child if child.tag in _SECTIONS else (child,):
            if row.tag == "tr":
                yield child.tag, [cell for cell in row if cell.tag in ("td", "th")]


def _names_columns(section: str, cells: list[Element]) -> bool:
    if section == "thead":
        return bool(cells)
    return any(cell.tag == "th" for cell in cells) and all(cell.tag == "th" or not _text(cell) for cell in cells)


def _grid(lines: Iterable[list[Element]], width: int) -> Iterator[list[str]]:
    """The values of each row, every cell under its column."""
    covered = [0] * width
    for cells in lines:
        values = [""] * width
        column = 0
        for cell in cells:
            while column < width and covered[column]:
                column += 1
            if column == width:
                break
            values[column] = _text(cell)
            end = min(width, column + _span(cell, "colspan"))
            down = _span(cell, "rowspan")
            covered[column:end] = [down] * (end - column)
            column = end
        covered = [max(0, rows - 1) for rows in covered]
        yield values


def _span(cell: Element, name: str) -> int:
    value = cell.get(name, "")
    return max(1, min(int(value), 65534)) if value.isascii() and value.isdigit() and len(value) < 6 else 1


def _text(cell: Element) -> str:
    """A cell's visible text, with white space between blocks."""
    parts: list[str] = []
    waiting: list[tuple[Element, bool]] = [(cell, False)]
    while waiting:
        element, closing = waiting.pop()
        if closing:
            if element.tag in _BLOCKS:
                parts.append(" ")
            parts.append(element.tail or "")
            continue
        if element is not cell:
            waiting.append((element, True))
            if element.tag in _UNSEEN:
                continue
        if element.tag in _BLOCKS:
            parts.append(" ")
        parts.append(element.text or "")
        waiting += ((child, False) for child in reversed(element))
    return " ".join("".join(parts).split())


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer HTML."""
    return [OutputMapper(key="html", options=Options, compile=compile, at_once=16 * 1024)]
