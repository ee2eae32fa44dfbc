"""Chooses where a request carries each input (`docs/semantics.md`, where a REST input comes from)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from cap_core.compile.bind_call import report_match
from cap_core.compile.bound import Bound, Origin
from cap_core.compile.expressions import PLACES
from cap_core.compile.rejection import Rejected
from cap_core.compile.scope import Scope
from cap_core.compile.unclaimed import Claimed
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.exposed import DeclaredInput
from cap_core.plan.inputs import Place
from cap_core.plan.values import InputRef, leaves
from cap_core.syntax.names import match, near


class Slot(msgspec.Struct, frozen=True):
    """Where an input is read from: its place, its name there (`wire`), and the places that are tried after it."""

    place: Place
    wire: str
    also: tuple[Place, ...] = ()


def located_sources(claimed: Claimed) -> frozenset[str]:
    """The inputs whose name begins with a place because an author wrote it so."""
    found = (leaf for one in claimed.fields for leaf in leaves(one.field.value))
    return frozenset(leaf.name for leaf in found if isinstance(leaf, InputRef) and leaf.located)


class Places(msgspec.Struct, frozen=True):
    """Chooses the place of each input, which depends on all other values of the request."""

    bound: Bound
    claimed: Claimed
    body_is_input: bool
    """Whether one input is the whole body, so that no other can be a member of it."""
    declared_of_body: int
    """How many inputs are declared `in: body`."""
    located: frozenset[str]
    """The sources that name a place in front of the input."""

    @classmethod
    def of(cls, bound: Bound, claimed: Claimed) -> Places:
        """Prepare the choice, once every value of the request is bound."""
        wholes = (one.field.value for one in claimed.fields if one.field.place == "body")
        return cls(
            bound=bound,
            claimed=claimed,
            body_is_input=any(isinstance(item, InputRef) and item.name in ("body", claimed.passed) for item in wholes),
            located=located_sources(claimed),
            declared_of_body=sum((item.place or "").lower() == "body" for item in bound.scope.declared.values()),
        )

    def slot(self, source: str, declared: DeclaredInput | None, mentions: Sequence[Origin], report: Reporter) -> Slot:
        """The place of the input that values refer to as `source`. Raises `Rejected` if it can have none."""
        scope = self.bound.scope
        if not scope.http:
            if declared is not None and (declared.place or "").lower() == "environment":
                raise _no_place(declared)
            name = source.partition(".")[2] if source in self.located else source
            return Slot("argument", declared.name if declared is not None else name)
        entity = any(one.field.place == "body" and one.whole for one in mentions)
        if declared is not None and declared.place:
            return self._declared(declared, entity=entity)
        if source in self.claimed.paired:
            return Slot("path", self.claimed.paired[source])
        if source in self.located:
            return _located(source, scope)
        name = declared.name if declared is not None else source
        placeholder = match(name, scope.path_names)
        if placeholder is not None:
            report_match(placeholder, name, scope.at, report)
            return Slot("path", placeholder)
        if entity and source in ("body", "request_body"):
            return Slot("body", "body")
        if any(one.field.place == "header" for one in mentions):
            return Slot("header", name, ("query",))
        return self._query_or_member(name, mentions)

    def _query_or_member(self, name: str, mentions: Sequence[Origin]) -> Slot:
        if not self.bound.scope.body_allowed or self.body_is_input:
            return Slot("query", name)
        if any(one.field.place in ("body", "member") for one in mentions):
            return Slot("member", name, ("query",))
        return Slot("query", name, ("member",))

    def _declared(self, declared: DeclaredInput, *, entity: bool) -> Slot:
        """The place that the input itself declares; `entity` where its value is the whole body."""
        scope = self.bound.scope
        place = (declared.place or "").lower()
        if place == "path":
            placeholder = match(declared.name, scope.path_names)
            if placeholder is None:
                what = f"the input {declared.name!r} has no place in {scope.path!r}"
                raise Rejected("lost-identifier", declared.at, what, f"write {{{declared.name}}} into the path")
            return Slot("path", placeholder)
        if place == "body":
            only = entity and self.declared_of_body == 1
            return Slot("body", "body") if only else Slot("member", declared.name)
        if place in ("query", "header", "cookie"):
            return Slot(cast("Place", place), declared.name)
        raise _no_place(declared)


def _located(source: str, scope: Scope) -> Slot:
    """The place that a source names, as `query.x` does."""
    place, _, name = source.partition(".")
    wire = match(name, scope.path_names) or name if place == "path" else name
    return Slot(PLACES[place], wire)


def _no_place(declared: DeclaredInput) -> Rejected:
    what = f"the input {declared.name!r} cannot come from {declared.place!r}"
    return Rejected("bad-input-place", declared.at, what, near(declared.place or "", PLACES) or None)
