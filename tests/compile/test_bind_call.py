"""A target binds to what a step of a flow brings, as it does to an exposed operation."""

from __future__ import annotations

from collections.abc import Mapping

from cap_core.compile.bind_call import bind
from cap_core.compile.bind_inputs import bind_inputs
from cap_core.compile.scope import Scope
from cap_core.compile.step_names import StepNames
from cap_core.compile.target import BodyTemplate, Parameter, Target
from cap_core.compile.unclaimed import claim
from cap_core.compile.variables import Bindings
from cap_core.diagnostics.report import Diagnostic, Report
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredType
from cap_core.plan.input_types import InputType
from cap_core.plan.values import InputRef, StepRef, Template
from cap_core.syntax.templates import parse_path
from cap_core.syntax.yaml_tree import Map, Scalar

AT = Mark("flow.yaml", 1, 1)


def parameter(name: str) -> Parameter:
    return Parameter(
        name=name,
        place="query",
        of=InputType(type="string"),
        written=DeclaredType(at=AT, types=("string",)),
        required=False,
        value=None,
        at=AT,
    )


def bound(target: Target, **with_: str) -> tuple[dict[str, object], list[str], list[str]]:
    """What each field of the request is, the inputs behind them, and the codes of what is reported."""
    entries: Mapping[str, Scalar] = {key: Scalar(text, AT) for key, text in with_.items()}
    scope = Scope(
        at=AT,
        call_at=AT,
        bindings=Bindings(()),
        prefixes=frozenset({"rest", "tools"}),
        steps=StepNames(("first-step",)),
        with_=entries,
    )
    diagnostics = Report()

    def report(code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic:
        return diagnostics.add(code, at, message, hint=hint)

    request = bind(target, scope, report)
    out = bind_inputs(request, claim(request, report), report)
    fields = {field.name: field.value for field in out.fields}
    return fields, [item.name for item in out.inputs.items], [item.code for item in diagnostics]


def test_a_step_takes_what_an_earlier_step_gave_and_what_callers_give() -> None:
    target = Target(
        address="api.get", at=AT, segments=parse_path("/things/{id}"), parameters=(parameter("q"), parameter("n"))
    )

    fields, inputs, codes = bound(target, id="first-step.item.id", q="tools.words", n="{{first-step}}")

    assert {
        "id": StepRef("first-step", "$.item.id"),
        "q": InputRef("words", label="argument words"),
        "n": StepRef("first-step", "$"),
    } == fields
    assert ["words"] == inputs
    assert [] == codes


def test_the_output_of_a_step_may_stand_inside_a_text_and_in_the_body_of_its_target() -> None:
    body = Map({Scalar("owner", AT): Scalar("{{tools.owner}}", AT)})
    body.mark = AT
    target = Target(
        address="api.add", at=AT, parameters=(parameter("q"),), body=BodyTemplate("json", body, AT), writes=True
    )

    fields, inputs, codes = bound(target, q="id:{{first-step.id}}", owner="first-step.owner")

    assert Template(("id:", StepRef("first-step", "$.id"))) == fields["q"]
    assert StepRef("first-step", "$.owner") == fields[""].items[0][1]
    assert [] == inputs == codes


def test_a_name_that_no_earlier_step_has_is_text() -> None:
    fields, inputs, _ = bound(Target(address="api.get", at=AT, parameters=(parameter("q"),)), q="second-step.id")

    assert "second-step.id" == fields["q"].value
    assert [] == inputs
