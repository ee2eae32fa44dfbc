"""Compiled documents, and the plan of all that are served: frozen data that all requests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from cap_core.diagnostics.report import Diagnostic
from cap_core.errors import Mark

if TYPE_CHECKING:
    from cap_core.plan.variables import Variable
from cap_core.plan.call import Call, RejectedOperation
from cap_core.plan.upstream import Authentication, Consumed, Operation


class Stakeholder(msgspec.Struct, frozen=True, omit_defaults=True):
    """A person that the document names as a stakeholder."""

    role: str = ""
    fullName: str = ""
    email: str = ""


class About(msgspec.Struct, frozen=True):
    """The information that a document has about itself."""

    name: str
    title: str
    description: str
    version: str
    file: str
    tags: tuple[str, ...] = ()
    created: str = ""
    modified: str = ""
    stakeholders: tuple[Stakeholder, ...] = ()


class ExposurePlan(msgspec.Struct, frozen=True, kw_only=True):
    """One `exposes` entry, compiled."""

    about: About
    key: str
    """Unique among everything served."""
    type: str
    namespace: str
    description: str
    port: int
    at: Mark
    calls: tuple[Call, ...]
    rejected: tuple[RejectedOperation, ...]
    authentication: Authentication | None
    options: object
    """The plugin's own options struct."""


class CapabilityPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One document, compiled."""

    about: About
    consumed: tuple[Consumed, ...]
    operations: tuple[Operation, ...]
    exposures: tuple[ExposurePlan, ...]
    variables: tuple[Variable, ...]
    """Every name the document may read from outside."""
    diagnostics: tuple[Diagnostic, ...]
    """Every diagnostic, each at its own place."""


class Plan(msgspec.Struct, frozen=True):
    """Everything that is served, compiled. Read-only and shared by all requests."""

    capabilities: tuple[CapabilityPlan, ...]

    @property
    def exposures(self) -> tuple[ExposurePlan, ...]:
        """Every exposure of every capability, in order."""
        return tuple(e for capability in self.capabilities for e in capability.exposures)
