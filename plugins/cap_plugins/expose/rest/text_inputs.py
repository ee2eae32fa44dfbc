"""The inputs that a request has as text: in its path, headers, cookies, query or a form.

A text stays as the caller wrote it (`docs/semantics.md`, checking): `00123` is checked as an integer and sent as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import unquote_to_bytes

import msgspec

from cap_core.errors import FieldError
from cap_core.plan.input_types import InputType
from cap_core.plan.inputs import Input, Place
from cap_core.plugins.messages import Scope
from cap_core.runtime.input_checks import TextCheck, text_check
from cap_core.syntax.path_template import placeholders

Values = dict[str, object]
FieldErrors = list[FieldError]

TextReader = Callable[[Scope, tuple[str, ...], Values, FieldErrors], None]
"""Reads the text inputs of a request, from its scope and the values of the route's placeholders."""

MOST_FIELD_ERRORS = 100
"""Errors after which a reader stops, so that an answer does not list a million wrong fields."""

PairReader = Callable[[bytes, Values, FieldErrors], None]
"""Reads the text inputs of `a=1&b=2`."""


_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Slot(msgspec.Struct, frozen=True):
    """One text input at one place.

    With `many`, repeated values are collected. A `second` place is read only if the input has no value from the first.
    """

    name: str
    where: str
    check: TextCheck | None
    many: bool
    whole: TextCheck | None
    """Of a list of objects, the check of a text that is all of it, as JSON."""
    second: bool

    def take(self, text: str, values: Values, field_errors: FieldErrors) -> None:
        """Store a valid text, or add the fault of an invalid one."""
        given = values.get(self.name)
        if given is not None and not self.many:
            field_errors.append(FieldError(self.where, "is given twice"))
        elif self.whole is not None and text.lstrip().startswith("["):
            self._take_whole(text, values, field_errors)
        elif self.check is not None and (what := self.check(text)) is not None:
            field_errors.append(FieldError(self.where, what))
        elif self.many:
            item = text if self.whole is None else msgspec.Raw(text.encode())
            values[self.name] = [*given, item] if isinstance(given, list) else [item]
        else:
            values[self.name] = text

    def _take_whole(self, text: str, values: Values, field_errors: FieldErrors) -> None:
        assert self.whole is not None
        if (what := self.whole(text)) is not None:
            field_errors.append(FieldError(self.where, what))
            return
        given = values.setdefault(self.name, [])
        assert isinstance(given, list)
        given += _list(text)

    def take_bytes(self, raw: bytes, values: Values, field_errors: FieldErrors) -> None:
        """Store the text of these bytes, or add the fault of an invalid one."""
        try:
            self.take(raw.decode(), values, field_errors)
        except UnicodeDecodeError:
            field_errors.append(FieldError(self.where, "is not UTF-8 text"))


def _each(item: Input) -> InputType:
    """What a single text of an input may be: of a list, each item."""
    return (item.of.items or InputType()) if item.type == "array" else item.of


def slots(items: Iterable[Input], place: Place) -> dict[str, Slot]:
    """The inputs that a request may have at a place, by their names there."""
    return {
        item.wire: Slot(
            name=item.name,
            where=item.where(place),
            check=text_check(_each(item)),
            many=item.type == "array",
            whole=text_check(item.of) if _each(item).type in ("object", "array") and item.type == "array" else None,
            # Clients send some headers unasked (Accept), so a header does not contradict the query; a body does.
            second=item.place == "header" and place != "header",
        )
        for item in items
        if item.place == place or place in item.also
    }


def compile_text_inputs(items: tuple[Input, ...], template: str) -> TextReader | None:
    """The function that reads a call's text inputs; None where it has none."""
    compiled = (_path(items, template), _headers(items), _cookies(items), _query(items))
    steps = tuple(step for step in compiled if step is not None)
    if len(steps) <= 1:
        return steps[0] if steps else None

    def read_all(scope: Scope, params: tuple[str, ...], values: Values, field_errors: FieldErrors) -> None:
        for step in steps:
            step(scope, params, values, field_errors)

    return read_all


