"""Which members of an answer the outputs take for lists, for formats that do not say so themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cap_core.plan import DeclaredOutput

_NAME = re.compile(
    r"""\.(?P<name>[A-Za-z_\u0080-\U0010FFFF][\w\-\u0080-\U0010FFFF]*)
      | \[\s*'(?P<single>(?:[^'\\]|\\.)*)'\s*\]
      | \[\s*"(?P<double>(?:[^"\\]|\\.)*)"\s*\]""",
    re.VERBOSE,
)
_ELEMENTS = re.compile(r"\[\s*(-?\d+|\*)\s*\]")


class Lists:
    """A member: whether it is taken for a list, and the members below it."""

    def __init__(self) -> None:
        self.taken = False
        self.below: dict[str, Lists] = {}


def lists_of(outputs: Iterable[DeclaredOutput]) -> Lists:
    """The members that the outputs' mappings and types take for lists, from the whole answer down."""
    root = Lists()
    _declare(outputs, root)
    return root


def _declare(outputs: Iterable[DeclaredOutput], within: Lists) -> None:
    for output in outputs:
        path = output.mapping.strip() if output.mapping is not None else f"$['{output.name}']" if output.name else "$"
        at, many = _follow(path, within)
        if at is None:
            continue
        if (output.type == "array" or output.items is not None) and not many:
            at.taken = True
        if output.items is not None:
            _declare((output.items,), at)
        _declare(output.properties, at)


def _follow(path: str, node: Lists) -> tuple[Lists | None, bool]:
    """The member a path leads to, or None where it is another kind of path, and whether it finds many values.

    The members that it takes for lists on its way are noted.
    """
    end, many = 1, False
    while end < len(path) and path[end:] != ".":
        if step := _NAME.match(path, end):
            name = next(text for text in step.group("name", "single", "double") if text is not None)
            node = node.below.setdefault(re.sub(r"\\(.)", r"\1", name), Lists())
            end = step.end()
        elif path[end] == "[":
            # An index, all elements, a slice or a filter.
            node.taken = True
            found = _ELEMENTS.match(path, end)
            if found is None:
                return None, True
            many = many or found[1] == "*"
            end = found.end()
        else:
            return None, True
    return node, many
