"""Rules that add diagnostics of their own over a compiled document."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cap_core.diagnostics.codes import Code
    from cap_core.diagnostics.report import Diagnostic
    from cap_core.plan.plan import CapabilityPlan


class DiagnosticRule(msgspec.Struct, frozen=True, kw_only=True):
    """A lint rule over a compiled document, with the codes it may report, which are added to the table of codes."""

    key: str
    codes: tuple[Code, ...]
    diagnose: Callable[[CapabilityPlan], Iterable[Diagnostic]]