def compile_pairs(known: dict[str, Slot], unknown: Callable[[str], FieldError] | None = None) -> PairReader:
    """The function that reads a query or a form. Unknown names are ignored, or faults if `unknown` is given."""
    by_name = {name.encode(): slot for name, slot in known.items()}
    seconds = any(slot.second for slot in known.values())

    def pairs(text: bytes, values: Values, field_errors: FieldErrors) -> None:
        settled = frozenset(values) if seconds else frozenset()
        for pair in text.split(b"&"):
            if len(field_errors) >= MOST_FIELD_ERRORS:
                return
            name, _, raw = pair.partition(b"=")
            slot = by_name.get(name)
            if slot is None:
                name = _unescaped(name)
                slot = by_name.get(name)
            if slot is None:
                if unknown is not None and pair:
                    field_errors.append(unknown(name.decode(errors="replace")))
            elif slot.name not in settled:
                slot.take_bytes(_unescaped(raw), values, field_errors)

    return pairs


def _unescaped(raw: bytes) -> bytes:
    if b"+" in raw:
        raw = raw.replace(b"+", b" ")
    return unquote_to_bytes(raw) if b"%" in raw else raw


def _path(items: tuple[Input, ...], template: str) -> TextReader | None:
    order = placeholders(template)
    taken = tuple((order.index(wire), slot) for wire, slot in slots(items, "path").items())
    if not taken:
        return None
    if not any(slot.check or slot.many for _, slot in taken):
        named = tuple((index, slot.name) for index, slot in taken)

        def unchecked(scope: Scope, params: tuple[str, ...], values: Values, field_errors: FieldErrors) -> None:
            for index, name in named:
                values[name] = params[index]

        return unchecked

    segments = template.split("/")
    placed = tuple((index, slot, _from_end(f"{{{order[index]}}}", segments)) for index, slot in taken)

    def path(scope: Scope, params: tuple[str, ...], values: Values, field_errors: FieldErrors) -> None:
        for index, slot, at in placed:
            if not slot.many:
                slot.take(params[index], values, field_errors)
                continue
            # A list in a path has commas between its items (RFC 6570, 3.2.2); an escaped comma belongs to an item.
            parts = scope["raw_path"].split(b"/")[at].split(b",") if at else params[index].encode().split(b",")
            for part in parts:
                slot.take_bytes(unquote_to_bytes(part) if at else part, values, field_errors)

    return path


def _from_end(placeholder: str, segments: list[str]) -> int:
    """The place of the segment that is a placeholder and nothing else, counted from the end; 0 if there is none."""
    return segments.index(placeholder) - len(segments) if placeholder in segments else 0


def _headers(items: tuple[Input, ...]) -> TextReader | None:
    known = {wire.lower().encode(): slot for wire, slot in slots(items, "header").items()}
    if not known:
        return None

    def headers(scope: Scope, params: tuple[str, ...], values: Values, field_errors: FieldErrors) -> None:
        for name, raw in scope["headers"]:
            slot = known.get(name)
            if slot is None:
                continue
            # A list in a header is one line with commas, several lines, or both (RFC 9110, 5.3).
            for part in raw.split(b",") if slot.many else (raw,):
                slot.take_bytes(part.strip(), values, field_errors)

    return headers


def _cookies(items: tuple[Input, ...]) -> TextReader | None:
    known = {wire.encode(): slot for wire, slot in slots(items, "cookie").items()}
    if not known:
        return None

    def cookies(scope: Scope, params: tuple[str, ...], values: Values, field_errors: FieldErrors) -> None:
        crumbs = (crumb for name, raw in scope["headers"] if name == b"cookie" for crumb in raw.split(b";"))
        for crumb in crumbs:
            name, _, value = crumb.strip().partition(b"=")
            if (slot := known.get(name)) is not None:
                slot.take_bytes(unquote_to_bytes(value), values, field_errors)

    return cookies


def _query(items: tuple[Input, ...]) -> TextReader | None:
    known = slots(items, "query")
    if not known:
        return None
    pairs = compile_pairs(known)

    def query(scope: Scope, params: tuple[str, ...], values: Values, field_errors: FieldErrors) -> None:
        if text := scope["query_string"]:
            pairs(text, values, field_errors)

    return query
