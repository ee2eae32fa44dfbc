"""Says in words of authors what is wrong with a text that is not YAML, by looking at the lines around the error.

A parser says what it expected. What an author did is seen in the source: a key that is indented by one too few, a colon
inside a text, a quote inside quotes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

_MERGE = re.compile(r"(<{7}|={7}|>{7})( |$)")
_GLUED = re.compile(r"\s*(?:- +)*(?P<key>[\"']?[A-Za-z][\w.-]*[\"']?):(?P<value>[^\s/:].*)")
_CURLY = re.compile("[\u201c\u201d\u201e\u2018\u2019]")
_SPACE = re.compile(r"^\s*\u00a0|:\u00a0|-\u00a0")
_DASH = re.compile(r"\s*(?:- +)*-(?P<rest>[A-Za-z].*)")
_KEY_AND_TEXT = re.compile(r"\s*(?:- +)*[^\s#:][^:]*:\s+\S")
_ENTRY = re.compile(r"(?:- +)+")
_TWO_MEMBERS = re.compile(r"[^,{\[]*:\s+[^,{\[]*?\S\s+(?P<key>[\"']?[\w.-]+[\"']?)\s*")


class Mistake(msgspec.Struct, frozen=True):
    """What is wrong, the line and the column of it (from 1), and what helps."""

    line: int
    column: int
    what: str
    hint: str


class _Seen(msgspec.Struct, frozen=True):
    """The source around an error; lines and columns count from 0. `begun` is the place where what failed began."""

    lines: list[str]
    line: int
    column: int
    problem: str
    context: str
    begun: tuple[int, int] | None

    def text(self, line: int) -> str:
        return self.lines[line] if 0 <= line < len(self.lines) else ""

    @property
    def here(self) -> str:
        return self.text(self.line)

    @property
    def char(self) -> str:
        return self.here[self.column : self.column + 1]

    @property
    def before(self) -> str:
        return self.here[: self.column]

    def previous(self, line: int) -> int | None:
        """The last line before this one that is neither blank nor a comment."""
        numbers = range(line - 1, -1, -1)
        return next((n for n in numbers if self.text(n).strip(" \t\r") and not _comment(self.text(n))), None)

    def at(self, line: int, column: int, what: str, hint: str) -> Mistake:
        return Mistake(line + 1, column + 1, what, hint)

    def at_mark(self, what: str, hint: str) -> Mistake:
        return self.at(self.line, self.column, what, hint)


_Rule = Callable[[_Seen], Mistake | None]


def find_mistake(
    text: str, line: int, column: int, problem: str, context: str, begun: tuple[int, int] | None
) -> Mistake | None:
    """What an author did wrong, where a parser reports a `problem` (and its `context`); None if nothing is recognized.

    `line` and `column` are those of the error, and `begun` those of where the failed part begins; all count from 0.
    """
    seen = _Seen(text.split("\n"), line, column, problem, context, begun)
    return next((found for rule in _RULES if (found := rule(seen)) is not None), None)


def _comment(line: str) -> bool:
    return line.lstrip().startswith("#")


def _merge(seen: _Seen) -> Mistake | None:
    first = seen.begun[0] if seen.begun is not None else seen.line
    for n in range(max(0, min(first, seen.line) - 1), seen.line + 1):
        if _MERGE.match(seen.text(n)):
            return seen.at(n, 0, "a merge is not resolved here", "keep one of the two sides, and remove the marks")
    return None


def _odd_characters(seen: _Seen) -> Mistake | None:
    """Characters that word processors and web pages put in place of quotes and spaces."""
    for n in dict.fromkeys((seen.begun[0] if seen.begun is not None else seen.line, seen.line, seen.line - 1)):
        if (odd := _CURLY.search(seen.text(n))) is not None:
            return seen.at(n, odd.start(), f"{odd[0]} is no quote", "put texts in ' or \"")
        if (odd := _SPACE.search(seen.text(n))) is not None:
            return seen.at(n, odd.end() - 1, "a no-break space stands here", "write a plain space")
    return None


def _tab(seen: _Seen) -> Mistake | None:
    if "tab character" in seen.problem or (seen.char == "\t" and "cannot start" in seen.problem):
        return seen.at_mark("a tab cannot indent", "use spaces")
    return None


def _quotes(seen: _Seen) -> Mistake | None:
    if "quoted scalar" in seen.context and "end of stream" in seen.problem and seen.begun is not None:
        # The error is at the end of the file, so the beginning of the text is shown.
        return seen.at(*seen.begun, "a text in quotes begins here and has no end", "close it with the same quote")
    if "escape character" in seen.problem or "hexdecimal" in seen.problem:
        shown = seen.here[seen.column : seen.column + 2]
        hint = "use single quotes, in which a backslash is one, or write it twice"
        return seen.at_mark(f"{shown} is no escape in double quotes", hint)
    if "did not find expected" in seen.problem and seen.before.rstrip()[-1:] in ("'", '"') and seen.char not in "{[":
        quote = seen.before.rstrip()[-1]
        inside = "''" if quote == "'" else '\\"'
        return seen.at_mark("text follows a closing quote", f"put all of it in quotes; a quote inside them is {inside}")
    return None


def _first_character(seen: _Seen) -> Mistake | None:
    quoted = "put the text in quotes"
    if "cannot start any token" in seen.problem:
        return seen.at_mark(f"a text cannot begin with {seen.char}", quoted)
    if "directive" in seen.context and seen.begun is not None:
        return seen.at(*seen.begun, "a line cannot begin with %", quoted)
    if seen.begun is not None and ("alias" in seen.context or "anchor" in seen.context):
        char = "*" if "alias" in seen.context else "&"
        if char == "*" and seen.text(seen.begun[0])[: seen.begun[1] + 2].strip() == "*":
            return seen.at(*seen.begun, "a list entry does not begin with *", "begin it with '- '")
        return seen.at(*seen.begun, f"a text cannot begin with {char}", quoted)
    if seen.begun is not None and "block scalar" in seen.context:
        char = seen.text(seen.begun[0])[seen.begun[1] : seen.begun[1] + 1]
        what = f"text follows {char}, behind which a text begins on the next line"
        return seen.at(*seen.begun, what, f"begin it there, or put a text that begins with {char} in quotes")
    if "tag" in seen.context or "tag handle" in seen.problem:
        return seen.at_mark("a text cannot begin with !", quoted)
    return None


def _braces(seen: _Seen) -> Mistake | None:
    """Errors between `{` and `}`, or `[` and `]`."""
    if "flow" not in seen.context or seen.begun is None:
        return None
    opened = "{" if "mapping" in seen.context else "["
    closing = "}" if opened == "{" else "]"
    if "node" in seen.context:
        return seen.at_mark(f"{seen.char or 'the end'} stands where a value is expected", "write one, or remove it")
    if seen.char and seen.char in "}]":
        return seen.at_mark(f"{seen.char} closes the {opened} of line {seen.begun[0] + 1}", f"close it with {closing}")
    members = _TWO_MEMBERS.fullmatch(seen.before[seen.begun[1] + 1 :].rpartition(",")[2])
    if seen.line != seen.begun[0] or not seen.char:
        what = f"the {opened} that stands here is not closed before line {seen.line + 1}"
        hint = f"close it with {closing}, or put a comma between its members"
        if re.search(r"\s#", seen.text(seen.begun[0])):
            hint = f"a # behind a space begins a comment: put its text in quotes, or close it with {closing}"
        return seen.at(*seen.begun, what, hint)
    if seen.char == ":" and members is not None:
        key = members["key"]
        column = len(seen.before) - len(seen.before[: seen.column].rpartition(key)[1] + seen.before.rpartition(key)[2])
        return seen.at(seen.line, column, f"a comma is missing before {key}", "put commas between members")
    if seen.char == ":":
        return seen.at_mark("a colon and a space stand inside a text", "put the text in quotes")
    return seen.at_mark(f"{seen.char} stands where a comma or {closing} is expected", "put the text in quotes")


def _behind_braces(seen: _Seen) -> Mistake | None:
    """Text behind the closing brace of a value that was to be a text, such as `{{HOST}}/v1`, and one brace too many."""
    if "expected key" not in seen.problem or seen.before.rstrip()[-1:] not in ("}", "]"):
        return None
    if seen.char and seen.char in "}],":
        return seen.at_mark(f"{seen.char} closes nothing" if seen.char != "," else "a comma stands here", "remove it")
    return seen.at_mark("text follows a closing brace", "put a text that begins with { or [ in quotes")


def _stray(seen: _Seen) -> Mistake | None:
    if "block sequence entries are not allowed" in seen.problem:
        return seen.at_mark("a list cannot begin behind its key", "begin it on the next line, each entry with '- '")
    if "node content" not in seen.problem:
        return None
    return seen.at_mark(f"{seen.char or 'the end'} stands where a value is expected", "put the text in quotes")


def _no_colon(seen: _Seen) -> Mistake | None:
    """A line that was to be a key with a value."""
    if "could not find expected ':'" not in seen.problem or seen.begun is None:
        return None
    return _not_a_key(seen, seen.begun[0])


def _not_a_key(seen: _Seen, line: int) -> Mistake:
    text = seen.text(line)
    column = len(text) - len(text.lstrip())
    if (glued := _GLUED.fullmatch(text.rstrip())) is not None:
        hint = f"write '{glued['key']}: {glued['value']}'"
        return seen.at(line, glued.end("key"), "a space is missing behind the colon", hint)
    if text.lstrip().startswith(("//", "/*")):
        return seen.at(line, column, "a comment does not begin like this", "begin it with '# '")
    if "=" in text and ":" not in text:
        return seen.at(line, text.index("="), "an = stands behind the key", "write ': ' behind a key")
    what = "this line has no key with a colon"
    return seen.at(line, column, what, "write 'key: value'; a text of several lines begins with | or stands in quotes")


def _colon(seen: _Seen) -> Mistake | None:
    """A colon where none is allowed: inside a text, or because what stands above is no mapping."""
    if "mapping values are not allowed" not in seen.problem:
        return None
    if _KEY_AND_TEXT.match(seen.before):
        return seen.at_mark("a colon and a space stand inside a text", "put the text in quotes")
    above = seen.previous(seen.line)
    if above is None:
        return None
    text = seen.text(above)
    if (dash := _DASH.fullmatch(text.rstrip())) is not None:
        return seen.at(above, dash.start("rest"), "a space is missing behind the dash", f"write '- {dash['rest']}'")
    if _GLUED.fullmatch(text.rstrip()) or not _KEY_AND_TEXT.match(text):
        return _not_a_key(seen, above)
    what = f"this line is indented deeper than line {above + 1}, which has a value already"
    return seen.at(seen.line, _indent(seen.here), what, f"indent it by {_levels(text)[-1]}, like the key above it")


def _indentation(seen: _Seen) -> Mistake | None:
    """A line whose indentation fits nothing above it, or that is no entry of the list it stands in."""
    if "did not find expected" not in seen.problem or seen.begun is None or "block" not in seen.context:
        return None
    begun, entry = seen.begun, _ENTRY.match(seen.here[seen.column :])
    if entry is not None and "mapping" in seen.context and seen.column == begun[1]:
        first = _first_of_list(seen) or begun[0]
        what = f"a list entry stands here, and line {first + 1} begins none"
        return seen.at_mark(what, f"a list starts with '- ': begin line {first + 1} with '- ' too")
    if "collection" in seen.context and entry is None and seen.column == begun[1]:
        what = f"a key stands among the entries of the list that begins in line {begun[0] + 1}"
        return seen.at_mark(what, "begin it with '- ', or indent it to the entry that it belongs to")
    fitting = _fitting(seen)
    if fitting is None:
        return None
    line, wanted = fitting
    what = f"this line is indented by {seen.column}, and what it belongs to in line {line + 1} by {wanted}"
    return seen.at_mark(what, f"indent it by {wanted}")


def _first_of_list(seen: _Seen) -> int | None:
    """The line that would begin the list whose entry stands at the error: the first one below a key without a value."""
    line = below = seen.line
    while (above := seen.previous(line)) is not None:
        below, line = line, above
        if _indent(seen.text(line)) <= seen.column:
            return below if seen.text(line).rstrip().endswith(":") else None
    return None


def _fitting(seen: _Seen) -> tuple[int, int] | None:
    """The line above, with the indentation of its keys, that is nearest to the indentation of this one."""
    found: tuple[int, int] | None = None
    line = seen.previous(seen.line)
    lowest = 1_000
    while line is not None and (found is None or line >= (seen.begun or (0, 0))[0]):
        text = seen.text(line)
        if _indent(text) < lowest:
            lowest = _indent(text)
            for level in reversed(_levels(text)):
                if found is None or abs(level - seen.column) < abs(found[1] - seen.column):
                    found = (line, level)
        line = seen.previous(line)
    return found


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _levels(text: str) -> list[int]:
    """The indentations at which a line has something: its dashes, and its key."""
    levels = [_indent(text)]
    while (entry := re.match(r"- +", text[levels[-1] :])) is not None:
        levels.append(levels[-1] + entry.end())
    return levels


_RULES: tuple[_Rule, ...] = (
    _merge,
    _odd_characters,
    _tab,
    _quotes,
    _first_character,
    _braces,
    _behind_braces,
    _stray,
    _no_colon,
    _colon,
    _indentation,
)
