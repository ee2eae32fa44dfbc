"""Makes the inputs that the values of a request read: their names, places and types, and which are required.

The rules are those of `docs/semantics.md`, inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial

import msgspec

from cap_core.compile.bound import TEXT_PLACES, Bound, BoundField, Origin, origins
from cap_core.compile.bound_types import effective_type, sent_default
from cap_core.compile.input_places import Places, Slot, located_sources
from cap_core.compile.scope import Scope
from cap_core.compile.target import Parameter
from cap_core.compile.unclaimed import Claimed, report_lost
from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredInput
from cap_core.plan.input_types import InputType
from cap_core.plan.inputs import Input, Inputs, Place, aliases
from cap_core.plan.request import RequestField
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import InputRef, in_text, input_names, substitute
from cap_core.syntax.names import match


class BoundInputs(msgspec.Struct, frozen=True):
    """The inputs, and the fields of the request with every reference replaced by the final name of its input."""

    inputs: Inputs
    fields: tuple[RequestField, ...]


class _Source(msgspec.Struct, frozen=True, kw_only=True):
    """What an `Input` is made of."""

    source: str
    """The name by which the values of the request refer to it."""
    mentions: Sequence[Origin]
    declared: DeclaredInput | None
    parameters: Sequence[Parameter]
    """The parameters of the target whose value it is, and the `in: body` one that types it beside a body template."""
    typing: Parameter | None
    """The latter of these."""
    fields: Sequence[BoundField]
    """The fields of the request that read it."""
    located: bool
    """Whether the name begins with a place."""
    media_type: str = ""
    """The media type that the document fixes for a body which consists of inputs alone."""


def bind_inputs(bound: Bound, claimed: Claimed, report: Reporter) -> BoundInputs:
    """Make the inputs of a call. Raises `Rejected` where one has no place, or an identifier would be lost."""
    places = Places.of(bound, claimed)
    slots: dict[tuple[Place, str], Input] = {}
    taken: set[str] = set()
    names: dict[str, str] = {}
    declarations: dict[str, DeclaredInput | None] = {}
    identifying: set[str] = set()
    for known in _sources(bound, claimed):
        slot = places.slot(known.source, known.declared, known.mentions, report)
        item = _distinct(_input(known, slot, bound, claimed, report), slots, taken)
        slots[(item.place, item.wire)] = item
        taken.add(item.name)
        names[known.source], declarations[known.source] = item.name, known.declared
        if slot.place == "path" and any(origin.identifies for origin in known.mentions):
            identifying.add(slot.wire)
    _check_placeholders(bound, slots, identifying, report)
    _report_inferred(bound, names, report)
    items = _aliased(tuple(slots.values()), bound, report)
    by_name = {item.name: item for item in items}

    def reference(one: BoundField, found: InputRef) -> InputRef:
        item = by_name[names[found.name]]
        default = sent_default(one, declarations[found.name], item.of)
        return InputRef(item.name, default, label=item.where())

    fields = tuple(
        msgspec.structs.replace(one.field, value=substitute(one.field.value, partial(reference, one)))
        for one in claimed.fields
    )
    return BoundInputs(Inputs(items), fields)


def _sources(bound: Bound, claimed: Claimed) -> Iterator[_Source]:
    typing = _typing(bound.fields)
    body = [one.field for one in claimed.fields if one.field.place in ("body", "member")]
    media_type = bound.media_type if all(isinstance(field.value, InputRef) for field in body) else ""
    located = located_sources(claimed)
    reading: dict[str, list[BoundField]] = {}
    for one in claimed.fields:
        for name in dict.fromkeys(input_names(one.field.value)):
            reading.setdefault(name, []).append(one)
    for source, mentions in origins(claimed.fields, claimed.unreached).items():
        whole = [one.parameter for one in mentions if one.parameter is not None and one.whole]
        typed = typing.get(source)
        scope = bound.scope
        yield _Source(
            source=source,
            mentions=mentions,
            declared=_declaration(source, claimed, scope, located=source in located),
            located=source in located,
            parameters=(*whole, *([typed] if typed is not None else [])),
            typing=typed,
            fields=reading.get(source, ()),
            media_type=media_type,
        )


def _declaration(source: str, claimed: Claimed, scope: Scope, *, located: bool) -> DeclaredInput | None:
    """The declaration that counts for an input; for one with a place, that of the same place, or without any."""
    if not located:
        return scope.declaration(source) or scope.declaration(claimed.paired.get(source, source))
    place, _, name = source.partition(".")
    found = scope.declaration(name)
    return found if found is not None and (not scope.http or (found.place or place).lower() == place) else None


def _typing(fields: Iterable[BoundField]) -> Mapping[str, Parameter]:
    out: dict[str, Parameter] = {}
    for bound in fields:
        for name, parameter in bound.typed:
            out.setdefault(name, parameter)
    return out


# --- one input ----------------------------------------------------------------------------------------------------


def _input(known: _Source, slot: Slot, bound: Bound, claimed: Claimed, report: Reporter) -> Input:
    name = _name(known, slot)
    of = effective_type(name, known.declared, known.parameters, report)
    body = claimed.body if claimed.body is not None and known.source == claimed.body.name else None
    if body is not None:
        of = of.over(InputType(type=body.type))
    encoding = body.encoding if body is not None else None
    return Input(
        name=name,
        place=slot.place,
        wire=slot.wire,
        also=slot.also,
        of=of,
        required=_required(known, slot, of),
        note=body.note if body is not None else "",
        opaque=body is not None and known.source == claimed.passed,
        text=_text_places(known) if of.type is None else frozenset(),
        filled=of.type in (None, "string") and any(one.whole and one.field.place == "path" for one in known.mentions),
        raw=_is_raw(known, bound, claimed),
        media_type=encoding.media_type if encoding is not None else _media_type(known, slot, bound),
        at=_mark(known, bound.scope.at),
        declared=known.declared is not None,
        named=bound.assignments.marks.get(known.source, ()),
    )


def _is_raw(known: _Source, bound: Bound, claimed: Claimed) -> bool:
    """Whether nothing but a JSON body takes it, and never inside a text."""
    body_type = claimed.encoding.type if claimed.encoding is not None else bound.body_type
    return (
        body_type == "json"
        and bool(known.fields)
        and all(one.field.place in ("member", "body") for one in known.fields)
        and not any(in_text(one.field.value, known.source) for one in known.fields)
    )


def _text_places(known: _Source) -> frozenset[FieldPlace]:
    """Where it is sent, if that is text everywhere."""
    places = frozenset(origin.field.place for origin in known.mentions)
    return places if places <= TEXT_PLACES else frozenset()


def _name(known: _Source, slot: Slot) -> str:
    """The name for callers: as declared, else that of the source without the place that an author put before it."""
    if known.declared is not None:
        return known.declared.name
    return slot.wire if known.located else known.source


def _media_type(known: _Source, slot: Slot, bound: Bound) -> str:
    """The media type of bodies that pass as they are: where the body is this input, or parts that are all inputs."""
    if not known.media_type:
        return ""
    alone = all(origin.whole and origin.field.place == "body" for origin in known.mentions)
    members = slot.place == "member" and bound.body_type == "multipart"
    return known.media_type if (slot.place == "body" and alone) or members else ""


def _required(known: _Source, slot: Slot, of: InputType) -> bool:
    """Whether callers must give it: never if there is a default, always in a path, else as the declared input says,
    else as the parameter does."""
    if slot.place == "path":
        return True
    open_fields = [one for one in known.fields if sent_default(one, known.declared, of) is msgspec.UNSET]
    if known.fields and not open_fields:
        return False
    if any(one.field.required and one.field.place == "path" for one in open_fields):
        return True
    if known.declared is not None and known.declared.required is not None:
        return known.declared.required
    return any(one.field.required for one in open_fields) or (known.typing is not None and known.typing.required)


def _mark(known: _Source, scope: Mark) -> Mark:
    """Its mark: that of its declaration, its parameter, the first value that reads it, or the exposed operation."""
    if known.declared is not None:
        return known.declared.at
    if known.parameters:
        return known.parameters[0].at
    return known.mentions[0].field.at if known.mentions else scope


# --- all inputs ---------------------------------------------------------------------------------------------------


def _distinct(item: Input, slots: Mapping[tuple[Place, str], Input], taken: Collection[str]) -> Input:
    """The one input of a slot, under a name that no other slot's input has."""
    same = slots.get((item.place, item.wire))
    if same is not None:
        return msgspec.structs.replace(same, required=same.required or item.required, of=same.of.over(item.of))
    if item.name in taken:
        return msgspec.structs.replace(item, name=f"{item.place}.{item.wire}")
    return item


