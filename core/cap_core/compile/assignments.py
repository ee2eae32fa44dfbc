"""The `with` map of a call: the value of each key, and the inputs that the values read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from cap_core.compile.expressions import INPUT_PREFIXES, Names, may_infer, respelled, with_value
from cap_core.compile.respelled import unwrapped
from cap_core.compile.scope import Scope
from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark
from cap_core.plan.values import Value, input_names
from cap_core.syntax.names import Spellings, closest, match
from cap_core.syntax.yaml_tree import Node, Scalar, scalars


class Assignment(msgspec.Struct, frozen=True):
    """One entry of `with`: its compiled value, and its node in the document."""

    value: Value
    node: Node


class Assignments(msgspec.Struct, frozen=True, dict=True):
    """The entries of a `with` map, by key, in order."""

    entries: Mapping[str, Assignment]

    def find(self, name: str) -> str | None:
        """The key that a parameter of this name matches."""
        return match(name, self._keys)

    @cached_property
    def _keys(self) -> Spellings:
        return Spellings(self.entries)

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Every input that a value reads, in order."""
        return tuple(name for one in self.entries.values() for name in input_names(one.value))

    @cached_property
    def marks(self) -> Mapping[str, tuple[Mark, ...]]:
        """Where each input is named."""
        marks: dict[str, list[Mark]] = {}
        for one in self.entries.values():
            for name in dict.fromkeys(input_names(one.value)):
                marks.setdefault(name, []).append(one.node.mark)
        return {name: tuple(those) for name, those in marks.items()}


def read_assignments(scope: Scope, names: Names, report: Reporter) -> Assignments:
    """The `with` map of `scope` (`docs/semantics.md`, values). Raises `TemplateError`."""
    entries = scope.with_ or {}
    prefix = "rest" if scope.http else "tools"
    own = frozenset({*scope.declared, *scope.placeholders})
    for key, node in entries.items():
        _check_entry(_Entry(str(key), node, names, own, prefix), report)
    return Assignments(
        {str(key): Assignment(with_value(node, names.inferring(may_infer(key))), node) for key, node in entries.items()}
    )


class _Entry(msgspec.Struct, frozen=True):
    """An entry as it is looked at: `own` are the inputs of its scope, `prefix` the word that means them there."""

    key: str
    node: Node
    names: Names
    own: frozenset[str]
    prefix: str


def _check_entry(entry: _Entry, report: Reporter) -> None:
    node, names = entry.node, entry.names
    if isinstance(node, Scalar):
        if node.plain and not node:
            report("empty-with", node.mark, f"the 'with' key {entry.key!r} has no value; nothing is sent")
        elif (name := respelled(node, names)) is not None:
            what = f"{str(node)!r} is read as the input {name!r}"
            report("respelled-source", node.mark, what, f"write '{entry.prefix}.{name}'")
        elif (step := _respelled_step(node, names)) is not None:
            report("normalized-name", node.mark, f"{str(node).partition('.')[0]!r} is read as {step!r}")
        elif (hint := _literal_hint(node, entry)) is not None:
            report("literal-source", node.mark, f"{str(node)!r} is sent as that text", hint)
        return
    for leaf in scalars(node):
        prefix, dot, rest = leaf.partition(".")
        source = dot and rest and not any(c.isspace() for c in rest)
        if source and prefix not in names.prefixes and names.steps.find(prefix) is not None:
            what = f"{str(leaf)!r} inside a list or a mapping is sent as that text"
            report("literal-source", leaf.mark, what, f"write '{{{{{leaf}}}}}' for the result of the step")
            continue
        source = source and prefix in names.prefixes
        name = rest if source else respelled(leaf, names)
        if name is not None:
            what = f"{str(leaf)!r} inside a list or a mapping is sent as that text"
            written = leaf if source else f"{entry.prefix}.{name}"
            report("literal-source", leaf.mark, what, f"write '{{{{{written}}}}}' for the input")


def _respelled_step(text: Scalar, names: Names) -> str | None:
    """The step that a source names in another spelling than its own, else None."""
    prefix, dot, rest = text.partition(".")
    sources = names.prefixes | names.bindings.namespaces | {"env"}
    if not dot or not rest.isidentifier() or not prefix.isidentifier() or prefix in sources:
        return None
    step = names.steps.find(prefix)
    return step if step != prefix else None


def _literal_hint(text: Scalar, entry: _Entry) -> str | None:
    """What would help where a text looks like a source and is none; None where it does not, or means something."""
    names = entry.names
    inner, wrapped = unwrapped(text)
    if wrapped and not text.startswith("$this."):
        if names.bindings.find(inner) is not None:
            return f"write '{{{{{inner}}}}}' for the variable"
        name = inner.rpartition(".")[2]
        return f"write '{entry.prefix}.{name}' for an input of that name" if name.isidentifier() else None
    if names.bindings.find(text) is not None and "." not in text:
        return f"write '{{{{{text}}}}}' if the variable is meant"
    prefix, dot, rest = text.partition(".")
    if not dot:
        same = text in entry.own or text == entry.key
        return f"write '{entry.prefix}.{text}' if the input is meant" if same else None
    sources = names.prefixes | names.bindings.namespaces | {"env"}
    if not rest or not prefix.isidentifier() or prefix in sources or names.bindings.find(text) is not None:
        return None
    if names.steps.find(prefix) is not None:
        return None
    likely = closest(prefix, [*INPUT_PREFIXES, *names.steps.earlier], cutoff=0.75)
    if likely is not None and rest.isidentifier():
        return f"did you mean '{likely}.{rest}'?"
    last = text.rpartition(".")[2]
    return f"write '{entry.prefix}.{last}' if the input is meant" if last in names.inputs else None
