"""Cap runs capability documents; these are the names a plugin needs."""

from __future__ import annotations

from cap_core.errors import CapError, Fault, Mark, OptionError, Refusal, UpstreamError
from cap_core.hookspecs import hookimpl
from cap_core.offers import (
    AsgiWrapper,
    AttachAt,
    AuthScheme,
    BindAt,
    BindingResolver,
    CapabilitySource,
    CheckAt,
    Credentials,
    DiagnosticRule,
    ExposeAt,
    Exposure,
    Face,
    Flow,
    Interceptor,
    OutputAt,
    OutputMapper,
    Route,
    SignAt,
    Transport,
)
from cap_core.secret import Secret

__all__ = [
    "AsgiWrapper",
    "AttachAt",
    "AuthScheme",
    "BindAt",
    "BindingResolver",
    "CapError",
    "CapabilitySource",
    "CheckAt",
    "Credentials",
    "DiagnosticRule",
    "ExposeAt",
    "Exposure",
    "Face",
    "Fault",
    "Flow",
    "Interceptor",
    "Mark",
    "OptionError",
    "OutputAt",
    "OutputMapper",
    "Refusal",
    "Route",
    "Secret",
    "SignAt",
    "Transport",
    "UpstreamError",
    "hookimpl",
]
