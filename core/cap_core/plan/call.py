"""An exposed operation bound to what it calls, or rejected with the reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import Mark

if TYPE_CHECKING:
    from cap_core.plan.inputs import Inputs
from cap_core.plan.exposed import DeclaredOutput, ExposedOperation
from cap_core.plan.request import RequestField
from cap_core.plan.upstream import Operation


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An exposed operation or tool bound to a consumed operation."""

    key: str
    """Unique among everything served: `capability/exposure namespace/method path or tool name`."""
    exposed: ExposedOperation
    operation: Operation
    inputs: Inputs
    fields: tuple[RequestField, ...]
    outputs: tuple[DeclaredOutput, ...]
    """Empty for identity: the upstream's bytes go through untouched."""
    body_type: str = "json"
    """How a `body` or `member` field is encoded: `json`, `form`, `multipart`, `text`, `xml`, `sparql`, `yaml`."""
    output_options: object = None
    """The options struct of the format that the answer is decoded from; None on identity."""
    body_at: Mark | None = None
    """Where the document says how the body is encoded; None where it does not."""
    notes: tuple[Diagnostic, ...] = ()
    """What there was to say while it was compiled: what was inferred, matched, chosen."""

    @property
    def identity(self) -> bool:
        """Whether the upstream's answer goes through untouched."""
        return not self.outputs


class RejectedOperation(msgspec.Struct, frozen=True):
    """An exposed operation that is left out, with the diagnostic that says why."""

    exposed: ExposedOperation
    why: Diagnostic
    notes: tuple[Diagnostic, ...] = ()
    """What else there was to say while it was compiled."""
