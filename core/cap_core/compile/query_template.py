"""Splits the query of a consumed path into its literal part and the parameters that its variables become."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from cap_core.compile.target import Parameter
from cap_core.document.model import ConsumedParameter
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredType
from cap_core.plan.input_types import InputType
from cap_core.syntax.names import Spellings, match
from cap_core.syntax.templates import TemplateError, Var, parse_path
from cap_core.syntax.yaml_tree import Scalar


class QueryTemplate(msgspec.Struct, frozen=True):
    """A query, split: its literal part, and what its variables become (`docs/semantics.md`, the upstream request)."""

    literal: str = ""
    """What is sent as it is, "" for nothing."""
    parameters: tuple[Parameter, ...] = ()
    """One for each pair whose value is a template."""
    names: frozenset[str] = frozenset()
    """The declared parameters that are sent as part of such a template, and nowhere else."""
    whole: frozenset[str] = frozenset()
    """The declared parameters that are the entire value of a pair of their own name."""


def query_template(query: str, declared: Iterable[ConsumedParameter], at: Mark) -> QueryTemplate:
    """Split `a=b&q={q}`: a pair with variables is a query parameter with a template. Raises `TemplateError`."""
    literal: list[str] = []
    parameters: list[Parameter] = []
    names: set[str] = set()
    whole: set[str] = set()
    known = Spellings(p.name for p in declared)
    for pair in query.split("&") if query else ():
        name, _, text = pair.partition("=")
        if "{" not in pair:
            literal.append(pair)
            continue
        if "{" in name:
            raise TemplateError(f"the name of the query parameter {name!r} has a variable")
        parts = parse_path(text)
        if len(parts) == 1 and isinstance(parts[0], Var) and name == match(parts[0].name, known):
            whole.add(name)
            continue
        names |= {found for p in parts if isinstance(p, Var) and (found := match(p.name, known)) is not None}
        template = "".join(p if isinstance(p, str) else _variable(p, match(p.name, known)) for p in parts)
        parameters.append(_parameter(name, Scalar(template, at, plain=False)))
    return QueryTemplate("&".join(literal), tuple(parameters), frozenset(names - whole), frozenset(whole))


def _variable(variable: Var, declared: str | None) -> str:
    """A variable as templates write it: `{x}` is an input, `{{x}}` is one where a parameter has its name."""
    name = declared or (variable.name if variable.braces == 1 else None)
    return f"{{{{{variable.name}}}}}" if name is None else f"{{{{tools.{name}}}}}"


def _parameter(name: str, template: Scalar) -> Parameter:
    return Parameter(
        name=name,
        place="query",
        of=InputType(),
        written=DeclaredType(at=template.mark),
        required=False,
        value=template,
        at=template.mark,
    )
