"""Binds the values of a request: finds where each parameter, placeholder and body of a target gets its value.

The rules are those of `docs/semantics.md`, inputs and values. Everything here happens once, when a plan is compiled.
Binding has three phases, each working on the result of the one before: `bind` here binds what the target declares,
`unclaimed` adds what the exposed operation brings beyond that, `bind_inputs` makes the inputs that all values read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from cap_core.compile.assignments import Assignments, read_assignments
from cap_core.compile.body_encoding import BodyEncodingChoice, chosen_encoding, is_content_type
from cap_core.compile.bound import Bound, BoundField, request_field
from cap_core.compile.expressions import Names, is_bare, may_infer, value
from cap_core.compile.scope import Scope
from cap_core.compile.step_names import StepNames
from cap_core.compile.supplied import without_supplied
from cap_core.compile.target import Parameter, Target
from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark
from cap_core.plan.request import Style
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import InputRef, Tree, Value, substitute, without
from cap_core.syntax.names import Spellings, match
from cap_core.syntax.templates import Var
from cap_core.syntax.yaml_tree import Node, Scalar


def bind(target: Target, scope: Scope, report: Reporter) -> Bound:
    """Bind every value that `target` declares to the names in `scope`. Raises `TemplateError`, or
    `Rejected` for a body that cannot be encoded."""
    remaining = without_supplied(target, scope, report)
    parameters, scope = remaining.parameters, remaining.scope
    known = frozenset({*scope.declared, *scope.placeholders, *(p.name for p in target.parameters)})
    assignments = read_assignments(scope, scope.names(known, known, report), report)
    assigned = {p for name in assignments.inputs if (p := match(name.removeprefix("path."), scope.path_names))}
    bodies = {p.name: p for p in parameters if p.place == "body"}
    has_template = target.body is not None and target.body.data is not None
    site = _Site(
        target=target,
        scope=scope,
        assignments=assignments,
        # The templates of the target may name the keys of `with` as they name inputs. They cannot name steps: a target
        # means the same for all calls.
        names=msgspec.structs.replace(
            scope.names(known | assignments.entries.keys(), known, report), steps=StepNames()
        ),
        assigned=Spellings(assigned),
        free=Spellings(placeholder for placeholder in scope.placeholders if placeholder not in assigned),
        typing=bodies if has_template else {},
        typing_names=Spellings(bodies if has_template else ()),
        absent=remaining.absent,
        report=report,
    )
    path = tuple(_path(site, parameters))
    named, body = tuple(_named(site, parameters)), tuple(_body(site, parameters))
    encoding = BodyEncodingChoice(target.body.type) if target.body is not None and has_template else None
    if encoding is None:
        encoding = chosen_encoding(named, body, target)
        if encoding.type == "multipart":  # the boundary is in its content type, which the gateway makes
            named = tuple(one for one in named if not is_content_type(one))
    return Bound(
        target=target,
        scope=scope,
        parameters=parameters,
        assignments=assignments,
        fields=(*path, *named, *body),
        body_type=encoding.type,
        media_type=encoding.media_type,
    )


class _Site(msgspec.Struct, frozen=True, kw_only=True):
    """What binding a value depends on, gathered before the first value is bound."""

    target: Target
    scope: Scope
    assignments: Assignments
    names: Names
    """What names mean in the target's own templates."""
    assigned: Spellings
    """The placeholders of the scope that some value of `with` reads."""
    free: Spellings
    """The placeholders that no value of `with` reads."""
    typing: Mapping[str, Parameter]
    """The `in: body` parameters that give the types of a body template's variables; empty without a template."""
    typing_names: Spellings
    absent: frozenset[str]
    """Inputs in templates that are never given, because authentication supplies what they name."""
    report: Reporter


# --- the parts of the request ------------------------------------------------------------------------------------


def _path(site: _Site, parameters: Sequence[Parameter]) -> Iterator[BoundField]:
    by_name = {p.name: p for p in parameters if p.place == "path"}
    known_names = Spellings(by_name)
    target = site.target
    for part in target.segments:
        if isinstance(part, str):
            continue
        variable = part.braces == 2 or part.name in target.environment
        binding = site.scope.bindings.find(part.name) if variable else None
        if binding is not None:
            yield BoundField(field=request_field("path", part.name, binding, target.at, required=True))
            continue
        if part.braces == 2 and not is_bare(part.name) and "." not in part.name and not _is_own(site, part.name):
            unset = value(Scalar(f"{{{{{part.name}}}}}", target.at), site.names)
            yield BoundField(field=request_field("path", part.name, unset, target.at, required=True))
            continue
        name = _unqualified(part, site.names)
        found = match(name, known_names)
        parameter = by_name[found] if found is not None else None
        if parameter is not None:
            report_match(parameter.name, name, parameter.at, site.report)
        source = _value(site, found or name, parameter)
        yield _bound("path", part.name, source, parameter, target.at)


def _is_own(site: _Site, name: str) -> bool:
    """Whether the exposed side, a `with` key or a parameter has a name."""
    own = (site.scope.declared_names, site.scope.path_names)
    named = any(match(name, names) is not None for names in own) or site.assignments.find(name) is not None
    return named or any(p.name == name for p in site.target.parameters)


def _unqualified(variable: Var, names: Names) -> str:
    """The input that a variable of a path means: `{{tools.id}}` means `id`."""
    prefix, dot, rest = variable.name.partition(".")
    return rest if dot and prefix in names.prefixes else variable.name


def _named(site: _Site, parameters: Iterable[Parameter]) -> Iterator[BoundField]:
    """The query, the headers and the cookies."""
    for parameter in parameters:
        if parameter.place in ("query", "header", "cookie") and not _is_absent(site, parameter):
            source = _value(site, parameter.name, parameter)
            yield _bound(parameter.place, parameter.name, source, parameter, site.target.at)


