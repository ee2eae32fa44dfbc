"""Adds to a request what the exposed side brings and no parameter of the target takes.

That is `with` keys and declared inputs of unknown names, placeholders whose names do not match, and an undeclared body
(`docs/semantics.md`, inputs). Each is sent all the same, or reported as lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

import msgspec

from cap_core.compile.body_encoding import BodyEncodingChoice, is_content_type, passed_encoding
from cap_core.compile.bound import Bound, BoundField, origins, request_field
from cap_core.compile.rejection import Rejected
from cap_core.compile.scope import Scope
from cap_core.compile.target import Target
from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark
from cap_core.plan.request import RequestField
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import InputRef, Value, input_names, leaves
from cap_core.syntax.names import match, near, norm
from cap_core.syntax.yaml_tree import Node


class UndeclaredBody(msgspec.Struct, frozen=True, kw_only=True):
    """A body that a target takes from its callers without declaring it."""

    name: str
    """The input that it is."""
    type: str | None
    note: str
    """What callers of a tool are told of it."""
    encoding: BodyEncodingChoice | None = None
    """How a tool's argument becomes the body; None where bodies come as bytes, or have to be JSON objects."""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """Every value of the request, and the inputs that none of these values reads."""

    fields: tuple[BoundField, ...]
    paired: Mapping[str, str]
    """Inputs of the target's path, each with the placeholder of the scope that it is paired with by order."""
    unreached: tuple[str, ...] = ()
    """Inputs that are declared and sent nowhere; callers may give them all the same."""
    passed: str = ""
    """The input that is the caller's body, passed through unread; "" if there is none."""
    body: UndeclaredBody | None = None
    """The input that is a body which the target does not declare, whether it is passed through or read."""

    @property
    def encoding(self) -> BodyEncodingChoice | None:
        """How a tool's argument becomes the body that is passed through; None where no such argument does."""
        return self.body.encoding if self.body is not None else None


def claim(bound: Bound, report: Reporter) -> Claimed:
    """Add what no parameter takes to the request. Raises `Rejected` if an identifier would be lost."""
    paired = _paired(bound.scope, bound.fields, report)
    assigned = _add(bound, bound.fields, _unused_keys(bound), report)
    declared = _add(bound, assigned.fields, _unreached_inputs(bound, assigned, paired), report)
    unreached = (*assigned.unreached, *declared.unreached)
    return _with_body(bound, Claimed(fields=declared.fields, paired=paired, unreached=unreached))


def claim_step(bound: Bound, report: Reporter, *, last: bool) -> Claimed:
    """Add the `with` keys that no parameter takes to a step's request, and the caller's body to that of the last."""
    assigned = _add(bound, bound.fields, _unused_keys(bound), report)
    claimed = Claimed(fields=assigned.fields, paired={}, unreached=assigned.unreached)
    return _with_body(bound, claimed) if last else claimed


def _paired(scope: Scope, fields: Sequence[BoundField], report: Reporter) -> dict[str, str]:
    """Pair unmatched placeholders of both paths in order, if there is no `with` and their numbers are equal."""
    if not scope.http or scope.with_ is not None:
        return {}
    found = origins(fields)
    waiting = [
        name
        for name, mentions in found.items()
        if any(one.field.place == "path" for one in mentions) and match(name, scope.path_names) is None
    ]
    taken = {placeholder for name in found if (placeholder := match(name, scope.path_names))}
    free = [placeholder for placeholder in scope.placeholders if placeholder not in taken]
    if not waiting or len(waiting) != len(free):
        return {}
    pairs = dict(zip(waiting, free, strict=True))
    listed = ", ".join(f"{{{consumed}}} with {{{exposed}}}" for consumed, exposed in pairs.items())
    report("paired-placeholder", scope.at, f"paired in order: {listed}")
    return pairs


# --- what is left of `with` and of the declared inputs ------------------------------------------------------------


class _Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """Something that no parameter takes. With `entity` it may become the entire body, if there is none yet."""

    name: str
    value: Value
    at: Mark
    entity: bool
    node: Node | None = None
    inherited: bool = False
    """Whether it is declared for more operations than this one, so that it identifies nothing."""


class _Added(msgspec.Struct, frozen=True):
    fields: tuple[BoundField, ...]
    unreached: tuple[str, ...]


