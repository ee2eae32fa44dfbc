"""The parameters of a consumed operation: which declaration counts, where each is sent, and its type."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cap_core.compile.input_types import input_type
from cap_core.compile.target import Parameter
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.model import ConsumedParameter
from cap_core.document.vocabulary import PLACES, WRITES
from cap_core.plan.request import Style
from cap_core.plan.upstream import FieldPlace
from cap_core.syntax.names import near
from cap_core.syntax.yaml_tree import Scalar, resolve

# Headers that only the gateway sets: they frame the message, choose its coding, or concern one connection.
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"}) | {
    "expect",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
}


def nearest(levels: Iterable[Iterable[ConsumedParameter]], report: Reporter) -> list[ConsumedParameter]:
    """Each parameter once, in the order first named: the operation's overrides the resource's, that the adapter's."""
    out: dict[tuple[str, str | None], ConsumedParameter] = {}
    for level in levels:
        seen: set[str] = set()
        for parameter in level:
            if not parameter.name:
                report("nameless-parameter", parameter.at, "a parameter has no name; it is never sent")
                continue
            if parameter.name in seen:
                what = f"the parameter {parameter.name!r} stands twice in one list"
                report("duplicate-parameter", parameter.at, what)
            seen.add(parameter.name)
            out[(parameter.name, parameter.in_)] = parameter
    return list(out.values())


def placed_parameter(
    parameter: ConsumedParameter,
    method: str,
    placeholders: Collection[str],
    report: Reporter,
    *,
    shared: bool = False,
) -> Parameter:
    """A parameter with its place decided, and its type checked."""
    place = PLACES.get((parameter.in_ or "").lower())
    if place is None:
        place = _guessed_place(parameter, method, placeholders)
        problem = f"in: {parameter.in_}, which is no place," if parameter.in_ else "no 'in'"
        what = f"the parameter {parameter.name!r} has {problem} and is sent as {place}"
        hint = near(parameter.in_ or "", [*PLACES, "environment"]) or None
        report("guessed-place", parameter.mark("in"), what, hint)
    if parameter.value is not None and isinstance(parameter.value, Scalar) and resolve(parameter.value) is None:
        what = f"the parameter {parameter.name!r} has an empty 'value'; it is not sent"
        report("empty-value", parameter.mark("value"), what)
    written = parameter.declared_type()
    return Parameter(
        name=parameter.name,
        place=place,
        of=input_type(written, f"the parameter {parameter.name!r}", report),
        written=written,
        required=place == "path" or bool(parameter.needed),
        shared=shared,
        style=_style(parameter, place, report),
        value=parameter.value,
        at=parameter.at,
    )


_STYLES: dict[FieldPlace, tuple[str, ...]] = {
    "path": ("simple",),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form",),
    "body": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
}
"""The styles that each place has; the first is the one without `style`."""


def _style(parameter: ConsumedParameter, place: FieldPlace, report: Reporter) -> Style | None:
    """How lists and objects of it are written; None where the document does not say, or the place has one way alone."""
    if parameter.style is None and parameter.explode is None:
        return None
    known = _STYLES[place]
    name = parameter.style or known[0]
    if name not in known:
        what = f"{place} parameters have no style {name!r}; {parameter.name!r} is written as {known[0]}"
        report("bad-style", parameter.mark("style"), what, near(name, known) or None)
        name = known[0]
    return Style(name, parameter.explode) if len(known) > 1 else None


def _guessed_place(parameter: ConsumedParameter, method: str, placeholders: Collection[str]) -> FieldPlace:
    if parameter.name in placeholders:
        return "path"
    return "body" if method in WRITES else "query"


def is_reserved(parameter: Parameter) -> bool:
    """Whether a declared parameter is a header that the gateway sets itself."""
    return parameter.place == "header" and parameter.name.lower() in _OWN_HEADERS


def is_content_type(parameter: Parameter) -> bool:
    """Whether a declared parameter is the content type of the request."""
    return parameter.place == "header" and parameter.name.lower() == "content-type"
