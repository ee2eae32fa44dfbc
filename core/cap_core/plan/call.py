"""A call: an exposed operation bound to what it calls; or the operation, rejected with the reason."""

from __future__ import annotations

from typing import Literal

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.plan.exposed import DeclaredOutput, ExposedOperation
from cap_core.plan.flow import Flow, PassThrough
from cap_core.plan.inputs import Inputs
from cap_core.plan.upstream import Operation

Safety = Literal["safe", "idempotent", "unsafe"]
"""Whether a call changes nothing, changes no more when repeated, or may do more each time (RFC 9110, 9.2)."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_IDEMPOTENT = frozenset({"PUT", "DELETE"})


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """Descriptions of a call, taken from the operations it calls; used if the exposed operation has none of its own."""

    title: str = ""
    description: str = ""
    tags: tuple[str, ...] = ()
    resource: str = ""
    """The label of the resource that it calls."""
    address: str = ""
    """`namespace.operation` of what it calls, several separated by commas; "" where it calls nothing."""
    route: str = ""
    """The method, path and namespace of what it calls, for a description if there is no other."""
    upstream: str = ""
    """The namespaces that it calls, separated by commas."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """An exposed operation with its inputs and its flow: what happens when it is called."""

    key: str
    """Unique among everything served: `capability/exposure namespace/method path or tool name`."""
    capability: str
    exposed: ExposedOperation
    inputs: Inputs
    flow: Flow
    describes: Described = Described()
    notes: tuple[Diagnostic, ...] = ()
    """The diagnostics of its compilation: what was inferred, matched, chosen."""

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The consumed operations it calls, in order; none for a mock."""
        return tuple(step.request.operation for step in self.flow.steps)

    @property
    def answering(self) -> Operation | None:
        """The operation whose answer becomes the call's: the last; None for a mock."""
        return self.flow.steps[-1].request.operation if self.flow.steps else None

    @property
    def identity(self) -> bool:
        """Whether the upstream's answer is passed through untouched."""
        return isinstance(self.flow.result, PassThrough)

    @property
    def outputs(self) -> tuple[DeclaredOutput, ...]:
        """The outputs of its result; empty for identity."""
        result = self.flow.result
        return () if isinstance(result, PassThrough) else result.outputs

    @property
    def safety(self) -> Safety:
        """Whether repeating it is safe: as safe as the least safe of its operations."""
        methods = {operation.method for operation in self.operations}
        if methods <= _SAFE:
            return "safe"
        return "idempotent" if methods <= _SAFE | _IDEMPOTENT else "unsafe"

    @property
    def passes_head(self) -> bool:
        """Whether HEAD is passed on as HEAD: for a single GET whose answer is passed through untouched."""
        return self.identity and [operation.method for operation in self.operations] == ["GET"]


class RejectedOperation(msgspec.Struct, frozen=True):
    """An exposed operation that is not served, with the diagnostic that gives the reason."""

    exposed: ExposedOperation
    why: Diagnostic
    notes: tuple[Diagnostic, ...] = ()
    """The other diagnostics of its compilation."""