def _body(site: _Site, parameters: Iterable[Parameter]) -> Iterator[BoundField]:
    template = site.target.body
    if template is not None and template.data is not None:
        data = without(value(template.data, site.names.inferring(True)), site.absent) or Tree((), keyed=True)
        source = _through_with(site, data, template.data)
        yield _bound("body", "", source, None, template.at)
        return
    members = [p for p in parameters if p.place == "body"]
    whole = len(members) == 1 and members[0].name == "body"
    for parameter in members:
        if _is_absent(site, parameter):
            continue
        source = _value(site, parameter.name, parameter)
        yield _bound("body" if whole else "member", parameter.name, source, parameter, site.target.at)


# --- where one value comes from -----------------------------------------------------------------------------------


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """A value and its node in the document, and the keys and inputs that were used or inferred to find it."""

    value: Value
    node: Node | None = None
    keys: tuple[str, ...] = ()
    inferred: tuple[str, ...] = ()
    typed: tuple[tuple[str, Parameter], ...] = ()


def _value(site: _Site, name: str, parameter: Parameter | None) -> _Source:
    """The source of a value: the parameter's own `value`, else `with`, else an input of that name."""
    key = site.assignments.find(name)
    if key is not None:
        _report_respelled(site, key, name)
    if parameter is not None and parameter.value is not None:
        fixed = value(parameter.value, _names(site, parameter))
        source = _through_with(site, without(fixed, site.absent) or fixed, parameter.value)
        return source if key is None else msgspec.structs.replace(source, keys=(key, *source.keys))
    if key is not None:
        assignment = site.assignments.entries[key]
        return _Source(value=assignment.value, node=assignment.node, keys=(key,))
    # A placeholder that both paths have is not reported: where its value comes from is obvious.
    in_path = parameter is None or parameter.place == "path"
    both = in_path and match(name, site.free) is not None
    if site.scope.with_ and (parameter is None or parameter.required) and not both:
        what = f"'with' says nothing of {name!r}, which {site.target.address} requires"
        site.report("uncovered-parameter", site.scope.call_at, what)
    inferred = _inferred(site, name)
    return _Source(value=InputRef(inferred, located=inferred != name), inferred=(inferred,))


def _is_absent(site: _Site, parameter: Parameter) -> bool:
    """Whether nothing is left of the fixed value of a parameter."""
    if parameter.value is None or not site.absent:
        return False
    return without(value(parameter.value, _names(site, parameter)), site.absent) is None


def _names(site: _Site, parameter: Parameter) -> Names:
    """What names mean in the value of a parameter: of what all operations share, or a credential, none is an input."""
    named = parameter.place not in ("header", "query") or may_infer(parameter.name)
    return site.names.inferring(named and not parameter.shared)


def _inferred(site: _Site, name: str) -> str:
    """The name of an input that the exposed side does not name, inferred from the target."""
    # If `with` reads the placeholder of this name for another parameter, this one becomes a query input.
    taken = match(name, site.assigned)
    return f"query.{name}" if taken and not match(name, site.scope.declared_names) else name


def _through_with(site: _Site, template: Value, node: Node) -> _Source:
    """A consumed template in which `{{tools.x}}` is replaced by what `with` assigns to x, if it assigns anything."""
    keys: list[str] = []
    inferred: list[str] = []
    typed: list[tuple[str, Parameter]] = []

    def change(reference: InputRef) -> Value:
        key = site.assignments.find(reference.name)
        new: Value = reference
        if key is None:
            inferred.append(reference.name)
        else:
            _report_respelled(site, key, reference.name)
            keys.append(key)
            new = site.assignments.entries[key].value
        parameter = match(reference.name, site.typing_names)
        if parameter is not None and isinstance(new, InputRef):
            typed.append((new.name, site.typing[parameter]))
        return new

    changed = substitute(template, change)
    return _Source(value=changed, node=node, keys=tuple(keys), inferred=tuple(inferred), typed=tuple(typed))


def _report_respelled(site: _Site, key: str, name: str) -> None:
    if key != name:
        at = site.assignments.entries[key].node.mark
        site.report("respelled-key", at, f"the 'with' key {key!r} is read as {name!r}")


def report_match(written: str, name: str, at: Mark, report: Reporter) -> None:
    """Report that two different spellings were treated as one name."""
    if written != name:
        report("normalized-name", at, f"{written!r} is read as {name!r}")


def _member_styles(source: _Source) -> Mapping[str, Style]:
    """The styles of a form's members that are inputs which an `in: body` parameter types."""
    styles = {name: parameter.style for name, parameter in source.typed if parameter.style is not None}
    if not styles or not isinstance(source.value, Tree):
        return {}
    members = (item for item in source.value.items if isinstance(item, tuple))
    return {key: styles[v.name] for key, v in members if isinstance(v, InputRef) and v.name in styles}


# --- the fields of the request ------------------------------------------------------------------------------------


def _bound(place: FieldPlace, name: str, source: _Source, parameter: Parameter | None, at: Mark) -> BoundField:
    """The bound field. Its mark is that of its parameter in the document; `at` if it has none."""
    field = request_field(
        place,
        name,
        source.value,
        parameter.at if parameter is not None else at,
        node=source.node,
        type_=parameter.type if parameter is not None else None,
        required=parameter.required if parameter is not None else place == "path",
    )
    style = parameter.style if parameter is not None else None
    return BoundField(
        field=msgspec.structs.replace(field, style=style, styles=_member_styles(source)),
        parameter=parameter,
        keys=source.keys,
        inferred=source.inferred,
        typed=source.typed,
    )
