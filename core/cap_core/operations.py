"""Which call a person means: a tool name, `METHOD /exposed/path`, or `namespace.operation` where that is unique."""

from __future__ import annotations

import difflib

from cap_core.errors import ConfigError
from cap_core.plan import Call, CapabilityPlan, Quarantined


def spelled(call: Call | Quarantined) -> str:
    """How a person names an exposed operation."""
    exposed = call.exposed
    return exposed.name if exposed.method is None else f"{exposed.method} {exposed.path}"


def find_call(plan: CapabilityPlan, text: str) -> Call:
    """The call that `text` means. Raises `ConfigError` for none and for several, listing the candidates."""
    wanted = " ".join(text.split())
    method, space, path = wanted.partition(" ")
    if space:
        wanted = f"{method.upper()} {path}"
    calls = [call for exposure in plan.exposures for call in exposure.calls]
    exact = [call for call in calls if spelled(call) == wanted]
    found = exact or [call for call in calls if wanted in (call.operation.address, call.exposed.name)]
    if len(found) == 1 or (found and len({(c.operation.at, c.feeds) for c in found}) == 1):
        return found[0]
    if found:
        listed = ", ".join(repr(spelled(call)) for call in found)
        raise ConfigError(f"{text!r} may be any of {listed}", hint="name one of them")
    raise _unknown(plan, calls, text)


def _unknown(plan: CapabilityPlan, calls: list[Call], text: str) -> ConfigError:
    for exposure in plan.exposures:
        for left_out in exposure.quarantined:
            if spelled(left_out) == text or left_out.exposed.name == text:
                why = left_out.why
                return ConfigError(f"{text!r} cannot be served: {why.message}", at=why.at, hint=why.hint)
    names = list(dict.fromkeys(spelled(call) for call in calls))
    near = difflib.get_close_matches(text, [*names, *(call.operation.address for call in calls)], n=3)
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(map(repr, names[:12]))}"
    return ConfigError(f"{plan.about.name} has no operation {text!r}", hint=hint)
