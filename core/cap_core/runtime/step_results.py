"""Checks the results of earlier steps that a request needs: refuses those that are missing or cannot be sent.

Without this check the caller would be told that an input is wrong which no caller can give, or a value that says which
thing is meant would be dropped, and the request would be about all of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from cap_core.plan.request import Request, RequestField
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import Binding, StepRef, leaves
from cap_core.runtime.failures import no_result, unusable_result
from cap_core.runtime.values import ABSENT, Frame, as_text, compile_text

Check = Callable[[Frame], None]
"""Raises `Refusal` 502."""

_NEEDED: Final[Mapping[str, frozenset[FieldPlace]]] = {
    "PUT": frozenset({"query"}),
    "PATCH": frozenset({"query"}),
    "DELETE": frozenset({"query", "member", "body"}),
}
"""By method: the places beside the path whose values say which things are changed or removed."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def compile_check(request: Request, variables: Mapping[Binding, str]) -> Check | None:
    """The check of a frame before the request is made from it; None where it takes nothing from earlier steps."""
    checks = [_field_check(field, request, variables) for field in request.fields if _references(field)]
    if not checks:
        return None

    def check(frame: Frame) -> None:
        for one in checks:
            one(frame)

    return check


def _references(field: RequestField) -> list[StepRef]:
    return [leaf for leaf in leaves(field.value) if isinstance(leaf, StepRef)]


def _field_check(field: RequestField, request: Request, variables: Mapping[Binding, str]) -> Check:
    evaluate, address, place = compile_text(field.value, variables), request.operation.address, field.place
    results = [(one.step, compile_text(one, variables)) for one in _references(field)]
    needed = field.required or place == "path" or place in _NEEDED.get(request.operation.method, ())

    def check(frame: Frame) -> None:
        value = evaluate(frame)
        if value is ABSENT or (place == "query" and value == []):
            # An input that is not given is the caller's to give.
            missing = next((step for step, result in results if result(frame) in (ABSENT, [])), None)
            if needed and missing is not None:
                raise no_result(missing, field.name, address)
        elif place == "path" and as_text(value).partition(";")[0] in ("", ".", ".."):
            raise no_result(results[0][0], field.name, address)
        elif place == "header" and _CONTROL.search(_line(value)):
            raise unusable_result(results[0][0], field.name, address)

    return check


def _line(value: object) -> str:
    return ", ".join(map(as_text, value)) if isinstance(value, list) else as_text(value)
