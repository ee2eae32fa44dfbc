"""The type of an input, from its declaration and the parameters whose value it is; and the default that is sent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce

import msgspec

from cap_core.compile.bound import BoundField
from cap_core.compile.input_types import input_type
from cap_core.compile.target import Parameter
from cap_core.diagnostics.report import Diagnostic, Report
from cap_core.diagnostics.reporter import Reporter
from cap_core.errors import Mark
from cap_core.plan.exposed import DeclaredInput, DeclaredType
from cap_core.plan.input_types import InputType
from cap_core.plan.upstream import FieldPlace
from cap_core.plan.values import InputRef
from cap_core.runtime.input_checks import json_check, plain_value

_DEFAULTED: Collection[FieldPlace] = ("query", "header")
"""Where the default of a consumed parameter is sent, if the parameter is required: it is mostly the vendor's own."""


def effective_type(
    name: str, declared: DeclaredInput | None, parameters: Sequence[Parameter], report: Reporter
) -> InputType:
    """What values of an input may be: as it is declared, and where that is silent, as the parameters are."""
    if declared is None and len(parameters) <= 1:
        return parameters[0].of if parameters else InputType()
    if declared is not None and not parameters:
        return input_type(declared.of, f"the input {name!r}", report)
    written = [*([declared.of] if declared is not None else []), *map(_valid, parameters)]
    known = frozenset(mark for parameter in parameters for mark in parameter.written.marks.values())
    whole = reduce(DeclaredType.over, written)
    return input_type(whole, f"the input {name!r}", _Others(known, report))


def _valid(parameter: Parameter) -> DeclaredType:
    """What a parameter says, without a default that it cannot have, which was reported with the parameter."""
    unset = parameter.of.default is msgspec.UNSET
    return msgspec.structs.replace(parameter.written, default=None) if unset else parameter.written


class _Others(msgspec.Struct, frozen=True):
    """Reports what was not reported with the parameter itself."""

    known: frozenset[Mark]
    report: Reporter

    def __call__(self, code: str, at: Mark, message: str, hint: str | None = None) -> Diagnostic:
        if at in self.known and code != "bad-default":
            return Report().add(code, at, message, hint=hint)
        return self.report(code, at, message, hint)


def sent_default(one: BoundField, declared: DeclaredInput | None, of: InputType) -> object:
    """What a field of the request gets if its input is not given; `UNSET` for nothing.

    The default of an exposed input is the author's own, and counts wherever the input goes.
    """
    if declared is not None and declared.of.default is not None:
        return of.default
    parameter = one.parameter
    if parameter is None or not isinstance(one.field.value, InputRef):
        return msgspec.UNSET
    if not parameter.required or one.field.place not in _DEFAULTED or parameter.of.default is msgspec.UNSET:
        return msgspec.UNSET
    check = json_check(of)
    fits = check is None or check(plain_value(parameter.of.default)) is None
    return parameter.of.default if fits else msgspec.UNSET
