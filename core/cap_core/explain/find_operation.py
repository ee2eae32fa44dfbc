"""Finds an exposed operation by a tool name, `METHOD /exposed/path`, or `namespace.operation` if that is unique."""

from __future__ import annotations

from collections.abc import Sequence

from cap_core.errors import ConfigError
from cap_core.plan.call import Call, RejectedOperation
from cap_core.plan.plan import CapabilityPlan
from cap_core.syntax.names import similar


def display_name(call: Call | RejectedOperation) -> str:
    """How a person names an exposed operation."""
    exposed = call.exposed
    return f"{exposed.method} {exposed.path}" if exposed.kind == "operation" else exposed.name


def every_operation(plan: CapabilityPlan) -> list[Call | RejectedOperation]:
    """Every exposed operation, served or rejected, in the order of the document."""
    found: list[Call | RejectedOperation] = []
    for exposure in plan.exposures:
        found += (*exposure.calls, *exposure.rejected)
    return sorted(found, key=lambda one: (one.exposed.at.line, one.exposed.at.column))


def find_operation(plan: CapabilityPlan, text: str) -> Call | RejectedOperation:
    """The exposed operation of this name. Rejected ones count only if no served one matches.

    Raises `ConfigError` if none matches or several do, with a list of candidates.
    """
    requested = " ".join(text.split())
    method, space, path = requested.partition(" ")
    if space:
        requested = f"{method.upper()} {path}"
    calls = [call for exposure in plan.exposures for call in exposure.calls]
    rejected = [one for exposure in plan.exposures for one in exposure.rejected]
    found = _matching(requested, calls) or _matching(requested, rejected)
    if not found:
        raise _unknown(plan, [*calls, *rejected], text)
    if len(found) == 1 or _send_the_same(found):
        return found[0]
    listed = ", ".join(repr(display_name(one)) for one in found)
    raise ConfigError(f"{text!r} may be any of {listed}", hint="name one of them")


def find_call(plan: CapabilityPlan, text: str) -> Call:
    """The call of this name. Raises `ConfigError` as `find_operation` does, and for a rejected operation."""
    found = find_operation(plan, text)
    if isinstance(found, RejectedOperation):
        why = found.why
        raise ConfigError(f"{text!r} cannot be served: {why.message}", at=why.at, hint=why.hint)
    return found


def _matching(requested: str, among: Sequence[Call | RejectedOperation]) -> list[Call | RejectedOperation]:
    exact = [one for one in among if display_name(one) == requested]
    return exact or [one for one in among if requested in (one.exposed.call, one.exposed.name)]


def _send_the_same(found: Sequence[Call | RejectedOperation]) -> bool:
    """Whether all of these operations send the same request, so that any of them can be used."""
    requests = [_request_of(one) for one in found if isinstance(one, Call)]
    return bool(requests) and all(request == requests[0] for request in requests)


def _request_of(call: Call) -> tuple[object, ...]:
    return tuple(
        (step.request.operation.at, [(field.place, field.name, field.value) for field in step.request.fields])
        for step in call.flow.steps
    )


def _unknown(plan: CapabilityPlan, among: list[Call | RejectedOperation], text: str) -> ConfigError:
    names = list(dict.fromkeys(display_name(one) for one in among))
    called = [one.describes.address if isinstance(one, Call) else one.exposed.call or "" for one in among]
    likely = similar(text, dict.fromkeys([*names, *called]))
    hint = (
        f"did you mean {' or '.join(map(repr, likely))}?" if likely else f"there are {', '.join(map(repr, names[:12]))}"
    )
    return ConfigError(f"{plan.about.name} has no operation {text!r}", hint=hint)
