"""What the strings of a document mean as values: references, templates, literals (`docs/semantics.md`, values)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from cap_core.bindings import Bindings
from cap_core.documents import Map, Node, Scalar, Seq, resolve
from cap_core.errors import Mark
from cap_core.plan import Binding, Constant, InputRef, StepRef, Template, Tree, Value
from cap_core.templates import TemplateError, Var, parse

FACES = frozenset({"rest", "tools"})
"""The words that mean "the caller's input", on either face."""


class Names(msgspec.Struct, frozen=True):
    """What names mean where an expression stands.

    `prefixes` are the words before a dot that mean an input; `inputs` are the names that are surely inputs here;
    `steps` are the earlier steps of a flow, whose outputs can be named.
    """

    bindings: Bindings
    unbound: Callable[[str, Mark], object]
    """Called for each variable that nothing declares, with its name and place."""
    prefixes: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()


def with_value(node: Node, names: Names) -> Value:
    """The value of a `with` entry. Raises `TemplateError`."""
    if isinstance(node, Scalar):
        # `$this.things.id`, an older spelling, is `things.id`.
        text = str(node).removeprefix("$this.")
        prefix, dot, rest = text.partition(".")
        if dot and rest and not any(c.isspace() for c in rest):
            if prefix in names.prefixes:
                return InputRef(rest)
            if prefix in names.steps:
                return StepRef(prefix, f"$.{rest}")
        if dot and rest and (binding := names.bindings.find(text)):
            return binding
        if prefix == "env" and rest.isidentifier():
            return _unbound(text, node.mark, names)
    return value(node, names)


def value(node: Node, names: Names) -> Value:
    """The value of a node where `{{…}}` are variables and everything else is literal. Raises `TemplateError`."""
    if isinstance(node, Map):
        if any("{{" in key for key in node):
            raise TemplateError("a variable cannot be a key")
        return Tree(tuple((str(key), value(item, names)) for key, item in node.items()), keyed=True)
    if isinstance(node, Seq):
        return Tree(tuple(value(item, names) for item in node), keyed=False)
    if "{{" not in node and "}}" not in node:
        return Constant(resolve(node))
    parts = tuple(part if isinstance(part, str) else _variable(part, node.mark, names) for part in parse(node))
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], str) else Template(parts)


def _variable(var: Var, at: Mark, names: Names) -> InputRef | Binding | StepRef:
    binding = names.bindings.find(var.name)
    if binding is not None:
        return binding
    prefix, dot, rest = var.name.partition(".")
    if dot and rest and prefix in names.prefixes:
        return InputRef(rest)
    if prefix in names.steps and bool(dot) == bool(rest):
        return StepRef(prefix, f"$.{rest}" if rest else "$")
    if var.name in names.inputs:
        return InputRef(var.name)
    return _unbound(var.name, at, names)


def _unbound(name: str, at: Mark, names: Names) -> Binding:
    names.unbound(name, at)
    return Binding(name, declared=False)


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
    """The name of every input in a value, each as often as it stands there."""
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


def mentions_binding(item: Value) -> bool:
    """Whether any variable from outside is in a value."""
    return any(isinstance(leaf, Binding) for leaf in leaves(item))
