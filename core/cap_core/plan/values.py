"""The kinds of values: an input, a variable, a step's result, a literal, and text and trees made of these."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

import msgspec

from cap_core.syntax.templates import TemplateError


class Binding(msgspec.Struct, frozen=True):
    """A variable of a `binds` entry, of `--set`, or one that nothing declares (`declared` is False)."""

    name: str
    """As messages name it: `API_KEY`, or the undeclared template's own text."""
    namespace: str = ""
    declared: bool = True


class InputRef(msgspec.Struct, frozen=True):
    """The caller's input of this name. If the caller does not give it, its default is sent, else nothing."""

    name: str
    default: object = msgspec.UNSET
    located: bool = False
    """Whether its name begins with the place where callers give it, as an author's `rest.query.x` has it."""
    label: str = ""
    """What messages to the caller call it, by the place where it is given: `query limit`."""


class StepRef(msgspec.Struct, frozen=True):
    """A part of an earlier step's result. If the path finds nothing, or `null`, nothing is sent."""

    step: str
    path: str
    """A JSONPath into the step's result; `$` is the whole of it."""


class Constant(msgspec.Struct, frozen=True):
    """A value the document's author wrote."""

    value: object


class Template(msgspec.Struct, frozen=True):
    """Text with variables. A template of one variable and nothing else keeps that variable's JSON type."""

    parts: tuple[str | InputRef | Binding | StepRef, ...]


class Tree(msgspec.Struct, frozen=True):
    """A list or an object with values inside: the body templates. Absent members are dropped."""

    items: tuple[tuple[str, Value], ...] | tuple[Value, ...]
    keyed: bool


Value = InputRef | StepRef | Constant | Template | Tree | Binding


def leaves(item: Value) -> Iterator[InputRef | StepRef | Binding | Constant]:
    """Every reference and literal in a value."""
    if isinstance(item, Template):
        for part in item.parts:
            if not isinstance(part, str):
                yield part
    elif isinstance(item, Tree):
        for entry in item.items:
            yield from leaves(entry[1] if isinstance(entry, tuple) else entry)
    else:
        yield item


def input_names(item: Value) -> Iterator[str]:
    """The name of every input in a value, once for each occurrence."""
    return (leaf.name for leaf in leaves(item) if isinstance(leaf, InputRef))


def substitute(item: Value, change: Callable[[InputRef], Value]) -> Value:
    """The value with every input reference replaced. Text around a replaced reference stays text."""
    if isinstance(item, InputRef):
        return change(item)
    if isinstance(item, Template):
        return Template(tuple(_part(part, change) for part in item.parts))
    if isinstance(item, Tree):
        if item.keyed:
            return Tree(tuple((e[0], substitute(e[1], change)) for e in item.items if isinstance(e, tuple)), keyed=True)
        return Tree(tuple(substitute(e, change) for e in item.items if not isinstance(e, tuple)), keyed=False)
    return item


def _part(
    part: str | InputRef | StepRef | Binding, change: Callable[[InputRef], Value]
) -> str | InputRef | StepRef | Binding:
    if not isinstance(part, InputRef):
        return part
    new = change(part)
    if isinstance(new, Constant):
        return new.value if isinstance(new.value, str) else msgspec.json.encode(new.value).decode()
    if isinstance(new, InputRef | StepRef | Binding):
        return new
    raise TemplateError("a value made of several parts cannot stand inside a text")


def without(item: Value, names: Container[str]) -> Value | None:
    """The value without these inputs, which nobody gives; None if nothing is left, as of a text that has one in it."""
    if isinstance(item, Tree):
        pairs = [(e[0], without(e[1], names)) if isinstance(e, tuple) else ("", without(e, names)) for e in item.items]
        left = [(key, value) for key, value in pairs if value is not None]
        if item.items and not left:
            return None
        return Tree(tuple(left), keyed=True) if item.keyed else Tree(tuple(value for _, value in left), keyed=False)
    return None if any(name in names for name in input_names(item)) else item


def in_text(item: Value, name: str) -> bool:
    """Whether an input stands inside a text, which takes it as text."""
    if isinstance(item, Tree):
        return any(in_text(entry[1] if isinstance(entry, tuple) else entry, name) for entry in item.items)
    return isinstance(item, Template) and name in input_names(item)


def mentions_binding(item: Value) -> bool:
    """Whether any variable from outside is in a value."""
    return any(isinstance(leaf, Binding) for leaf in leaves(item))
