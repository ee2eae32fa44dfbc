"""Decides whether a regular expression is one of ECMA-262 with its `u` flag, as JSON Schema's clients compile it."""

from __future__ import annotations

import re

_COMMON = (
    r"[dDsSwWfnrtv0/^$\\.*+?()\[\]{}|]|c[A-Za-z]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|u\{0*(?:10|[0-9A-Fa-f])?"
    r"[0-9A-Fa-f]{1,4}\}|[pP]\{(?:L|Lu|Ll|N|Nd|P|S|Z|Letter|Number|Punctuation|Script=[A-Z][a-z]+)\}"
)
_IN_CLASS = rf"\\(?:{_COMMON}|[b-])"
_TOKEN = re.compile(
    rf"(?P<escape>\\(?:{_COMMON}|[bB]|(?P<number>[1-9]\d*)|k<(?P<used>[A-Za-z_$][\w$]*)>))"
    rf"|(?P<class>\[\^?(?:[^\]\\]|{_IN_CLASS})*\])"
    r"|(?P<group>\((?!\?)|\(\?(?::|=|!|<=|<!|<(?P<name>[A-Za-z_$][\w$]*)>))"
    r"|(?P<close>\))"
    r"|(?P<repeat>(?:[*+?]|\{(?P<least>\d+)(?:,(?P<most>\d*))?\})\??)"
    r"|(?P<other>[^\\\[\](){}*+?])",
    re.DOTALL | re.ASCII,
)
_LOOK = ("(?=", "(?!", "(?<=", "(?<!")
_NOT_REPEATED = ("^", "$", "|", r"\b", r"\B")
_SET = re.compile(r"\\[dDsSwWpP]")


def is_ecma(pattern: str) -> bool:
    """Whether `new RegExp(pattern, "u")` succeeds. It may succeed for some rare properties that are refused here."""
    at, groups, highest = 0, 0, 0
    names: list[str] = []
    used: set[str] = set()
    open_groups: list[bool] = []
    repeatable = False
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        if found is None or not _stands(found, open_groups, repeatable=repeatable):
            return False
        if found["group"]:
            groups += found["group"] == "(" or found["name"] is not None
            names += [found["name"]] if found["name"] else []
            open_groups.append(found["group"] not in _LOOK)
            repeatable = False
        elif found["close"]:
            repeatable = open_groups.pop()
        else:
            repeatable = found["repeat"] is None and found[0] not in _NOT_REPEATED
        highest = max(highest, int(found["number"] or 0))
        used |= {found["used"]} if found["used"] else set()
        at = found.end()
    return not open_groups and highest <= groups and used <= set(names) and len(names) == len(set(names))


def _stands(found: re.Match[str], open_groups: list[bool], *, repeatable: bool) -> bool:
    """Whether a token may stand where it does."""
    if found["class"]:
        return _ascends(found["class"])
    if found["close"]:
        return bool(open_groups)
    if found["repeat"]:
        return repeatable and not (found["most"] and int(found["most"]) < int(found["least"]))
    return True


def _ascends(text: str) -> bool:
    """Whether the ranges of a class such as `[a-z]` go upwards, between single characters."""
    items = re.findall(rf"{_IN_CLASS}|.", text[2:-1] if text.startswith("[^") else text[1:-1], re.DOTALL)
    at = 0
    while at + 2 < len(items):
        first, dash, last = items[at : at + 3]
        if dash != "-":
            at += 1
            continue
        if _SET.match(first) or _SET.match(last) or (len(first) == len(last) == 1 and first > last):
            return False
        at += 3
    return True
