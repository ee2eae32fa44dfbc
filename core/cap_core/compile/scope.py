"""The calling side of a binding: the names that can be used, `with`, the declared inputs and placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import msgspec

from cap_core.compile.expressions import INPUT_PREFIXES, Names
from cap_core.compile.step_names import StepNames
from cap_core.compile.variables import Bindings
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.vocabulary import WRITES
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredInput, ExposedOperation
from cap_core.syntax.names import Spellings, match, near
from cap_core.syntax.templates import Var, parse_path
from cap_core.syntax.yaml_tree import Node


class Scope(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """An exposed operation, or a step of a flow, as binding sees it.

    A step has no declared inputs and no path of its own; it has `steps`, the names of all of its flow.
    """

    at: Mark
    call_at: Mark
    """The mark of `call`."""
    bindings: Bindings
    prefixes: frozenset[str]
    """The words before a dot that mean an input: `rest`, `tools`, the namespace of the exposure."""
    steps: StepNames = StepNames()
    """The steps of the flow; the results of the earlier ones can be named."""
    with_: Mapping[str, Node] | None = None
    """The `with` map; None where the document has none."""
    declared: Mapping[str, DeclaredInput] = {}
    """The declared inputs, by name."""
    http: bool = False
    """Whether inputs come in the parts of an HTTP request; else they are arguments of a tool."""
    path: str | None = None
    placeholders: tuple[str, ...] = ()
    """The placeholders of `path`, in order."""
    supplied: frozenset[str] = frozenset()
    """Names that authentication supplies, so that nothing of such a name identifies a resource."""
    body_allowed: bool = False
    """Whether a caller's request may have a body."""

    @cached_property
    def declared_names(self) -> Spellings:
        """The names of the declared inputs, prepared for matching."""
        return Spellings(self.declared)

    @cached_property
    def path_names(self) -> Spellings:
        """The placeholders of its own path, prepared for matching."""
        return Spellings(self.placeholders)

    def declaration(self, name: str) -> DeclaredInput | None:
        """The declared input that `name` matches, else None."""
        found = match(name, self.declared_names)
        return self.declared[found] if found is not None else None

    def names(self, inputs: frozenset[str], known: frozenset[str], report: Reporter) -> Names:
        """What names mean here: those in `inputs` are inputs; a hint may suggest those in `known`."""

        def unbound(name: str, at: Mark) -> None:
            hint = near(name, [*self.bindings.names, *known]) or None
            report("unbound-variable", at, f"nothing declares the variable {name!r}", hint)

        def respelled(text: str, name: str, at: Mark) -> None:
            hint = f"write '{{{{{'rest' if self.http else 'tools'}.{name}}}}}'"
            report("respelled-source", at, f"'{{{{{text}}}}}' is read as the input {name!r}", hint)

        return Names(self.bindings, unbound, self.prefixes, inputs, self.steps, respelled)


def exposed_scope(exposed: ExposedOperation, namespace: str, bindings: Bindings) -> Scope:
    """The scope of an exposed operation or tool of the exposure `namespace`.

    Raises `TemplateError` for a path whose braces are not balanced.
    """
    parts = parse_path(exposed.path) if exposed.path is not None else ()
    return Scope(
        at=exposed.at,
        call_at=exposed.call_at,
        bindings=bindings,
        prefixes=INPUT_PREFIXES | {namespace},
        with_=exposed.with_,
        declared={item.name: item for item in exposed.inputs},
        http=exposed.kind == "operation",
        path=exposed.path,
        placeholders=tuple(part.name for part in parts if isinstance(part, Var)),
        body_allowed=exposed.method in WRITES,
    )
