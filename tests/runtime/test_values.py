"""Values that come from earlier steps of a call, beside those of its inputs."""

from __future__ import annotations

import pytest

from cap_core.errors import Refusal
from cap_core.plan.values import Binding, Constant, InputRef, StepRef, Template, Tree, Value
from cap_core.runtime.values import ABSENT, Frame, compile_json, compile_text

KEY = Binding("KEY")
FRAME = Frame({"id": "7"}, {"find": {"items": [{"id": 3}, {"id": None}], "none": None}, "plain": "text"})


@pytest.mark.parametrize(
    ("value", "found"),
    [
        pytest.param(StepRef("find", "$.items[0].id"), 3, id="a-value"),
        pytest.param(StepRef("find", "$.items[*].id"), [3, None], id="many-values"),
        pytest.param(StepRef("plain", "$"), "text", id="the-whole-result"),
        pytest.param(StepRef("find", "$.none"), ABSENT, id="null"),
        pytest.param(StepRef("find", "$.missing"), ABSENT, id="nothing"),
        pytest.param(StepRef("later", "$"), ABSENT, id="a-step-that-did-not-run"),
        pytest.param(Template(("n", StepRef("find", "$.items[0].id"), KEY)), "n3k", id="in-a-text"),
        pytest.param(Template(("n", StepRef("find", "$.missing"))), ABSENT, id="nothing-in-a-text"),
        pytest.param(
            Tree((("a", StepRef("find", "$.items[0].id")), ("b", StepRef("find", "$.none"))), keyed=True),
            {"a": 3},
            id="in-an-object",
        ),
        pytest.param(Tree((InputRef("id"), StepRef("plain", "$"), Constant(1)), keyed=False), ["7", "text", 1]),
    ],
)
def test_a_value_of_an_earlier_step(value: Value, found: object) -> None:
    assert found == compile_text(value, {KEY: "k"})(FRAME)
    assert found == compile_json(value, {KEY: "k"}, {})(FRAME)


def test_a_result_nested_deeper_than_a_path_can_follow_is_malformed() -> None:
    deep: object = 1
    for _ in range(300):
        deep = {"a": deep}

    with pytest.raises(Refusal, match="step find") as refused:
        compile_text(StepRef("find", "$..b"), {})(Frame({}, {"find": deep}))
    assert (502, "upstream-malformed") == (refused.value.status, refused.value.code)