def _unused_keys(bound: Bound) -> Iterator[_Leftover]:
    used = bound.used
    for key, one in bound.assignments.entries.items():
        if key not in used:
            entity = key == "body" and one.value == InputRef("body")
            yield _Leftover(name=key, value=one.value, at=one.node.mark, entity=entity, node=one.node)


def _unreached_inputs(bound: Bound, added: _Added, paired: Mapping[str, str]) -> Iterator[_Leftover]:
    mentioned = origins(added.fields, added.unreached)
    located = (name.partition(".")[2] for one in added.fields for name in _located(one))
    reached = {spelling for name in (*mentioned, *located) for spelling in (name, norm(name))}
    standing = frozenset(paired.values())
    for name, declared in bound.scope.declared.items():
        if name in reached or (norm(name) and norm(name) in reached):
            continue
        entity = declared.place == "body" and name == "body"
        leftover = _Leftover(
            name=name, value=InputRef(name), at=declared.at, entity=entity, inherited=declared.inherited
        )
        sent_whole = entity and bound.target.writes and not _has_entity(added.fields)
        if not sent_whole and _stays_in_path(name, bound, standing):
            continue
        yield leftover
        reached |= {name, norm(name)}


def _located(one: BoundField) -> Iterator[str]:
    """The inputs of a field whose names begin with the place where callers give them."""
    return (leaf.name for leaf in leaves(one.field.value) if isinstance(leaf, InputRef) and leaf.located)


def _stays_in_path(name: str, bound: Bound, standing: frozenset[str]) -> bool:
    """Whether a declared input must not be sent anywhere but in the path.

    That is one that is paired with a placeholder, and one whose loss would turn a change of one resource into a change
    of all of them.
    """
    placeholder = match(name, bound.scope.path_names)
    return placeholder is not None and (placeholder in standing or bound.target.replaces)


def _add(bound: Bound, fields: tuple[BoundField, ...], leftovers: Iterator[_Leftover], report: Reporter) -> _Added:
    """Add each leftover as the body, as a member of it, or to the query; report those that are sent nowhere."""
    out = list(fields)
    unreached: list[str] = []
    has_entity = _has_entity(fields)
    decided = _decided(bound.target, fields)
    for leftover in leftovers:
        entity = leftover.entity and bound.target.writes and not has_entity
        if not entity and (leftover.name in decided or norm(leftover.name) in decided):
            place = None
            _report_decided(leftover, bound, report)
        else:
            place = "body" if entity else _place_of_unknown(leftover, bound, has_entity=has_entity, report=report)
        if place is None:
            unreached += input_names(leftover.value)
            continue
        field = request_field(place, leftover.name, leftover.value, leftover.at, node=leftover.node)
        out.append(BoundField(field=field, undeclared=True))
        has_entity = has_entity or entity
    return _Added(tuple(out), tuple(unreached))


def _place_of_unknown(leftover: _Leftover, bound: Bound, *, has_entity: bool, report: Reporter) -> FieldPlace | None:
    """Where something of an unknown name is sent; None if nowhere. Either is reported."""
    reason, hint = _unknown(leftover.name, bound)
    if not bound.target.writes:
        report("unknown-parameter", leftover.at, f"{reason}; it is sent as a query parameter", hint)
        return "query"
    lost = bound.target.removes or (bound.all_identify and not leftover.inherited)
    if not has_entity and not lost:
        report("unknown-parameter", leftover.at, f"{reason}; it is sent as a member of the body", hint)
        return "member"
    what = f"{reason}, and {'a body would identify nothing' if lost else 'its body is already spoken for'}"
    if leftover.inherited:
        report("lost-identifier", leftover.at, f"{what}; it is not sent", hint)
    else:
        report_lost(bound.target, leftover.at, what, report, hint)
    return None


def _decided(target: Target, fields: Sequence[BoundField]) -> frozenset[str]:
    """The names, in every spelling, whose values the document decides at the place where unknown names are sent.

    Sent beside such a value, or instead of it, a caller's would win over what the author has fixed.
    """
    place = "member" if target.writes else "query"
    names = [one.field.name for one in fields if one.field.place == place]
    if place == "query" and target.operation is not None:
        names += [name for name, _ in parse_qsl(target.operation.query, keep_blank_values=True)]
    return frozenset((*names, *map(norm, names))) - {""}


