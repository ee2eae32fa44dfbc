"""Finds the members of an answer that the outputs read as lists, for formats without lists of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cap_core.runtime import jsonpath
from cap_core.runtime.jsonpath import Wild

if TYPE_CHECKING:
    from cap_core.plan.exposed import DeclaredOutput


class Lists:
    """A member: whether it is read as a list, and the members below it."""

    def __init__(self) -> None:
        self.taken = False
        self.below: dict[str, Lists] = {}


def lists_of(outputs: Iterable[DeclaredOutput]) -> Lists:
    """The members that the outputs' mappings and types read as lists, as a tree from the entire answer."""
    root = Lists()
    _declare(outputs, root)
    return root


def _declare(outputs: Iterable[DeclaredOutput], within: Lists) -> None:
    for output in outputs:
        at, many = _element(output, within)
        if at is None:
            continue
        if (output.type == "array" or output.items is not None) and not many:
            at.taken = True
        if output.items is not None:
            _declare((output.items,), at)
        _declare(output.properties, at)
        if output.mapping is None and output.name:
            # The output may be the element itself, which depends on the answer.
            _declare(output.properties, within)


def _element(output: DeclaredOutput, within: Lists) -> tuple[Lists | None, bool]:
    """The member that an output reads, or None where its path is of another kind, and whether it finds many values."""
    if output.mapping is not None:
        return _follow(jsonpath.compile(output.mapping.strip()).steps, within)
    return (within.below.setdefault(output.name, Lists()) if output.name else within), False


def _follow(steps: tuple[jsonpath.Step, ...], node: Lists) -> tuple[Lists | None, bool]:
    """The member that steps lead to, or None if it is not known, and whether they can find several values.

    Members that the steps read as lists are recorded.
    """
    many = False
    for step in steps:
        if isinstance(step, str):
            node = node.below.setdefault(step, Lists())
            continue
        if step is Wild.BELOW:
            return None, True
        node.taken = True
        if step is Wild.SOME:
            return None, True
        many = many or step is Wild.EVERY
    return node, many
