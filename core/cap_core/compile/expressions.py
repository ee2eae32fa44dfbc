"""Compiles the strings of a document to values: references, templates, literals (`docs/semantics.md`, values)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import msgspec

from cap_core.compile.respelled import respelled_input, unwrapped
from cap_core.compile.step_names import StepNames
from cap_core.compile.variables import Bindings
from cap_core.errors import Mark
from cap_core.plan.inputs import Place
from cap_core.plan.values import Binding, Constant, InputRef, StepRef, Template, Tree, Value
from cap_core.syntax.templates import TemplateError, Var, parse
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, resolve

PLACES: Mapping[str, Place] = {
    "query": "query",
    "path": "path",
    "header": "header",
    "cookie": "cookie",
    "body": "member",
}
"""The places that a source may name, as in `rest.query.x`, and that `in` of a declared input may have."""

_CAPITALS = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
INPUT_PREFIXES = frozenset({"rest", "tools"})
"""The words before a dot that mean an input of the caller, in any exposure: `rest.x`, `tools.x`."""


class Names(msgspec.Struct, frozen=True):
    """What the names in an expression mean.

    `prefixes` are the words before a dot that mean an input; `inputs` are the names that are surely inputs here;
    `steps` are those of the flow that the expression belongs to.
    """

    bindings: Bindings
    unbound: Callable[[str, Mark], object]
    """Called for each variable that nothing declares, with its name and place."""
    prefixes: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()
    steps: StepNames = StepNames()
    respelled: Callable[[str, str, Mark], object] | None = None
    """Called for each variable that means an input by another spelling, with its text, the input and the place."""
    infers: bool = False
    """Whether a bare name that nothing declares is an input; elsewhere it is a variable that is not set."""

    def inferring(self, infers: bool) -> Names:
        """The same, inferring inputs or not."""
        return msgspec.structs.replace(self, infers=infers)


def with_value(node: Node, names: Names) -> Value:
    """The value of a `with` entry. Raises `TemplateError`."""
    if isinstance(node, Scalar):
        # `$this.things.id`, an older spelling, is `things.id`.
        text = str(node).removeprefix("$this.")
        prefix, dot, rest = text.partition(".")
        if dot and rest and not any(c.isspace() for c in rest):
            taken = prefix in names.prefixes or names.bindings.find(text) is not None
            step = names.steps.reference(text, node.mark, taken=taken)
            if step is not None:
                return step
            if prefix in names.prefixes:
                return source(rest, names)
        if dot and rest and (binding := names.bindings.find(text)):
            return binding
        if prefix == "env" and rest.isidentifier():
            return _unbound(text, node.mark, names)
        if (name := respelled(node, names)) is not None:
            return InputRef(name)
    return value(node, names)


def respelled(text: Scalar, names: Names) -> str | None:
    """The input that a `with` entry means by another spelling of a source, where it means nothing else."""
    inner, _ = unwrapped(text)
    word = inner.partition(".")[0]
    if names.steps.find(word) is not None or word in names.bindings.namespaces or word == "env":
        return None
    if (inner == text and word in names.prefixes) or names.bindings.find(inner) is not None:
        return None
    return respelled_input(text, names.prefixes, names.inputs)


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
    prefix, dot, rest = var.name.partition(".")
    of_input = bool(dot and rest) and prefix in names.prefixes
    step = names.steps.reference(var.name, at, taken=of_input or binding is not None)
    if step is not None:
        return step
    if binding is not None:
        return binding
    if of_input:
        return source(rest, names)
    if var.name in names.inputs or (names.infers and is_bare(var.name)):
        return InputRef(var.name)
    meant = _respelled_variable(var.name, names)
    if meant is not None:
        if names.respelled is not None:
            names.respelled(var.name, meant, at)
        return InputRef(meant)
    return _unbound(var.name, at, names)


def _respelled_variable(name: str, names: Names) -> str | None:
    """The input that a variable such as `{{params.x}}` means, where its first word means nothing else."""
    word = name.partition(".")[0]
    if names.steps.find(word) is not None or word in names.bindings.namespaces or word == "env":
        return None
    return respelled_input(name, names.prefixes, names.inputs)


def source(name: str, names: Names) -> InputRef:
    """The input that an author means behind a prefix: `rest.query.x` is x in the query, if no input is called so."""
    place, dot, _ = name.partition(".")
    return InputRef(name, located=bool(dot) and place in PLACES and name not in names.inputs)


def is_bare(name: str) -> bool:
    """Whether an undeclared name in `{{…}}` is an input: one in capitals is a variable that somebody forgot to bind."""
    return "." not in name and _CAPITALS.fullmatch(name) is None


def may_infer(name: str) -> bool:
    """Whether a header or a query parameter of this name can hold what callers give: credentials are the operator's."""
    lower = name.lower()
    return not any(word in lower for word in ("auth", "key", "token", "secret", "cookie"))


def _unbound(name: str, at: Mark, names: Names) -> Binding:
    names.unbound(name, at)
    return Binding(name, declared=False)