def _check_placeholders(
    bound: Bound, slots: Mapping[tuple[Place, str], Input], identifying: Collection[str], report: Reporter
) -> None:
    """Report the placeholders that reach nothing, or nothing by which a target that replaces knows what is meant."""
    scope = bound.scope
    for placeholder in scope.placeholders:
        if match(placeholder, scope.supplied) is not None:
            continue
        if ("path", placeholder) not in slots:
            what = f"the placeholder {{{placeholder}}} of {scope.path!r} reaches nothing of {bound.target.address}"
            report_lost(bound.target, scope.at, what, report)
        elif bound.target.replaces and placeholder not in identifying:
            what = f"the placeholder {{{placeholder}}} reaches nothing that {bound.target.address} declares"
            report_lost(bound.target, scope.at, what, report)


def _report_inferred(bound: Bound, names: Mapping[str, str], report: Reporter) -> None:
    inferred = dict.fromkeys(name for one in bound.fields for name in one.inferred)
    undeclared = [
        names[source] for source in inferred if source in names and match(source, bound.scope.declared_names) is None
    ]
    if undeclared:
        what = f"inputs taken from {bound.target.address}: {', '.join(dict.fromkeys(undeclared))}"
        report("inferred-input", bound.scope.at, what)


def _aliased(items: tuple[Input, ...], bound: Bound, report: Reporter) -> tuple[Input, ...]:
    """The inputs of a tool with the property names that MCP clients accept; other inputs as they are."""
    renamed = {} if bound.scope.http else aliases([item.name for item in items])
    for name, alias in renamed.items():
        what = f"the input {name!r} is shown to MCP clients as {alias!r}"
        report("renamed-property", bound.scope.call_at, what)
    return tuple(
        msgspec.structs.replace(item, alias=renamed[item.name]) if item.name in renamed else item for item in items
    )
