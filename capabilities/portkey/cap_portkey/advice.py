"""A lint rule: documents that send Portkey's key as a bearer token, which Portkey refuses."""

from __future__ import annotations

from collections.abc import Iterator

from cap_core import DiagnosticRule, hookimpl
from cap_core.diagnostics.codes import Code
from cap_core.diagnostics.report import Diagnostic
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Consumed
from cap_core.runtime.base_uri import literal_base

HOST = "api.portkey.ai"
KEY = "x-portkey-api-key"

BEARER = Code(
    name="portkey-bearer",
    severity="warning",
    meaning="Portkey's key is sent as a bearer token; Portkey takes that for a provider's key and answers 401.",
    remedy="use type portkey with apiKey, and one of virtualKey, config, or provider with providerKey",
)


def diagnose(plan: CapabilityPlan) -> Iterator[Diagnostic]:
    """Look at the authentication of everything that goes to Portkey."""
    for consumed in plan.consumed:
        authentication = consumed.authentication
        if authentication is None or authentication.type != "bearer" or not _is_portkey(consumed):
            continue
        if not _sends_key(plan, consumed):
            what = f"{HOST} does not take its key as a bearer token"
            yield Diagnostic(authentication.at, BEARER.severity, BEARER.name, what, BEARER.remedy)


def _is_portkey(consumed: Consumed) -> bool:
    base = literal_base(consumed.base) if consumed.base is not None else None
    return base is not None and base.host == HOST


def _sends_key(plan: CapabilityPlan, consumed: Consumed) -> bool:
    """Whether the key goes where it belongs after all, as a header that the operations declare."""
    steps = (step for exposure in plan.exposures for call in exposure.calls for step in call.flow.steps)
    requests = (step.request for step in steps if step.request.operation.consumed == consumed)
    return any(field.place == "header" and field.name.lower() == KEY for one in requests for field in one.fields)


@hookimpl
def cap_diagnose() -> list[DiagnosticRule]:
    """Offer the rule."""
    return [DiagnosticRule(key="portkey-bearer", codes=(BEARER,), diagnose=diagnose)]
