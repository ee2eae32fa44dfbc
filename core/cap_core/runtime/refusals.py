"""The refusals of calls and callers because of missing or unsafe configuration (`docs/errors.md`, problems)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cap_core.errors import Refusal
from cap_core.plan.plan import CapabilityPlan, ExposurePlan
from cap_core.plan.request import Request
from cap_core.plan.values import Binding, mentions_binding
from cap_core.plugins.context import Run
from cap_core.plugins.messages import Answer, Caller, Check, Incoming
from cap_core.runtime.base_uri import Base, in_path
from cap_core.runtime.options import OpenOptions


def not_set(unset: Sequence[Binding], plan: CapabilityPlan) -> Refusal:
    """The refusal of a call because variables have no value; it names them, and where their values would come from."""
    names = ", ".join(binding.name for binding in unset)
    what = f"{names} is not set" if len(unset) == 1 else f"{names} are not set"
    first = unset[0]
    qualified = f"{first.namespace}.{first.name}" if first.namespace and first.declared else first.name
    return Refusal(503, "not-configured", what, hint=f"{_remedy(first, plan)} --set {qualified}=VALUE")


def _remedy(binding: Binding, plan: CapabilityPlan) -> str:
    given = any(v.binding == binding and v.given is not None for v in plan.variables)
    return "what was given is empty: give it with" if given else f"set the {origin_of(binding, plan)}, or give it with"


def origin_of(binding: Binding, plan: CapabilityPlan) -> str:
    """Where a variable's value comes from, for people."""
    for variable in plan.variables:
        if variable.binding == binding:
            return variable.describe()
    return f"variable {binding.name}"


def unprotected(request: Request, base: Base, values: Mapping[Binding, str], options: OpenOptions) -> Refusal | None:
    """The refusal of a request that would send a credential over plain http to another machine; else None.

    Every variable in a request counts as a credential, and so does one in the base URI after its host.
    """
    consumed = request.operation.consumed
    secret = bool(consumed.authentication) or any(mentions_binding(field.value) for field in request.fields)
    secret = secret or bool(consumed.base and in_path(consumed.base, values))
    if base.safe or not secret or options.plaintext(consumed):
        return None
    what = f"a credential of {consumed.namespace} would go to {base.host} over plain http"
    return Refusal(503, "plaintext", what, hint=f"use https, or serve with --allow-plaintext {consumed.namespace}")


def refusing(refusal: Refusal) -> Run:
    """The run of a call that is always refused."""

    async def refused(values: Mapping[str, object], context: object) -> Answer:
        raise Refusal(refusal.status, refusal.code, refusal.detail, hint=refusal.hint)

    return refused


def nobody(exposure: ExposurePlan) -> Check:
    """The check that accepts no caller, used if the expected credential has no value."""

    async def check(request: Incoming) -> Caller:
        headers = ((b"www-authenticate", f'Bearer realm="{exposure.about.name}"'.encode()),)
        raise Refusal(401, "unauthorized", "the gateway has no credential to compare callers with", headers=headers)

    return check
