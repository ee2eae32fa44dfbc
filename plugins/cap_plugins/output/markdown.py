"""`outputRawFormat: markdown`: `{"frontMatter": {…}, "tables": [[{header: cell}]], "sections": [{…}]}`.

The text is CommonMark with the tables of GitHub.

* `frontMatter` is the YAML mapping between a first line `---` and the next such line; `{}` where there is none.
* `tables` are all tables that stand on their own, in order. The first line names the columns, further lines are objects
  with every value as text; what is missing is "". A name that comes again is numbered (`size`, `size_2`).
* `sections` are `{"heading", "level", "content"}`: each heading that stands on its own begins one. `content` is the
  text of the blocks up to the next heading, of any level, a line for each, without tables. Text before the first
  heading belongs to no section; `outputRawFormat: text` has it.

`outputSchema` chooses sections by how they begin: `## Results` those of level 2 whose heading begins with "Results",
`Results` those of any level. It does not change the tables.

Text is what would be read: without the marks of emphasis, with the text of links and code. An answer larger than
256 KiB is refused: the parser, written in Python, would take seconds for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from cap_core.plugins.hookspecs import hookimpl
from cap_core.plugins.output import OutputContext, OutputMapper, TooLarge
from cap_core.syntax.charset import text
from cap_plugins.output.columns import Rows, columns
from cap_plugins.output.yaml import value

if TYPE_CHECKING:
    from markdown_it.token import Token

MAX_BYTES = 256 * 1024
_FRONT = re.compile(r"---[ \t]*\n(.*?)(?<=\n)---[ \t]*(?:\n|$)", re.DOTALL)
_CHOSEN = re.compile(r"\s*(#{0,6})\s*(.*?)\s*")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which sections count."""

    outputSchema: str | None = None


def compile(options: Options, at: OutputContext) -> Callable[[bytes, str | None], object]:
    """The decoder, by markdown-it, which is imported here because few documents need it."""
    from markdown_it import MarkdownIt

    parse = MarkdownIt("commonmark").enable("table").parse
    chosen = _chosen(options.outputSchema or "")

    def read(body: bytes, content_type: str | None) -> object:
        if len(body) > MAX_BYTES:
            raise TooLarge(f"more than {MAX_BYTES} bytes of Markdown")
        source = text(body, content_type).replace("\r\n", "\n").replace("\r", "\n")
        front, rest = _front_matter(source)
        blocks = list(_blocks(parse(rest)))
        rows = Rows()
        return {
            "frontMatter": front,
            "tables": [_table(block, rows) for block in blocks if block[0].type == "table_open"],
            "sections": [section for section in _sections(blocks) if chosen(section)],
        }

    return read


Section = dict[str, object]


def _chosen(prefix: str) -> Callable[[Section], bool]:
    found = _CHOSEN.fullmatch(prefix)
    assert found is not None
    level, heading = len(found[1]), found[2]
    return lambda section: str(section["heading"]).startswith(heading) and level in (0, section["level"])


def _front_matter(source: str) -> tuple[object, str]:
    """The front matter and what follows it; a first line that only looks like its beginning is a line as any other."""
    found = _FRONT.match(source)
    if found is None:
        return {}, source
    try:
        data = value(found[1])
    except ValueError:
        return {}, source
    return (data, source[found.end() :]) if isinstance(data, dict) else ({}, source)


def _blocks(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The blocks that stand on their own, each with everything inside it."""
    block: list[Token] = []
    depth = 0
    for token in tokens:
        block.append(token)
        depth += token.nesting
        if depth == 0:
            yield block
            block = []


def _sections(blocks: list[list[Token]]) -> Iterator[Section]:
    section: Section | None = None
    lines: list[str] = []
    for block in blocks:
        if block[0].type == "heading_open":
            if section is not None:
                yield section | {"content": "\n".join(lines)}
            section = {"heading": "\n".join(_lines(block)), "level": int(block[0].tag[1:])}
            lines = []
        elif block[0].type != "table_open":
            lines += _lines(block)
    if section is not None:
        yield section | {"content": "\n".join(lines)}


def _lines(block: list[Token]) -> Iterator[str]:
    """The text of each block inside a block."""
    for token in block:
        if token.type == "inline":
            yield _read(token)
        elif token.type in ("fence", "code_block"):
            yield token.content.removesuffix("\n")


def _read(inline: Token) -> str:
    """The visible text of a line."""
    parts = []
    for token in inline.children or ():
        if token.type in ("text", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif token.type == "image":
            parts.append(_read(token))
    return "".join(parts)


def _table(block: list[Token], rows: Rows) -> list[dict[str, str]]:
    lines: list[list[str]] = []
    for token in block:
        if token.type == "tr_open":
            lines.append([])
        elif token.type == "inline":
            lines[-1].append(_read(token))
    names = columns(lines[0])
    return [rows.row(names, line) for line in lines[1:]]


@hookimpl
def cap_output_mappers() -> list[OutputMapper[Options]]:
    """Offer Markdown."""
    return [OutputMapper(key="markdown", options=Options, compile=compile, at_once=4 * 1024)]
