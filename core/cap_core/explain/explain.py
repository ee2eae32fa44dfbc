"""Explains one exposed operation: builds its requests as a real call does, with secrets masked, and sends nothing."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from cap_core.diagnostics.report import Diagnostic, summed
from cap_core.errors import Mark
from cap_core.explain.credential_origins import (
    describe_authentication,
    option_steps,
)
from cap_core.explain.find_operation import display_name
from cap_core.explain.input_origins import InputTrace, input_traces
from cap_core.explain.origin import Origin
from cap_core.explain.step import ExplainedStep, Shown, explain_step
from cap_core.plan.call import Call, RejectedOperation
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.plan import CapabilityPlan
from cap_core.plan.upstream import Operation
from cap_core.plan.values import Binding
from cap_core.plugins.registry import Registry
from cap_core.runtime.options import OpenOptions


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one exposed operation.

    `request` is None if a call would be refused, for the reason in `refused`, and if the operation is rejected, for the
    reason in `quarantined`. `notes` are the diagnostics of its compilation: what was inferred, matched and chosen.
    """

    capability: str
    exposed: str
    operation: str
    spec: str
    consumed: str | None
    quarantined: Diagnostic | None = None
    request: Shown | None = None
    refused: str | None = None
    unset: tuple[str, ...] = ()
    values: tuple[Origin, ...] = ()
    inputs: tuple[InputTrace, ...] = ()
    tool: bool = False
    """Whether models call it; they are shown its `input_schema`."""
    input_schema: Mapping[str, object] = {}
    callers: Origin | None = None
    """The credential that callers must send; None if anybody may call."""
    output: Origin | None = None
    outputs: tuple[Mapping[str, object], ...] = ()
    notes: tuple[Diagnostic, ...] = ()
    steps: tuple[ExplainedStep, ...] | msgspec.UnsetType = msgspec.UNSET
    """Every step of a flow of several, in order; `request` and `values` are then those of the last."""


def explain_rejected(plan: CapabilityPlan, rejected: RejectedOperation) -> Explanation:
    """Explain an operation that is not served."""
    called = next((o for o in plan.operations if o.address == rejected.exposed.call), None)
    places = _places(called) if called is not None else set()
    return Explanation(
        capability=plan.about.name,
        exposed=display_name(rejected),
        operation=rejected.exposed.call or "",
        spec=str(rejected.exposed.at),
        consumed=str(called.at) if called is not None else None,
        quarantined=rejected.why,
        notes=_notes(plan, places, rejected.notes, rejected.why),
    )


async def explain(
    plan: CapabilityPlan,
    call: Call,
    registry: Registry,
    options: OpenOptions,
    inputs: Mapping[str, object],
    refused: str | None = None,
) -> Explanation:
    """Explain a call with checked `inputs`; `refused` is the reason if the inputs already refuse it."""
    steps: list[ExplainedStep] = []
    absent: frozenset[Binding] = frozenset()
    for step in call.flow.steps:
        explained, variables = await explain_step(plan, call, step, registry, options, inputs, refused)
        steps.append(explained)
        absent |= variables.absent
    last = steps[-1] if steps else None
    return Explanation(
        capability=plan.about.name,
        exposed=display_name(call),
        operation=call.describes.address,
        spec=str(call.exposed.at),
        consumed=last.consumed if last is not None else None,
        request=last.request if last is not None else None,
        refused=next((step.refused for step in steps if step.refused is not None), None if steps else refused),
        unset=tuple(dict.fromkeys(name for step in steps for name in step.unset)),
        values=last.values if last is not None else (),
        inputs=input_traces(call),
        tool=call.exposed.kind == "tool",
        input_schema=call.inputs.schema(),
        callers=_callers(plan, call, registry, absent),
        output=_format(call, registry),
        outputs=tuple(map(_output, call.outputs)),
        notes=_notes(plan, {mark for one in call.operations for mark in _places(one)}, call.notes),
        steps=tuple(steps) if len(steps) > 1 else msgspec.UNSET,
    )


# --- where everything came from ---------------------------------------------------------------------------------------


def _callers(plan: CapabilityPlan, call: Call, registry: Registry, absent: frozenset[Binding]) -> Origin | None:
    exposure = next(e for e in plan.exposures if any(one.key == call.key for one in e.calls))
    authentication = exposure.authentication
    if authentication is None:
        return None
    at = str(authentication.at) if authentication.origin == "document" else authentication.origin
    steps = option_steps(plan, authentication, absent)
    return Origin("callers", authentication.type, describe_authentication(authentication, registry), at, steps)


def _format(call: Call, registry: Registry) -> Origin:
    operation = call.answering
    if operation is None:
        return Origin("output", "composed", "values of the document, which nothing is asked for", str(call.exposed.at))
    at = str(operation.marks.get("outputRawFormat", operation.at))
    if call.identity:
        return Origin("output", "identity", "the upstream's answer, untouched", at)
    plugin = registry.owner(f"output format {operation.format}")
    owner = f" (plugin {plugin.name} of {plugin.distribution})" if plugin is not None else ""
    why = "outputRawFormat" if "outputRawFormat" in operation.marks else "no outputRawFormat is named"
    return Origin("output", "mapped", f"decoded from {operation.format}{owner}: {why}", at)


def _output(output: DeclaredOutput) -> Mapping[str, object]:
    return {
        "name": output.name,
        "type": output.type,
        "mapping": output.mapping,
        "at": str(output.at),
        "items": _output(output.items) if output.items else None,
        "properties": [_output(p) for p in output.properties],
        "values": _output(output.values) if output.values else None,
        "max_length": output.max_length,
    }


# --- notes ------------------------------------------------------------------------------------------------------------

_FILE_WIDE = {"alias-key", "alias-body", "newer-version"}
"""Codes about a spelling that a file uses throughout, rather than about one place."""


def _places(operation: Operation) -> set[Mark]:
    """Every mark of a consumed operation and its namespace that a diagnostic may have."""
    consumed = operation.consumed
    authentication = consumed.authentication
    found = {operation.at, *operation.path_at, *operation.marks.values(), consumed.at}
    return found | ({authentication.at, *authentication.marks.values()} if authentication is not None else set())


def _notes(
    plan: CapabilityPlan, places: set[Mark], own: tuple[Diagnostic, ...], why: Diagnostic | None = None
) -> tuple[Diagnostic, ...]:
    about = [d for d in plan.diagnostics if d.code in _FILE_WIDE or (not d.operation and d.at in places)]
    return summed(note for note in dict.fromkeys((*own, *about)) if note != why)