def _report_decided(leftover: _Leftover, bound: Bound, report: Reporter) -> None:
    address, name = bound.target.address, leftover.name
    key = bound.assignments.find(name)
    if key is not None and leftover.node is None:
        reason, hint = _taken_elsewhere(name, key, bound)
    else:
        reason, hint = f"the value of {name!r} is fixed where {address} is consumed", "leave one of them out"
    if not leftover.inherited and (bound.target.removes or bound.all_identify):
        report_lost(bound.target, leftover.at, f"{reason}; it is not sent", report, hint)
    else:
        report("unknown-parameter", leftover.at, f"{reason}; it is not sent", hint)


def _unknown(name: str, bound: Bound) -> tuple[str, str | None]:
    """The message that a name is no parameter of the target, and a hint."""
    address = bound.target.address
    key = bound.assignments.find(name)
    if key is not None and key in bound.used:
        return _taken_elsewhere(name, key, bound)
    free = [p.name for p in bound.parameters if bound.assignments.find(p.name) is None]
    return f"{address} declares no {name!r}", near(name, free) or None


def _taken_elsewhere(name: str, key: str, bound: Bound) -> tuple[str, str]:
    what = f"the input {name!r} feeds nothing: 'with' takes {key!r} of {bound.target.address} from elsewhere"
    prefix = "rest" if bound.scope.http else "tools"
    return what, f"take it from the input in 'with', as in {key}: {prefix}.{name}"


def report_lost(target: Target, at: Mark, message: str, report: Reporter, hint: str | None = None) -> None:
    """Report an identifier that is sent nowhere. Raises `Rejected` if the request would then affect other resources."""
    if target.replaces:
        raise Rejected("lost-identifier", at, message, hint or "declare it on the called operation")
    report("lost-identifier", at, message, hint)


def _has_entity(fields: Sequence[BoundField]) -> bool:
    """Whether a value is the whole body."""
    return any(bound.field.place == "body" for bound in fields)


# --- the caller's body --------------------------------------------------------------------------------------------


def _with_body(bound: Bound, claimed: Claimed) -> Claimed:
    """The same with the caller's body, if the target writes and declares no body: it is sent untouched."""
    has_body = any(one.field.place in ("body", "member") for one in claimed.fields)
    if not bound.target.writes or has_body or _with_reads_body(bound):
        return claimed
    name = "body" if match("body", origins(claimed.fields, claimed.unreached)) is None else "request_body"
    at = bound.target.at
    field = RequestField(place="body", name=name, value=InputRef(name), type=None, required=False, at=at)
    fields = (*claimed.fields, BoundField(field=field))
    if any(place == "body" for place, _ in bound.target.supplied):  # authentication adds members, so it has to be read
        body = UndeclaredBody(name=name, type="object", note=_about_body(bound.target, "application/json"))
        return msgspec.structs.replace(claimed, fields=fields, body=body)
    if bound.scope.http:
        body = UndeclaredBody(name=name, type=None, note="")
        return msgspec.structs.replace(claimed, fields=fields, passed=name, body=body)
    encoding = passed_encoding(claimed.fields)
    if encoding.type == "multipart":  # the gateway makes its content type, with the boundary
        fields = tuple(one for one in fields if not is_content_type(one))
    body = UndeclaredBody(
        name=name,
        type=_ARGUMENT_TYPES.get(encoding.type),
        note=_about_body(bound.target, encoding.media_type),
        encoding=encoding,
    )
    return msgspec.structs.replace(claimed, fields=fields, passed=name, body=body)


_ARGUMENT_TYPES = {"text": "string", "multipart": "object"}
"""The types of arguments that only one type can be encoded of, by the encoding."""


def _about_body(target: Target, media_type: str) -> str:
    """What callers are told of a body that the target does not declare; `media_type` is "" where none is fixed."""
    route = f"{target.operation.method} {target.operation.path}" if target.operation is not None else target.address
    form = f"sent as {media_type}" if media_type else "JSON, or a text that is sent as it is"
    if target.removes:
        what = "Most vendors take none when something is deleted: leave it out, unless this one is known to need it"
        return f"The body of {route}: {form}. {what}."
    return f"The body of {route}: {form}. What it has to hold is not declared here; the vendor's documentation says it."


def _with_reads_body(bound: Bound) -> bool:
    return bound.scope.http and any(s == "body" or s.startswith("body.") for s in bound.assignments.inputs)
