"""Reads the `steps` of an exposed operation; steps that are not supported reject the operation."""

from __future__ import annotations

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.diagnostics.reporter import Reporter
from cap_core.document import unsupported
from cap_core.document.reader import ModelNode, read
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredStep
from cap_core.syntax.yaml_tree import Map, Node, Scalar, Seq, resolve


class ExposedStep(ModelNode, frozen=True, kw_only=True):
    """A step of type `call`."""

    name: str = ""
    type: str | None = None
    call: str | None = None
    with_: Map | None = msgspec.field(default=None, name="with")


class Steps(msgspec.Struct, frozen=True):
    """The steps to run, or the diagnostic that rejects the operation."""

    declared: tuple[DeclaredStep, ...] = ()
    rejection: Diagnostic | None = None
    unread: tuple[Diagnostic, ...] = ()
    """What would restrict a step and cannot be read."""


def read_steps(node: Node | None, subject: str, report: Reporter) -> Steps:
    """Read the steps of `subject`. Only steps of type `call` are supported, each with a unique name."""
    if node is None or (resolve(node) is None if isinstance(node, Scalar) else not node):
        return Steps()
    if not isinstance(node, Seq):
        return Steps(rejection=report("bad-step", node.mark, f"the steps of {subject} are no list; it is left out"))
    found: list[DeclaredStep] = []
    unread: list[Diagnostic] = []
    for item in node:
        if (rejection := _not_run(item, subject, report)) is not None:
            return Steps(rejection=rejection)
        step = read(item, ExposedStep, report, f"a step of {subject}")
        if step is None or not step.name:
            what = f"a step of {subject} has no name, by which its result is known; it is left out"
            return Steps(rejection=report("bad-step", item.mark, what))
        if "." in step.name:
            what = f"the step {step.name!r} of {subject} has a dot in its name, and its result cannot be named"
            return Steps(rejection=report("bad-step", item.mark, f"{what}; it is left out", "take another name"))
        found.append(_declared(step))
        unread += step.unread()
    return Steps(tuple(found), unread=tuple(unread))


def _not_run(item: Node, subject: str, report: Reporter) -> Diagnostic | None:
    """Why a step is not supported; None for one of type `call`, or without a type, which means the same."""
    if not isinstance(item, Map):
        return report("bad-step", item.mark, f"a step of {subject} is no mapping; it is left out")
    type_ = item.get(Scalar("type", item.mark))
    if type_ is None or type_ == "call":
        return None
    at: Mark = type_.mark
    if isinstance(type_, Scalar) and unsupported.lookup("step", type_) is not None:
        return unsupported.report_key("step", type_, at, subject, report)
    return report("bad-step", at, f"a step of {subject} is of no type that there is; it is left out")


def _declared(step: ExposedStep) -> DeclaredStep:
    return DeclaredStep(
        name=step.name,
        at=step.at,
        call=step.call,
        call_at=step.mark("call"),
        with_=None if step.with_ is None else {str(key): value for key, value in step.with_.items()},
    )
