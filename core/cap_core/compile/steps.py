"""Compiles an operation with `steps`: binds each step to what it calls, and makes the inputs that they read.

The rules are those of `docs/semantics.md`, steps.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from cap_core.compile.assignments import Assignments
from cap_core.compile.bind_call import bind
from cap_core.compile.bind_inputs import BoundInputs, bind_inputs
from cap_core.compile.bound import Bound, origins
from cap_core.compile.decoding import compile_decoding
from cap_core.compile.outputs import check_mappings, read_outputs
from cap_core.compile.rejection import Rejected
from cap_core.compile.request import bound_request
from cap_core.compile.resolve_call import OperationIndex, find
from cap_core.compile.scope import Scope, exposed_scope
from cap_core.compile.state import Compilation
from cap_core.compile.step_names import StepNames
from cap_core.compile.target import Target
from cap_core.compile.unclaimed import Claimed, claim_step
from cap_core.diagnostics.reporter import Reporter
from cap_core.plan.exposed import DeclaredStep, ExposedOperation
from cap_core.plan.flow import CallStep, Flow, Mapped, PassThrough
from cap_core.plan.inputs import Inputs
from cap_core.syntax.names import match, norm
from cap_core.syntax.templates import TemplateError


class _BoundStep(msgspec.Struct, frozen=True):
    step: DeclaredStep
    target: Target
    bound: Bound
    claimed: Claimed


def compile_steps(
    exposed: ExposedOperation, namespace: str, index: OperationIndex, compilation: Compilation, report: Reporter
) -> tuple[Inputs, Flow]:
    """The inputs and the flow of the steps. Raises `Rejected` if one of them cannot be called as written."""
    try:
        scope = exposed_scope(exposed, namespace, compilation.bindings)
        steps = _bound_steps(exposed, scope, index, compilation, report)
        joined = _joined_inputs(steps, scope, report)
    except TemplateError as error:
        raise Rejected("bad-template", exposed.at, str(error)) from None
    for key, given in (("call", exposed.call), ("with", exposed.with_)):
        if given:
            report("not-acted-on", exposed.call_at, f"{key!r} has no effect beside 'steps'")
    outputs = read_outputs(exposed, steps[-1].target.operation, compilation, report)
    compiled: list[CallStep] = []
    start = 0
    for one in steps:
        end = start + len(one.claimed.fields)
        last = one is steps[-1]
        encoding = one.claimed.encoding
        body_type = encoding.type if encoding is not None else one.bound.body_type
        request = bound_request(one.target, joined.fields[start:end], body_type)
        read = outputs if last else one.target.outputs
        check_mappings(read)
        decoding = compile_decoding(request.operation, read, compilation, reads=bool(outputs) or not last)
        compiled.append(
            CallStep(name=one.step.name, request=request, with_=one.step.with_, decode=decoding, outputs=read)
        )
        start = end
    return joined.inputs, Flow(tuple(compiled), Mapped(outputs) if outputs else PassThrough())


def _bound_steps(
    exposed: ExposedOperation, scope: Scope, index: OperationIndex, compilation: Compilation, report: Reporter
) -> list[_BoundStep]:
    """Each step, bound to what it calls. Its values may refer to the results of the steps before it."""
    steps: list[_BoundStep] = []
    names = tuple(step.name for step in exposed.steps)
    for n, step in enumerate(exposed.steps):
        if step.name in names[:n]:
            raise Rejected("duplicate-name", step.at, f"the step {step.name!r} already stands above")
        call = msgspec.structs.replace(
            exposed, kind="step", name=step.name, at=step.at, call=step.call, call_at=step.call_at, with_=step.with_
        )
        target = find(call, index, report, compilation.unread_namespaces)
        seen = StepNames(names[:n], names[n:])
        own = msgspec.structs.replace(scope, at=step.at, call_at=step.call_at, with_=step.with_, steps=seen)
        bound = bind(target, own, report)
        claimed = claim_step(bound, report, last=step is exposed.steps[-1])
        steps.append(_BoundStep(step, target, bound, claimed))
    return steps


def _joined_inputs(steps: Sequence[_BoundStep], scope: Scope, report: Reporter) -> BoundInputs:
    """The inputs behind the values of all steps, and those values in order."""
    fields = tuple(field for one in steps for field in one.claimed.fields)
    scope = _without_supplied(steps, scope, origins(fields).keys())
    unread = _unread(scope, origins(fields).keys(), steps, report)
    entries = {f"{one.step.name} {key}": entry for one in steps for key, entry in one.bound.assignments.entries.items()}
    bound = Bound(
        target=Target(
            address=", ".join(dict.fromkeys(one.target.address for one in steps)),
            at=scope.at,
            replaces=any(one.target.replaces for one in steps),
        ),
        scope=scope,
        parameters=(),
        assignments=Assignments(entries),
        fields=tuple(field for one in steps for field in one.bound.fields),
        body_type="json" if all(one.bound.body_type == "json" for one in steps) else "",
    )
    last = msgspec.structs.replace(steps[-1].claimed, fields=fields, unreached=unread)
    return bind_inputs(bound, last, report)


def _without_supplied(steps: Sequence[_BoundStep], scope: Scope, read: Collection[str]) -> Scope:
    """The scope without the inputs that some step leaves to its authentication and no other step reads."""
    own = [one.bound.scope for one in steps]
    gone = {name for name in scope.declared if any(name not in one.declared for one in own) and not match(name, read)}
    return msgspec.structs.replace(
        scope,
        declared={name: declared for name, declared in scope.declared.items() if name not in gone},
        supplied=frozenset().union(*(one.supplied for one in own)),
    )


def _unread(scope: Scope, read: Collection[str], steps: Sequence[_BoundStep], report: Reporter) -> tuple[str, ...]:
    """The declared inputs that no step reads, which is reported. Callers may give them; nothing is sent.

    Raises `Rejected` if one of them would have to say what a step removes or replaces.
    """
    identify = any(one.bound.all_identify for one in steps)
    reached = {spelling for name in read for spelling in (name, norm(name))}
    unread = []
    for name, declared in scope.declared.items():
        if name in reached or norm(name) in reached or match(name, scope.path_names) is not None:
            continue
        if identify and not declared.inherited:
            raise Rejected(
                "lost-identifier", declared.at, f"no step reads the input {name!r}", "use it in a step's 'with'"
            )
        report("unknown-parameter", declared.at, f"no step reads the input {name!r}; it is not sent")
        unread.append(name)
    return tuple(unread)
