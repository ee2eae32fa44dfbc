"""The `with` map of a call: the value of each key, and the inputs that the values read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from cap_core.compile.expressions import INPUT_PREFIXES, Names, with_value
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
    for key, node in entries.items():
        _check_entry(str(key), node, names, report)
    return Assignments({str(key): Assignment(with_value(node, names), node) for key, node in entries.items()})


def _check_entry(key: str, node: Node, names: Names, report: Reporter) -> None:
    if isinstance(node, Scalar):
        if node.plain and not node:
            report("empty-with", node.mark, f"the 'with' key {key!r} has no value; it is read as null")
        _check_literal(node, names, report)
        return
    for leaf in scalars(node):
        prefix, dot, rest = leaf.partition(".")
        named = prefix in names.prefixes or names.steps.find(prefix) is not None
        if dot and rest and named and not any(c.isspace() for c in rest):
            what = f"{str(leaf)!r} inside a list or a mapping is sent as that text"
            meant = "the input" if prefix in names.prefixes else "the result of the step"
            report("literal-source", leaf.mark, what, f"write '{{{{{leaf}}}}}' for {meant}")


def _check_literal(text: Scalar, names: Names, report: Reporter) -> None:
    """Report a text that looks like a misspelled `rest.x` or step name: it would be sent as plain text."""
    prefix, dot, rest = text.partition(".")
    sources = names.prefixes | names.bindings.namespaces | {"env"}
    if not dot or not rest.isidentifier() or not prefix.isidentifier() or prefix in sources:
        return
    step = names.steps.find(prefix)
    if step is not None:
        if step != prefix:
            report("normalized-name", text.mark, f"{prefix!r} is read as {step!r}")
        return
    likely = closest(prefix, [*INPUT_PREFIXES, *names.steps.earlier], cutoff=0.75)
    if likely is not None and names.bindings.find(text) is None:
        what = f"{str(text)!r} is sent as that text"
        report("literal-source", text.mark, what, f"did you mean '{likely}.{rest}'?")
