"""Reports, once for a document, keys that have no effect and keys that no published schema has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cap_core.compile.variables import Bindings
from cap_core.diagnostics.reporter import Reporter
from cap_core.document.consumed_outputs import unknown_keys
from cap_core.document.model import ConsumedOutput, ConsumedParameter, ConsumesEntry
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredOutput
from cap_core.plan.plan import ExposurePlan
from cap_core.syntax.yaml_tree import scalars

_OF_PARAMETERS = ("type", "required", "description")
"""Keys that nearly every document has on consumed parameters, and no published schema allows."""


def lint(
    entries: Iterable[ConsumesEntry], exposures: Iterable[ExposurePlan], bindings: Bindings, report: Reporter
) -> None:
    """Report each kind of finding once, at its first place; texts that look like variables each."""
    consumed, plans = tuple(entries), tuple(exposures)
    _bare_variables(consumed, bindings, report)
    _without_effect(consumed, _seen_by_steps(plans), report)
    _beyond_schema(consumed, report)
    _loose_outputs(plans, report)


def _bare_variables(entries: Iterable[ConsumesEntry], bindings: Bindings, report: Reporter) -> None:
    """Report fixed values that are the name of a variable, or `${NAME}`: they are sent as that text."""
    for entry in entries:
        operations = [operation for resource in entry.resources for operation in resource.operations]
        values = [parameter.value for parameter in _parameters(entry)]
        bodies = [operation.body for operation in operations]
        for node in (node for node in (*values, *bodies) if node is not None):
            for text in scalars(node):
                if (name := bindings.meant(text)) is not None:
                    what = f"{str(text)!r} is sent as that text"
                    report("literal-source", text.mark, what, f"write '{{{{{name}}}}}' for the variable")


def _seen_by_steps(exposures: Iterable[ExposurePlan]) -> frozenset[Mark]:
    """The places of the operations whose outputs a later step of a flow sees."""
    calls = (call for exposure in exposures for call in exposure.calls)
    return frozenset(step.request.operation.at for call in calls for step in call.flow.steps[:-1])


def _without_effect(entries: Iterable[ConsumesEntry], seen: frozenset[Mark], report: Reporter) -> None:
    """Report outputs of consumed operations: only later steps read them, exposed outputs decide about the answer."""
    resources = (resource for entry in entries for resource in entry.resources)
    declaring = [one for resource in resources for one in resource.operations if one.outputParameters]
    _report_seen([output for one in declaring if one.at in seen for output in one.outputParameters], report)
    operations = [one for one in declaring if one.at not in seen]
    if not operations:
        return
    keys = sorted({key for one in operations for output in one.outputParameters for key in output.marks})
    more = f" and in {len(operations) - 1} more" if len(operations) > 1 else ""
    what = (
        f"'outputParameters' of the consumed {operations[0].name!r}{more} have no effect; they have: {', '.join(keys)}"
    )
    report("not-acted-on", operations[0].mark("outputParameters"), what)


def _report_seen(outputs: Sequence[ConsumedOutput], report: Reporter) -> None:
    """What of the outputs that steps see has no effect all the same."""
    described = [output for output in outputs if output.description]
    if described:
        what = "'description' of what a step sees of an answer has no effect; nobody is shown it"
        report("not-acted-on", described[0].mark("description"), what)
    for key in (key for output in outputs for key in unknown_keys(output)):
        what = f"an entry of 'outputParameters' has the key {str(key)!r}, which is not acted upon"
        report("unknown-key", key.mark, what)


def _beyond_schema(entries: Iterable[ConsumesEntry], report: Reporter) -> None:
    parameters = [one for entry in entries for one in _parameters(entry)]
    found = {key: [one for one in parameters if key in one.marks] for key in _OF_PARAMETERS}
    listed = ", ".join(f"{key!r} ({len(those)})" for key, those in found.items() if those)
    if listed:
        first = min((those[0].mark(key) for key, those in found.items() if those), key=lambda at: (at.line, at.column))
        what = f"{listed} of consumed parameters: in no published schema, and acted upon"
        report("beyond-schema", first, what)


def _parameters(entry: ConsumesEntry) -> Iterator[ConsumedParameter]:
    yield from entry.inputParameters
    for resource in entry.resources:
        yield from resource.inputParameters
        for operation in resource.operations:
            yield from operation.inputParameters


def _loose_outputs(exposures: Iterable[ExposurePlan], report: Reporter) -> None:
    """Report object and array outputs that declare no members, which the schemas require; all members are passed."""
    found = [output for exposure in exposures for output in _outputs(exposure) if _loose(output)]
    if found:
        outputs = "1 output" if len(found) == 1 else f"{len(found)} outputs"
        what = f"{outputs} without 'properties' or 'items', which the published schemas want: handed on whole"
        report("beyond-schema", min((output.at for output in found), key=lambda at: (at.line, at.column)), what)


def _outputs(exposure: ExposurePlan) -> Iterator[DeclaredOutput]:
    for call in exposure.calls:
        yield from call.exposed.outputs
    for rejected in exposure.rejected:
        yield from rejected.exposed.outputs


def _loose(output: DeclaredOutput) -> bool:
    return (output.type == "object" and not output.properties and output.values is None) or (
        output.type == "array" and output.items is None
    )
